package server_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"splitdns/server"
	"splitdns/server/internal/nftset"
	"splitdns/server/internal/wire"
	"splitdns/server/policy"
)

// inSet is an address in a set.
type inSet struct {
	set  string
	addr netip.Addr
}

// walls is a firewall in memory.
type walls struct {
	o nftset.Options

	mu     sync.Mutex
	c      nftset.Config
	ends   map[inSet]time.Time // when elements end
	fault  error               // for which nothing is added
	sick   string              // what is said to be wrong with the sets
	held   []func()            // additions that wait, where they do
	holds  bool                // they do
	added  []nftset.Element
	asked  int // calls of Holds
	began  chan struct{}
	slowly func() // called by Holds before it returns
}

// newWalls returns a firewall that the server b uses.
func newWalls(b *server.Bench) *walls {
	w := &walls{ends: map[inSet]time.Time{}}
	b.UseFirewall(w.use)
	return w
}

// use is w for a server.
func (w *walls) use(o nftset.Options) server.Firewall {
	w.o = o
	return w
}

func (w *walls) Run(ctx context.Context) error { <-ctx.Done(); return nil }

func (w *walls) Follow(c nftset.Config) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.c = c
}

func (w *walls) Holds(es []nftset.Element) (until time.Time, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked++
	until = time.Now().Add(1000 * time.Hour)
	for _, e := range es {
		end := w.ends[inSet{e.Set.String(), e.Addr}]
		if end.Before(time.Now().Add(e.TTL)) {
			return time.Time{}, false
		}
		if end.Before(until) {
			until = end
		}
	}
	if w.slowly != nil {
		w.slowly()
	}
	return until, true
}

func (w *walls) Add(es []nftset.Element, done func(error)) {
	w.mu.Lock()
	add := func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.added = append(w.added, es...)
		for _, e := range es {
			end := time.Now().Add(max(w.c.Min, e.TTL+w.c.Grace))
			if key := (inSet{e.Set.String(), e.Addr}); w.ends[key].Before(end) {
				w.ends[key] = end
			}
		}
	}
	if w.holds {
		w.held = append(w.held, func() { add(); done(nil) })
		w.mu.Unlock()
		if w.began != nil {
			w.began <- struct{}{}
		}
		return
	}
	fault := w.fault
	w.mu.Unlock()
	if fault == nil {
		add()
	}
	done(fault)
}

// release lets all additions through that wait.
func (w *walls) release() {
	w.mu.Lock()
	all := w.held
	w.held = nil
	w.mu.Unlock()
	for _, add := range all {
		add()
	}
}

// flush is an administrator who empties all sets.
func (w *walls) flush() {
	w.mu.Lock()
	clear(w.ends)
	w.mu.Unlock()
	w.o.Lost()
}

func (w *walls) Status() nftset.Status {
	w.mu.Lock()
	defer w.mu.Unlock()
	var st nftset.Status
	for _, s := range w.c.Sets {
		set := nftset.SetStatus{Set: s.Set, Rules: s.Rules, State: "ok", Type: "ipv4_addr", Timeout: true, Is4: true, Wanted: len(w.ends) + 1, In: len(w.ends), Adds: 7, Failures: map[string]uint64{"full": 2}}
		if strings.HasSuffix(s.Set.Name, "6") {
			set.Type, set.Is4, set.Is6 = "ipv6_addr", false, true
		}
		if w.fault != nil {
			set.State, set.Text = "missing", w.fault.Error()
		} else if w.sick != "" {
			set.State, set.Text = "full", w.sick
		}
		st.Sets = append(st.Sets, set)
	}
	return st
}

func (w *walls) Elements(set policy.Set) ([]nftset.Held, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.fault != nil {
		return nil, w.fault
	}
	all := []nftset.Held{{Addr: netip.MustParseAddr("192.0.2.99"), Last: netip.MustParseAddr("192.0.2.120"), Remaining: -1, Other: true}}
	for at, end := range w.ends {
		if at.set == set.String() {
			all = append(all, nftset.Held{Addr: at.addr, Last: at.addr, Remaining: time.Until(end), Timeout: 10 * time.Minute, Names: []string{"www.example"}, Clients: []netip.Addr{client}, Since: time.Now()})
		}
	}
	slices.SortFunc(all, func(a, b nftset.Held) int { return a.Addr.Compare(b.Addr) })
	return all, nil
}

