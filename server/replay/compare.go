package replay

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"splitdns/server"
	"splitdns/server/internal/querylog"
)

// A Level says who notices a change.
type Level uint8

// The levels, from the least.
const (
	Nothing  Level = iota
	Anything       // whoever reads the log
	Verdicts       // whoever watches the verdicts
	Answers        // the client
)

// LevelWords are the levels as --fail-on takes them, in reverse order.
var LevelWords = []string{"answers", "verdicts", "any", "nothing"}

// ParseLevel reads one of [LevelWords].
func ParseLevel(s string) (Level, bool) {
	i := slices.Index(LevelWords, s)
	return Level(len(LevelWords) - 1 - i), i >= 0
}

// A Change is one thing that becomes another. The key of the query log says what; Was or Is
// may be empty.
type Change struct {
	Key string `json:"key"`
	Was string `json:"was"`
	Is  string `json:"is"`
}

// Level is who notices c.
func (c Change) Level() Level {
	switch c.Key {
	case keyAnswered, "rcode", "served":
		return Answers
	case "verdict":
		return Verdicts
	}
	return Anything
}

// keyAnswered is the key of a change of who answers.
const keyAnswered = "answered"

// What is served, in words: nothing, something, what nobody knows, and what it is next to
// what it was.
const (
	none   = "no address"
	some   = "addresses"
	untold = "untold"
	fewer  = "fewer addresses"
	more   = "more addresses"
	other  = "other addresses"
)

// compare lists what is another story in v than in was.
func compare(was querylog.Entry, v server.Evaluation) []Change {
	var all []Change
	add := func(key, before, now string) {
		if before != now {
			all = append(all, Change{key, short(before), short(now)})
		}
	}
	is := v.Entry
	add(keyAnswered, answeredBy(was), answersNow(v))
	if v.Told {
		add("rcode", was.Rcode, is.Rcode)
		add("served", howMany(was.Served), served(is.Served, was.Served))
		add("verdict", was.Verdict, is.Verdict)
	} else {
		add("served", howMany(was.Served), untold)
	}
	add("upstream", was.Upstream, is.Upstream)
	add("row", rowOf(was), rowOf(is))
	add("pin", was.Pin, is.Pin)
	all = append(all, moves("rule", was.Rules, is.Rules)...)
	all = append(all, moves("tags", was.Tags, is.Tags)...)
	if !v.Logged {
		add("log", "true", "false")
	}
	return all[:min(maxPerEntry, len(all))]
}

// maxPerEntry is how many changes of one entry count, and maxShort how many octets of a text:
// a log may come from anywhere.
const (
	maxPerEntry = 64
	maxShort    = 128
)

// short is a text of a log, or its beginning, as it can be shown: with escapes for what is
// not printable.
func short(s string) string {
	if quoted := strconv.QuoteToASCII(s); len(quoted) != len(s)+2 {
		s = strings.Trim(quoted, `"`)
	}
	if len(s) <= maxShort {
		return s
	}
	return s[:maxShort] + "..."
}

// rowOf names the row of an entry.
func rowOf(e querylog.Entry) string {
	if e.Zone == "" && e.Row == "" {
		return ""
	}
	return e.Zone + "/" + e.Row
}

// moves lists the words that have gone and those that have come.
func moves(key string, was, is []string) (all []Change) {
	for _, w := range was {
		if !slices.Contains(is, w) {
			all = append(all, Change{key, short(w), ""})
		}
	}
	for _, w := range is {
		if !slices.Contains(was, w) {
			all = append(all, Change{key, "", short(w)})
		}
	}
	return all
}

// howMany says whether there are addresses.
func howMany(addrs []netip.Addr) string {
	if len(addrs) == 0 {
		return none
	}
	return some
}

// served says what the addresses that are served are, next to those that were.
func served(is, was []netip.Addr) string {
	lacks := func(these []netip.Addr) func(netip.Addr) bool {
		return func(a netip.Addr) bool { return !slices.Contains(these, a) }
	}
	lost, won := slices.ContainsFunc(was, lacks(is)), slices.ContainsFunc(is, lacks(was))
	switch {
	case lost == won && !lost, len(is) == 0, len(was) == 0:
		return howMany(is)
	case lost && won:
		return other
	case lost:
		return fewer
	}
	return more
}
