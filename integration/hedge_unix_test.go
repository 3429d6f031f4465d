//go:build unix

package integration_test

import (
	"fmt"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// The load during which an upstream ends.
const (
	hedgeFor     = 3 * time.Second
	hedgeAfter   = time.Second // the upstream ends
	hedgeClients = 10
	hedgeEvery   = 20 * time.Millisecond // for each client: 500 queries a second together
)

// hedgeCosts is what answers may take longer than those that need no upstream, which show
// what this machine is busy with at the same time: most as long as always, a tenth that of a hedge
// to a near server, and none much more than a hedge to one of which nothing is known.
var hedgeCosts = latencies{median: 15 * time.Millisecond, most: 150 * time.Millisecond, slowest: 300 * time.Millisecond}

// hedgeNoise is how many times as long as those the answers may take besides.
const hedgeNoise = 4

// latencies are what answers took: half of them no more than the median, and 99 % no more
// than most.
type latencies struct{ median, most, slowest time.Duration }

// latenciesOf sorts all.
func latenciesOf(all []time.Duration) latencies {
	slices.Sort(all)
	return latencies{all[len(all)/2], all[len(all)*99/100], all[len(all)-1]}
}

// String is for messages.
func (l latencies) String() string {
	return fmt.Sprintf("median %v, 99%% %v, slowest %v", l.median, l.most, l.slowest)
}

// bound is how long answers may take that a hedge was for, where others take l.
func (l latencies) bound() latencies {
	return latencies{
		hedgeCosts.median + hedgeNoise*l.median,
		hedgeCosts.most + hedgeNoise*l.most,
		hedgeCosts.slowest + hedgeNoise*l.slowest,
	}
}

// An upstream process ends, or is stopped so that it is silent, under 500 queries a second
// that nobody has cached. Each of them is answered, within about a hedge.
func TestUpstreamProcessEnds(t *testing.T) {
	for name, c := range map[string]struct {
		signal   syscall.Signal
		strategy string
	}{
		"kill, fastest":  {syscall.SIGKILL, "fastest"},
		"kill, order":    {syscall.SIGKILL, "order"},
		"stop, fastest":  {syscall.SIGSTOP, "fastest"},
		"stop, order":    {syscall.SIGSTOP, "order"},
		"stop, parallel": {syscall.SIGSTOP, "parallel"},
	} {
		t.Run(name, func(t *testing.T) {
			first, second := upstreamProcess(t), upstreamProcess(t)
			p := start(t, "-c", writeConfig(t, fmt.Sprintf(`
[upstream.default]
servers  = [%q, %q]
strategy = %q
[rule.here]
names  = ["here.example"]
answer = "192.0.2.2"
`, first.Addr, second.Addr, c.strategy)))
			time.AfterFunc(hedgeAfter, func() { _ = first.signal(c.signal) })
			took, others, queries := load(t, p.Addr)
			t.Logf("%d queries after the end: %v; without an upstream: %v", queries, took, others)
			if most := others.bound(); took.median > most.median || took.most > most.most || took.slowest > most.slowest {
				t.Errorf("%v, want no more than: %v", took, most)
			}
		})
	}
}

// upstreamProcess is a process that answers for all names below example with 192.0.2.1.
func upstreamProcess(t *testing.T) *process {
	t.Helper()
	return start(t, "-c", writeConfig(t, `
[upstream.default]
servers = ["192.0.2.53"]
[rule.all]
names  = [".example"]
answer = "192.0.2.1"
`))
}

// load asks for names that are not cached, each time with one that needs no upstream, and
// expects each to be answered. It returns what that took since the upstream has ended.
func load(t *testing.T, addr string) (took, others latencies, queries int) {
	t.Helper()
	var mu sync.Mutex // guards the results
	var all, here []time.Duration
	var clients sync.WaitGroup
	begun := time.Now()
	for i := range hedgeClients {
		clients.Go(func() {
			every := time.NewTicker(hedgeEvery)
			defer every.Stop()
			for n := 0; time.Since(begun) < hedgeFor; n++ {
				<-every.C
				a, b := measure(t, addr, fmt.Sprintf("n%d-%d.example.", i, n)), measure(t, addr, "here.example.")
				if time.Since(begun) >= hedgeAfter {
					mu.Lock()
					all, here = append(all, a), append(here, b)
					mu.Unlock()
				}
			}
		})
	}
	clients.Wait()
	return latenciesOf(all), latenciesOf(here), len(all)
}

// measure asks for an address, and returns how long that took.
func measure(t *testing.T, addr, name string) time.Duration {
	t.Helper()
	began := time.Now()
	if err := wantAddress(addr, name); err != nil {
		t.Error(err)
	}
	return time.Since(began)
}

// wantAddress asks for an address once and expects an answer.
func wantAddress(addr, name string) error {
	client := dns.Client{Timeout: patience}
	m, _, err := client.Exchange(new(dns.Msg).SetQuestion(name, dns.TypeA), addr)
	if err == nil && (m.Rcode != dns.RcodeSuccess || len(m.Answer) != 1) {
		err = fmt.Errorf("%s: %v, want an address", name, m)
	}
	return err
}