func (w *walls) Remaining(set policy.Set, addrs []netip.Addr) (map[netip.Addr]time.Duration, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.fault != nil {
		return nil, w.fault
	}
	left := map[netip.Addr]time.Duration{}
	for _, addr := range addrs {
		if end, ok := w.ends[inSet{set.String(), addr}]; ok {
			left[addr] = time.Until(end)
		}
	}
	return left, nil
}

// brought are the elements that were added, sorted: "SET ADDRESS TTL NAME CLIENT".
func (w *walls) brought() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var all []string
	for _, e := range w.added {
		all = append(all, fmt.Sprintf("%s %s %v %s %s", e.Set.Name, e.Addr, e.TTL, e.Name, e.Client))
	}
	slices.Sort(all)
	return all
}

// setsConfig has rules with sets for answers of all kinds.
const setsConfig = `
[server]
set_grace = "2m"
set_min   = "10m"
[zone.office]
names    = ["*.office.example"]
prefixes = ["192.0.2.0/24", "2001:db8::/32"]
[rule.office]
zones = ["office"]
log   = true
sets  = ["inet filter a4", "inet filter a6"]
[rule.all]
names         = ["*.all.office.example", "*.other.example"]
sets          = ["inet filter all"]
set_addresses = "all"
[rule.pinned]
names = ["*.pinned.office.example"]
pin   = "enforce"
[rule.own]
names  = ["own.office.example"]
answer = ["192.0.2.7", "10.0.0.7"]
[rule.short]
names   = ["*.short.office.example"]
max_ttl = "30s"
`

// TestSetsGetWhatTheClientGets holds which addresses go into which sets, with which TTL.
func TestSetsGetWhatTheClientGets(t *testing.T) {
	for question, test := range map[string]struct {
		script string
		want   []string
	}{
		"a.office.example": {
			script: "a.office.example. 300 IN A 192.0.2.1\na.office.example. 300 IN A 198.51.100.1\na.office.example. 300 IN A 10.0.0.1",
			want:   []string{"a4 192.0.2.1 5m0s a.office.example 127.0.0.1", "a6 192.0.2.1 5m0s a.office.example 127.0.0.1"},
		},
		"b.all.office.example": {
			script: "b.all.office.example. 300 IN A 192.0.2.1\nb.all.office.example. 300 IN A 198.51.100.1\nb.all.office.example. 300 IN A 127.0.0.1",
			want: []string{
				"a4 192.0.2.1 5m0s b.all.office.example 127.0.0.1", "a6 192.0.2.1 5m0s b.all.office.example 127.0.0.1",
				"all 192.0.2.1 5m0s b.all.office.example 127.0.0.1", "all 198.51.100.1 5m0s b.all.office.example 127.0.0.1",
			},
		},
		"c.pinned.office.example": { // what the pin removes goes nowhere
			script: "c.pinned.office.example. 300 IN A 192.0.2.1\nc.pinned.office.example. 300 IN A 198.51.100.1",
			want:   []string{"a4 192.0.2.1 5m0s c.pinned.office.example 127.0.0.1", "a6 192.0.2.1 5m0s c.pinned.office.example 127.0.0.1"},
		},
		"own.office.example": { // a rule's own answer
			want: []string{"a4 192.0.2.7 1m0s own.office.example 127.0.0.1", "a6 192.0.2.7 1m0s own.office.example 127.0.0.1"},
		},
		"d.short.office.example": {
			script: "d.short.office.example. 300 IN A 192.0.2.1",
			want:   []string{"a4 192.0.2.1 30s d.short.office.example 127.0.0.1", "a6 192.0.2.1 30s d.short.office.example 127.0.0.1"},
		},
		"e.other.example HTTPS": { // hints and additional records
			script: "e.other.example. 300 IN HTTPS 1 . ipv4hint=203.0.113.1 ipv6hint=2001:db8:1::1\nar e.other.example. 600 IN A 203.0.113.2",
			want: []string{
				"all 2001:db8:1::1 10m0s e.other.example 127.0.0.1", "all 203.0.113.1 10m0s e.other.example 127.0.0.1", "all 203.0.113.2 10m0s e.other.example 127.0.0.1",
			},
		},
		"www.example": { // along the chain
			script: "www.example. 300 IN CNAME f.office.example.\nf.office.example. 60 IN A 192.0.2.6",
			want:   []string{"a4 192.0.2.6 1m0s www.example 127.0.0.1", "a6 192.0.2.6 1m0s www.example 127.0.0.1"},
		},
		"g.office.example TXT": {script: "g.office.example. 300 IN TXT x"},
		"h.office.example":     {script: "rcode SERVFAIL"},
		"unmatched.example":    {script: "unmatched.example. 300 IN A 192.0.2.1"},
	} {
		t.Run(question, func(t *testing.T) {
			b := newBench(t, setsConfig, says(t, test.script))
			w := newWalls(b)
			ask(t, b, question)
			if d := cmp.Diff(test.want, w.brought()); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
			if len(test.want) == 0 && w.asked > 0 {
				t.Error("the sets were asked for an answer that has nothing for them")
			}
		})
	}
}

