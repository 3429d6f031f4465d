package server

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"

	"splitdns/server/config"
	"splitdns/zones/tomlfile"
)

// Load reads the configuration at path as [config.LoadFiles] does, and runs its tests: a
// red one is a problem, and there is no Config then. The start, each reload and
// `splitdns check` read the configuration through this door.
func Load(path string) (c *config.Config, files []config.File, problems tomlfile.Problems) {
	return LoadCandidate(path, "")
}

// LoadCandidate is Load with the candidate for the copy of a zone in the place of the copy in force, as
// [config.LoadCandidate] does it.
func LoadCandidate(path, zone string) (c *config.Config, files []config.File, problems tomlfile.Problems) {
	c, files, problems = config.LoadCandidate(path, zone)
	isExcused := anyTest
	if zone != "" {
		isExcused = redWithout(path)
	}
	c, problems = tested(c, problems, isExcused)
	return c, files, problems
}

// anyTest excuses any red test.
func anyTest(tomlfile.Problem) bool { return true }

// redWithout excuses those tests that are red without a candidate, too: what a candidate turns red is
// for the candidate to answer for, whatever else is missing.
func redWithout(path string) func(tomlfile.Problem) bool {
	before := sync.OnceValue(func() map[string]bool {
		tests := make(map[string]bool)
		if c, _ := config.Load(path); c != nil {
			for _, p := range runTests(c) {
				tests[testOf(p)] = true
			}
		}
		return tests
	})
	return func(p tomlfile.Problem) bool { return before()[testOf(p)] }
}

// testOf is the table of the test that p is about.
func testOf(p tomlfile.Problem) string { return p.Key[:max(0, strings.LastIndex(p.Key, ".want"))] }

// tested is c, which was loaded with problems, unless a test of it is red. While a subscribed zone has
// no copy, a red test that isExcused gives true for is a warning: it may wait for just that zone, which a
// server that did not start could never fetch.
func tested(c *config.Config, problems tomlfile.Problems, isExcused func(tomlfile.Problem) bool) (*config.Config, tomlfile.Problems) {
	if c == nil {
		return nil, problems
	}
	red := runTests(c)
	if len(red) == 0 {
		return c, problems
	}
	order := []string{c.Path}
	for _, p := range problems {
		order = append(order, p.File)
	}
	for i := range red {
		if len(c.Missing) > 0 && isExcused(red[i]) {
			red[i].Warning = true
			red[i].Text += "; this is a warning while there is no copy of zone " + strings.Join(c.Missing, ", ") + " yet"
		}
	}
	problems = slices.Concat(problems, red)
	problems.Sort(order...)
	if red.Errors() {
		return nil, problems
	}
	return c, problems
}

// runTests returns what is red among the tests of c.
func runTests(c *config.Config) tomlfile.Problems {
	if len(c.Tests) == 0 {
		return nil
	}
	e := NewEvaluator(c, localNetworks())
	red := tomlfile.Record{File: c.Path}
	for _, t := range c.Tests {
		red.LastLine = t.Want[len(t.Want)-1].Line
		if !t.Client.IsValid() {
			t.Client = anyClient(c)
		}
		v := e.Evaluate(t.Question, t.Client, Given{Known: t.Known, Chain: t.Chain, Addresses: t.Addresses})
		for _, want := range t.Want {
			have := v.values(want.Key)
			if !slices.Equal(have, want.Values) {
				text := quoted(want, have) + ", want " + quoted(want, want.Values) + " (" + v.why(want.Key) + ")"
				red.Add(tomlfile.Problem{File: c.Path, Line: want.Line, Key: want.Place, Text: text})
			}
		}
	}
	return red.Problems()
}

// anyClient is whom tests ask as that name no client: this machine, or the first client
// that is served.
func anyClient(c *config.Config) netip.Addr {
	loopback := netip.AddrFrom4([4]byte{127, 0, 0, 1})
	serves := func(p netip.Prefix) bool { return p.Contains(loopback) }
	if c.Server.AllowLocal || len(c.Server.Allow) == 0 || slices.ContainsFunc(c.Server.Allow, serves) {
		return loopback
	}
	return c.Server.Allow[0].Addr()
}

// values are what became of a question, under a key of want, sorted where it is a list.
func (v Evaluation) values(key string) []string {
	e := v.Entry
	switch key {
	case "rule":
		return sorted(e.Rules)
	case "tags":
		return sorted(e.Tags)
	case "sets":
		return sorted(e.Sets)
	case "served":
		return sorted(addrTexts(e.Served))
	case "log":
		return []string{strconv.FormatBool(v.Logged)}
	}
	return []string{map[string]string{
		"zone": e.Zone, "row": e.Row, "pin": e.Pin, "verdict": e.Verdict, "upstream": e.Upstream, "rcode": e.Rcode, "answered": v.Answered,
	}[key]}
}

// sorted is a sorted copy of words, each once.
func sorted(words []string) []string {
	words = slices.Clone(words)
	slices.Sort(words)
	return slices.Compact(words)
}

// addrTexts are addresses as text.
func addrTexts(addrs []netip.Addr) []string {
	texts := make([]string, 0, len(addrs))
	for _, a := range addrs {
		texts = append(texts, a.String())
	}
	return texts
}

// quoted are values as the file would have them under the key of want.
func quoted(want config.Want, values []string) string {
	all := make([]string, 0, len(values))
	for _, v := range values {
		if want.Key == "log" {
			return v
		}
		all = append(all, strconv.Quote(v))
	}
	if text := strings.Join(all, ", "); want.IsList {
		return "[" + text + "]"
	}
	return all[0]
}
