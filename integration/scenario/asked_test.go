package scenario_test

import (
	"encoding/binary"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// upstream is the one that n names.
func (w *world) upstream(n *node) (*scripted, error) {
	words := n.words()
	if len(words) < 2 || w.upstreams[words[1]] == nil {
		return nil, n.errorf("want %s NAME, of an upstream of this scenario", words[0])
	}
	return w.upstreams[words[1]], nil
}

// askedStep checks what an upstream was asked.
type askedStep struct {
	*node
	count int
	words []string // NAME, TYPE and conditions: only such queries count
	again bool     // those count too that were sent again for the same query of a client
}

func (*askedStep) checks() bool { return true }

// parseAsked reads an asked block.
func parseAsked(n *node) (step, error) {
	w := n.words()
	if len(w) < 3 {
		return nil, n.errorf("want asked UPSTREAM COUNT")
	}
	count, err := strconv.Atoi(w[2])
	if err != nil {
		return nil, n.errorf("%v", err)
	}
	a := &askedStep{node: n, count: count, again: slices.Contains(w[3:], "again")}
	a.words = slices.DeleteFunc(w[3:], func(word string) bool { return word == "again" })
	return a, nil
}

// run waits for that many queries, and fails if there are more.
func (a *askedStep) run(w *world) error {
	u, err := w.upstream(a.node)
	if err != nil {
		return err
	}
	until := time.Now().Add(patience / 4)
	got := a.counted(u)
	for len(got) < a.count && time.Now().Before(until) {
		time.Sleep(time.Millisecond)
		got = a.counted(u)
	}
	if len(got) != a.count {
		return a.errorf("upstream %s was asked %d times, want %d:\n%s", u.name, len(got), a.count, listed(u.queries()))
	}
	for _, k := range a.kids {
		if len(got) == 0 {
			return k.errorf("nothing was asked")
		}
		if err := holds(k, got); err != nil {
			return err
		}
	}
	return nil
}

// counted are the queries that a counts.
func (a *askedStep) counted(u *scripted) []*asked {
	seen := map[string]bool{}
	return slices.DeleteFunc(u.queries(), func(q *asked) bool {
		if key := q.key(); !a.again && seen[key] {
			return true
		}
		seen[q.key()] = true
		name := strings.ToLower(q.Question[0].Name)
		return slices.ContainsFunc(a.words, func(word string) bool {
			if slices.Contains(conditions, word) {
				return !q.is(word)
			}
			if t, ok := parseType(word); ok {
				return q.Question[0].Qtype != t
			}
			return name != dns.Fqdn(strings.ToLower(word))
		})
	})
}

// listed are queries, a line each.
func listed(queries []*asked) string {
	var b strings.Builder
	for _, q := range queries {
		fmt.Fprintf(&b, "\t%s tcp=%v edns=%v do=%v cd=%v\n", questionText(q.Question[0]), q.tcp, q.is("+edns"), q.is("+do"), q.is("+cd"))
	}
	return b.String()
}

// holds checks a line below asked: about the last query, or about all of them.
func holds(k *node, queries []*asked) error {
	last := queries[len(queries)-1]
	words := k.words()[1:]
	switch k.key() {
	case "is": // conditions
		for _, word := range words {
			if !slices.Contains(conditions, word) {
				return k.errorf("unknown condition %q: want one of %v", word, conditions)
			}
			if !last.is(word) {
				return k.errorf("want %s, got\n%v", word, last)
			}
		}
		return nil
	case "flags":
		return checkFlags(k, last.MsgHdr, words)
	case "no-options":
		return noOptions(k, queries, nil)
	case "no-option":
		return noOptions(k, queries, words)
	case "bufsize":
		if o := last.IsEdns0(); o == nil || fmt.Sprint(o.UDPSize()) != k.rest() {
			return k.errorf("OPT %v, want the size %s", o, k.rest())
		}
		return nil
	case "option":
		pattern := strings.Join(k.words()[2:], "")
		if got := rawOptions(last.packet)[k.words()[1]]; got == "" || !regexp.MustCompile(pattern).MatchString(got) {
			return k.errorf("option %s is %q, want %s", k.words()[1], got, pattern)
		}
		return nil
	case "different-ids", "different-ports", "mixed-case":
		return unpredictable(k, queries)
	}
	return k.errorf("unknown word %q", k.key())
}

// checkFlags checks that exactly those flags are set, but for QR.
func checkFlags(k *node, h dns.MsgHdr, want []string) error {
	var got []string
	for _, name := range []string{"aa", "tc", "rd", "ra", "z", "ad", "cd"} {
		if *flag(&h, name) {
			got = append(got, name)
		}
	}
	if a, b := slices.Sorted(slices.Values(got)), slices.Sorted(slices.Values(want)); !slices.Equal(a, b) {
		return k.errorf("flags: got %v, want %v", got, want)
	}
	return nil
}

// clientCookie is the DNS cookie of all clients that have one.
const clientCookie = "0123456789abcdef"

// noOptions checks that no query had one of those options, or any with none named. Cookies
// other than a client's are the resolver's own, as random as its IDs.
func noOptions(k *node, queries []*asked, codes []string) error {
	for _, q := range queries {
		o := q.IsEdns0()
		if o == nil {
			continue
		}
		for _, option := range o.Option {
			if c, ok := option.(*dns.EDNS0_COOKIE); ok && !strings.HasPrefix(c.Cookie, clientCookie) {
				continue
			}
			if code := fmt.Sprint(option.Option()); len(codes) == 0 || slices.Contains(codes, code) {
				return k.errorf("option %s (%v) went to the upstream", code, option)
			}
		}
	}
	return nil
}

// unpredictable checks that something is not the same in all queries.
func unpredictable(k *node, queries []*asked) error {
	seen := map[string]bool{}
	for _, q := range queries {
		switch k.key() {
		case "different-ids":
			seen[fmt.Sprint(q.Id)] = true
		case "different-ports":
			seen[fmt.Sprint(q.from.Port())] = true
		default:
			seen[q.Question[0].Name] = true
		}
	}
	if len(seen) < 2 {
		return k.errorf("the same in all %d queries: %v", len(queries), seen)
	}
	return nil
}

// idOf is the ID of a packet.
func idOf(packet []byte) uint16 {
	if len(packet) < 2 {
		return 0
	}
	return binary.BigEndian.Uint16(packet)
}