// TestSetsAreFilledBeforeTheAnswer holds it for answers from upstream, for all who wait for one, and
// for one from the cache whose elements have gone.
func TestSetsAreFilledBeforeTheAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBehind(t, setsConfig, says(t, "a.office.example. 300 IN A 192.0.2.1"))
		w := newWalls(b)
		w.holds = true
		answered := make(chan []byte, 10)
		begin := func(last byte) {
			from := server.Peer{Addr: netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, last}), 4242), At: time.Now()}
			b.Begin(packet(t, "a.office.example"), from, func(p []byte) { answered <- p })
		}
		for last := range byte(3) {
			begin(1 + last)
		}
		synctest.Wait()
		if len(answered) > 0 || len(w.held) != 3 {
			t.Fatalf("%d answers, %d additions; want no answer before 3 additions", len(answered), len(w.held))
		}
		w.release()
		if len(answered) != 3 || len(w.brought()) != 6 {
			t.Errorf("%d answers after the additions, want 3; brought %v", len(answered), w.brought())
		}
		begin(1) // a hit that needs nothing
		if len(answered) != 4 || len(w.held) > 0 {
			t.Error("a hit whose addresses are in their sets waits")
		}
		if _, ok := b.Fast(nil, packet(t, "a.office.example"), client, false); !ok {
			t.Error("it is not finished")
		}
		w.flush()
		if _, ok := b.Fast(nil, packet(t, "a.office.example"), client, false); ok {
			t.Error("an answer is finished whose addresses are lost")
		}
		begin(1)
		if len(answered) != 4 || len(w.held) != 1 {
			t.Error("a hit whose addresses are lost does not wait")
		}
		w.release()
	})
}

// TestNobodyHasAnAnswerWithoutItsElement asks for hours, and looks after each answer whether its
// addresses are in their sets until the client forgets them.
func TestNobodyHasAnAnswerWithoutItsElement(t *testing.T) {
	for name, server := range map[string]string{
		"as it comes": "", "no grace": "[server]\nset_grace = \"0s\"\nset_min = \"1s\"\n", "without prefetch": "[cache]\nprefetch = false\n",
	} {
		t.Run(name, func(t *testing.T) { synctest.Test(t, func(t *testing.T) { reuse(t, server) }) })
	}
}

