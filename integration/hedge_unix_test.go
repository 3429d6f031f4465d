//go:build unix

package integration_test

import (
	"fmt"
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

	// aboutAHedge is less than the wait for a silent server would be without, and far more than the
	// 40 ms that were measured, for a machine that is busy.
	aboutAHedge = 900 * time.Millisecond
)

// An upstream process ends, or is stopped so that it is silent, under 500 queries a second
// that nobody has cached. Each of them is answered, within a hedge.
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
`, first.Addr, second.Addr, c.strategy)))
			time.AfterFunc(hedgeAfter, func() { _ = first.signal(c.signal) })
			slowest, queries := load(t, p.Addr)
			t.Logf("%d queries, the slowest answer after %v", queries, slowest)
			if slowest > aboutAHedge {
				t.Errorf("the slowest answer took %v, want no more than %v", slowest, aboutAHedge)
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

// load asks for names that are not cached, and expects each to be answered.
func load(t *testing.T, addr string) (slowest time.Duration, queries int) {
	t.Helper()
	var mu sync.Mutex // guards the results
	var clients sync.WaitGroup
	end := time.Now().Add(hedgeFor)
	for i := range hedgeClients {
		clients.Go(func() {
			every := time.NewTicker(hedgeEvery)
			defer every.Stop()
			for n := 0; time.Now().Before(end); n++ {
				<-every.C
				began := time.Now()
				err := wantAddress(addr, fmt.Sprintf("n%d-%d.example.", i, n))
				took := time.Since(began)
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				slowest, queries = max(slowest, took), queries+1
				mu.Unlock()
			}
		})
	}
	clients.Wait()
	return slowest, queries
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