// reuse is the test above for one configuration.
func reuse(t *testing.T, text string) {
	if strings.HasPrefix(text, "[server]") {
		text = strings.Replace(setsConfig, "[server]\nset_grace = \"2m\"\nset_min   = \"10m\"\n", text, 1)
	} else {
		text += setsConfig
	}
	b := newBench(t, text, func(q wire.UpstreamQuery) (wire.Message, string, error) {
		n := q.Question.Name
		return respond(t, q.Question, fmt.Sprintf("%v. 1800 IN A 192.0.2.1", n)), "192.0.2.53", nil
	})
	w := newWalls(b)
	names := []string{"a.office.example", "x.short.office.example", "own.office.example"}
	random := rand.New(rand.NewPCG(1, 2))
	finished := map[string]int{}
	for begin := time.Now(); time.Since(begin) < 6*time.Hour; time.Sleep(time.Duration(random.Int64N(int64(3 * time.Second)))) {
		name := names[random.IntN(len(names))]
		p := packet(t, name)
		got, ok := b.Fast(nil, p, client, false)
		if ok {
			finished[name]++
		} else {
			got = b.Serve(p, client, false)
		}
		m := new(dns.Msg)
		if err := m.Unpack(got); err != nil || len(m.Answer) == 0 {
			t.Fatalf("%v: %v", err, m)
		}
		for _, rr := range m.Answer {
			addr := netip.MustParseAddr(rr.(*dns.A).A.String())
			ends := time.Now().Add(time.Duration(rr.Header().Ttl) * time.Second)
			if in := w.ends[inSet{"inet filter a4", addr}]; !addr.IsPrivate() && in.Before(ends) {
				t.Fatalf("%s (finished: %t): %s is given until %v, and in the set until %v", name, ok, addr, ends, in)
			}
		}
	}
	for _, name := range names {
		if finished[name] < 100 && name == names[0] || finished[name] == 0 && !strings.Contains(text, `set_min = "1s"`) {
			t.Errorf("%s was finished %d times, want many", name, finished[name])
		}
	}
	if len(w.brought()) > 6*60*60/10 && !strings.Contains(text, `set_min = "1s"`) {
		t.Errorf("%d elements were added", len(w.brought()))
	}
}

// TestLossWhileFinishing holds that an answer is not kept whose elements are lost between the
// look at the sets and the table.
func TestLossWhileFinishing(t *testing.T) {
	b := newBench(t, setsConfig, says(t, "a.office.example. 300 IN A 192.0.2.1"))
	w := newWalls(b)
	ask(t, b, "a.office.example")
	w.slowly = w.o.Lost
	ask(t, b, "a.office.example")
	if _, ok := b.Fast(nil, packet(t, "a.office.example"), client, false); ok {
		t.Error("the answer is finished")
	}
	w.slowly = nil
	ask(t, b, "a.office.example")
	if _, ok := b.Fast(nil, packet(t, "a.office.example"), client, false); !ok {
		t.Error("the answer is not finished without a loss")
	}
}

// TestLossTakesAnswersWithSetsOnly holds that others stay finished.
func TestLossTakesAnswersWithSetsOnly(t *testing.T) {
	b := newBench(t, setsConfig, nameOf(t))
	w := newWalls(b)
	for _, name := range []string{"192-0-2-1.office.example", "192-0-2-1.unmatched.example"} {
		for range 3 {
			ask(t, b, name)
		}
	}
	w.o.Lost()
	if _, ok := b.Fast(nil, packet(t, "192-0-2-1.office.example"), client, false); ok {
		t.Error("an answer with sets stays")
	}
	if _, ok := b.Fast(nil, packet(t, "192-0-2-1.unmatched.example"), client, false); !ok {
		t.Error("an answer without sets goes")
	}
}

// TestOnSetFailure holds what a client gets whose addresses are not in their sets.
func TestOnSetFailure(t *testing.T) {
	fault := errors.New("set inet filter a4: it is not there")
	for how, want := range map[string]struct {
		rcode int
		addrs []string
		edes  []string
	}{
		"answer": {dns.RcodeSuccess, []string{"192.0.2.1"}, []string{
			"0 " + fault.Error(), "0 rule=office zone=office row=inline pin=observe verdict=inside",
		}},
		"servfail": {dns.RcodeServerFailure, nil, []string{"0 " + fault.Error(), "0 rule=office zone=office row=inline pin=observe"}},
	} {
		t.Run(how, func(t *testing.T) {
			b := newBench(t, strings.Replace(setsConfig, "[server]\n", "[server]\non_set_failure = '"+how+"'\n", 1), says(t, "a.office.example. 300 IN A 192.0.2.1"))
			w := newWalls(b)
			w.fault = fault
			for range 3 { // from upstream, then from the cache
				m := ask(t, b, "a.office.example")
				if m.Rcode != want.rcode || !slices.Equal(addresses(m), want.addrs) || !slices.Equal(edes(m), want.edes) {
					t.Errorf("%v\n%q", m, edes(m))
				}
			}
			if _, ok := b.Fast(nil, packet(t, "a.office.example"), client, false); ok {
				t.Error("the answer is finished")
			}
			w.fault = nil
			if m := ask(t, b, "a.office.example"); !slices.Equal(addresses(m), []string{"192.0.2.1"}) || slices.Contains(edes(m), "0 "+fault.Error()) {
				t.Errorf("when it is well again: %v", m)
			}
			lines := strings.Split(strings.TrimSpace(b.Entries()), "\n")
			if len(lines) != 4 || strings.Count(strings.Join(lines, ""), `"set_failure":"set inet filter a4: it is not there"`) != 3 ||
				!strings.Contains(lines[3], `"sets":["inet filter a4","inet filter a6"]}`) {
				t.Errorf("log:\n%s", strings.Join(lines, "\n"))
			}
		})
	}
}

// TestTooManyElements holds that an answer with very many addresses opens nothing.
func TestTooManyElements(t *testing.T) {
	var script strings.Builder
	for i := range 1001 {
		fmt.Fprintf(&script, "a.other.example. 300 IN AAAA 2001:db8::%x\n", i)
	}
	b := newBench(t, setsConfig, says(t, script.String()))
	w := newWalls(b)
	m := send(t, b, question("a.other.example AAAA"), client, true)
	if got := edes(m); len(w.brought()) > 0 || len(got) == 0 || !strings.Contains(got[0], "more than 1000") {
		t.Errorf("brought %d, %q", len(w.brought()), got)
	}
}

// TestSetsOverAReload holds that a query which waits over a reload is answered as it began, and
// that sets which the reload takes away hold nobody up.
func TestSetsOverAReload(t *testing.T) {
	b := newBench(t, setsConfig, says(t, "a.office.example. 300 IN A 192.0.2.1"))
	w := newWalls(b)
	w.holds = true
	var got []byte
	from := server.Peer{Addr: netip.AddrPortFrom(client, 4242), At: time.Now()}
	b.Begin(packet(t, "a.office.example"), from, func(p []byte) { got = p })
	b.Reload(parseConfig(t, "[rule.other]\nnames = ['a.office.example']\nanswer = 'nxdomain'\n"), nil)
	if len(w.c.Sets) != 0 {
		t.Errorf("the sets are %v after the reload, want none", w.c.Sets)
	}
	w.release()
	m := unpack(t, got, question("a.office.example"))
	if !slices.Equal(addresses(m), []string{"192.0.2.1"}) {
		t.Errorf("%v", m)
	}
	if m := ask(t, b, "a.office.example"); m.Rcode != dns.RcodeNameError {
		t.Errorf("after the reload: %v", m)
	}
}

// TestSetsFollowTheConfiguration holds what is asked of the firewall at start and at a reload.
func TestSetsFollowTheConfiguration(t *testing.T) {
	b := newBench(t, setsConfig, notAsked(t))
	w := newWalls(b)
	if w.c.Grace != 2*time.Minute || w.c.Min != 10*time.Minute || len(w.c.Sets) != 3 || !slices.Equal(w.c.Sets[0].Rules, []string{"office"}) {
		t.Errorf("%+v", w.c)
	}
	b.Reload(parseConfig(t, "[server]\nset_grace = '0s'\nset_min = '1s'\n[rule.a]\nnames = ['a.example']\nsets = ['ip x y']\n"), nil)
	if w.c.Grace != 2*time.Second || w.c.Min != time.Second || len(w.c.Sets) != 1 { // an answer on its way has its time
		t.Errorf("after the reload %+v", w.c)
	}
}

// TestPanicBeforeTheAnswer holds that a mistake of ours fails one query.
func TestPanicBeforeTheAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBehind(t, setsConfig, says(t, "a.office.example. 300 IN A 192.0.2.1"))
		w := newWalls(b)
		w.ends[inSet{"inet filter a4", netip.MustParseAddr("192.0.2.1")}] = time.Now().Add(time.Hour)
		w.ends[inSet{"inet filter a6", netip.MustParseAddr("192.0.2.1")}] = time.Now().Add(time.Hour)
		w.slowly = func() { panic("on purpose") }
		m := ask(t, b, "a.office.example")
		if m.Rcode != dns.RcodeServerFailure || !strings.Contains(strings.Join(edes(m), ""), "internal error") || !strings.Contains(b.Messages(), "on purpose") {
			t.Errorf("%v\n%s", m, b.Messages())
		}
	})
}

// TestExplainSets holds the words about sets, and who sees which.
func TestExplainSets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, setsConfig+"[rule.blind]\nnames = ['blind.example']\nlog = true\n", func(q wire.UpstreamQuery) (wire.Message, string, error) {
			n := q.Question.Name
			return respond(t, q.Question, fmt.Sprintf("%v. 300 IN A 192.0.2.1\n%v. 300 IN A 198.51.100.1", n, n)), "192.0.2.53", nil
		})
		w := newWalls(b)
		ask(t, b, "a.all.office.example")
		time.Sleep(10 * time.Second)
		delete(w.ends, inSet{"inet filter all", netip.MustParseAddr("198.51.100.1")})
		facts := func() string { return strings.Join(texts(ask(t, b, "a.all.office.example CH TXT")), "\n") }
		got := facts()
		for _, want := range []string{
			" sets=inet#filter#all,inet#filter#a4,inet#filter#a6\n",
			"\nset inet#filter#all 192.0.2.1=590 198.51.100.1=none\n",
			"\nset inet#filter#a4 192.0.2.1=590 198.51.100.1=outside\n",
		} {
			if !strings.Contains(got, want) {
				t.Errorf("%q is not in\n%s", want, got)
			}
		}
		if strings.Contains(got, "set inet#filter#a6") {
			t.Errorf("an IPv4 address in a set for IPv6:\n%s", got)
		}
		w.fault = errors.New("set inet filter all: it is not there")
		if got := facts(); !strings.Contains(got, "\nset inet#filter#all 192.0.2.1=unknown 198.51.100.1=unknown\nset-failure inet#filter#all set inet filter all: it is not there\n") {
			t.Errorf("without the set:\n%s", got)
		}
		if got := strings.Join(texts(ask(t, b, "blind.example CH TXT")), "\n"); strings.Contains(got, "set") {
			t.Errorf("a name without sets:\n%s", got)
		}
	})
}

// TestExplainWhyAddressesAreNotInSets holds that an address which goes into no set is listed with the
// reason, and that what is wrong with a set that can be read is said.
func TestExplainWhyAddressesAreNotInSets(t *testing.T) {
	b := newBench(t, setsConfig+"[rule.four]\nnames = ['four.example']\nsets = ['inet filter four']\n", func(q wire.UpstreamQuery) (wire.Message, string, error) {
		n := q.Question.Name
		return respond(t, q.Question, map[wire.Type]string{
			wire.TypeA:    fmt.Sprintf("%[1]v. 300 IN A 192.0.2.1\n%[1]v. 300 IN A 198.51.100.1\n%[1]v. 300 IN A 240.0.0.1", n),
			wire.TypeAAAA: fmt.Sprintf("%v. 300 IN AAAA 2001:db8::1", n),
		}[q.Question.Type]), "192.0.2.53", nil
	})
	w := newWalls(b)
	w.sick = "it is full (size 3)"
	for name, want := range map[string][]string{
		"a.office.example": {
			"set inet#filter#a4 192.0.2.1=599 198.51.100.1=outside 240.0.0.1=private", "set-failure inet#filter#a4 set inet filter a4: it is full (size 3)",
			"set inet#filter#a6 2001:db8::1=599", "set-failure inet#filter#a6 set inet filter a6: it is full (size 3)",
		},
		"four.example": {
			"set inet#filter#four 192.0.2.1=599 198.51.100.1=599 240.0.0.1=private 2001:db8::1=other-version",
			"set-failure inet#filter#four set inet filter four: it is full (size 3)",
		},
	} {
		ask(t, b, name)
		ask(t, b, name+" AAAA")
		var got []string
		for _, fact := range texts(ask(t, b, name+" CH TXT")) {
			if strings.HasPrefix(fact, "set") {
				got = append(got, strings.ReplaceAll(fact, "=600", "=599"))
			}
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
	}
}

// TestSetsReport holds what `splitdns sets` and the status are told.
func TestSetsReport(t *testing.T) {
	b := newBench(t, setsConfig, nameOf(t))
	w := newWalls(b)
	ask(t, b, "192-0-2-1.office.example")
	for _, name := range []string{"a4", "inet filter a4", "inet#filter#a4"} {
		r, err := b.SetsReport(name)
		if err != nil || len(r.Sets) != 1 || len(r.Sets[0].Held) != 2 {
			t.Fatalf("%s: %+v, %v", name, r, err)
		}
		if h := r.Sets[0].Held[0]; h.Address != "192.0.2.1" || h.Remaining != 599 || !slices.Equal(h.Clients, []string{"127.0.0.1"}) || h.Other {
			t.Errorf("%+v", h)
		}
		if h := r.Sets[0].Held[1]; h.Address != "192.0.2.99" || h.Last != "192.0.2.120" || !h.Permanent || !h.Other {
			t.Errorf("%+v", h)
		}
	}
	if _, err := b.SetsReport("none"); err == nil || !strings.Contains(err.Error(), `have "inet filter a4", "inet filter a6", "inet filter all"`) {
		t.Errorf("error %v", err)
	}
	w.fault = errors.New("it is not there")
	r, err := b.SetsReport("")
	if err != nil || len(r.Sets) != 3 || r.Sets[0].State != "missing" || r.Sets[0].Unheard == "" {
		t.Errorf("%+v, %v", r, err)
	}
	if st := b.Status().Sets; st == nil || st.Added != 1 || len(st.Sets) != 3 {
		t.Errorf("status %+v", st)
	}
	without := newBench(t, silent, notAsked(t))
	if _, err := without.SetsReport("a4"); err == nil || !strings.Contains(err.Error(), "no rule names a set") {
		t.Errorf("error %v", err)
	}
	if without.Status().Sets != nil {
		t.Error("the status has sets where no rule names any")
	}
}

// TestSetMetrics holds that sets are in the metrics.
func TestSetMetrics(t *testing.T) {
	b := newBench(t, setsConfig, nameOf(t))
	h, _ := serveHTTP(t, b, "127.0.0.1:0")
	newWalls(b)
	ask(t, b, "192-0-2-1.office.example")
	got := scrape(t, h)
	for key, want := range map[string]float64{
		"splitdns_set_answers_total result=added":                     1,
		"splitdns_set_answers_total result=failed":                    0,
		"splitdns_set_queue":                                          0,
		"splitdns_set_ok set=inet filter a4":                          1,
		"splitdns_set_state set=inet filter a4 state=ok":              1,
		"splitdns_set_elements set=inet filter a6":                    2,
		"splitdns_set_elements_missing set=inet filter a6":            1,
		"splitdns_set_adds_total set=inet filter a6":                  7,
		"splitdns_set_refreshes_total set=inet filter a6":             0,
		"splitdns_set_restored_total set=inet filter a6":              0,
		"splitdns_set_heals_total set=inet filter a6":                 0,
		"splitdns_set_failures_total set=inet filter all reason=full": 2,
	} {
		if value, ok := got[key]; !ok || value != want {
			t.Errorf("%s = %v, %v, want %v", key, value, ok, want)
		}
	}
}

// TestSetsCostOthersNothing holds that answers of which no rule gives sets are made without more.
func TestSetsCostOthersNothing(t *testing.T) {
	with, without := newBench(t, setsConfig, nameOf(t)), newBench(t, driftConfig, nameOf(t))
	newWalls(with)
	p := packet(t, "192-0-2-1.unmatched.example +nord")
	var n [2]float64
	for i, b := range []*server.Bench{with, without} {
		ask(t, b, "192-0-2-1.unmatched.example")
		n[i] = testing.AllocsPerRun(1000, func() { b.Now(make([]byte, 0, 1500), p, client) })
	}
	if n[0] > n[1] {
		t.Errorf("an answer takes %v allocations where there are sets, and %v where not", n[0], n[1])
	}
}
