package integration_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// The load during which the configuration is reloaded.
const (
	loadFor     = 4 * time.Second
	loadClients = 10
	loadEvery   = 20 * time.Millisecond // for each client: 500 queries a second together
	loadNames   = 50
	loadTTL     = 300
	reloadEvery = 200 * time.Millisecond
	answeredIn  = time.Second
)

// A reload loses no query, keeps the cache, and the queries after it follow the
// new configuration.
func TestReloadUnderLoad(t *testing.T) {
	var records strings.Builder
	for i := range loadNames {
		fmt.Fprintf(&records, "n%d.example. %d A 192.0.2.1\n", i, loadTTL)
	}
	u := startUpstream(t, answers, records.String())
	config := writeConfig(t, reloadConfig("begin"))
	p := start(t, "-c", config, "--upstream", u.addr)

	stop := make(chan struct{})
	var clients, reloader sync.WaitGroup
	for i := range loadClients {
		clients.Go(func() { ask(t, p.Addr, i, stop) })
	}
	reloader.Go(func() { reloadOften(t, p, config, stop) })
	time.AfterFunc(loadFor, func() { close(stop) })
	clients.Wait()
	reloader.Wait()
	p.stderr.must(t, `reloaded: .*rules: last;`)

	m := exchange(t, p.Addr, "n0.example.")
	if o := m.IsEdns0(); o == nil || !strings.Contains(fmt.Sprint(o.Option), "rule=last ") {
		t.Errorf("the response after the last reload: %v, want it marked by [rule.last]", m)
	}
	if ttl := m.Answer[0].Header().Ttl; ttl > loadTTL-2 || ttl < loadTTL-60 {
		t.Errorf("TTL %d, want it counted down from %d all the time", ttl, loadTTL)
	}
	if n := strings.Count(u.asked.String(), "\n"); n != loadNames {
		t.Errorf("the upstream was asked %d times, want once for each of %d names", n, loadNames)
	}
	const least = 10 // of some 20 signals and as many changes, some of which coincide
	if n := strings.Count(p.stderr.String(), "msg=\"reloaded: "); n < least {
		t.Errorf("%d reloads, want at least %d", n, least)
	}
}

// reloadConfig is a configuration whose only rule is called rule.
func reloadConfig(rule string) string {
	return "[log]\nqueries = \"off\"\n[rule." + rule + "]\nnames = [\".example\"]\n"
}

// ask queries all names in turn until stop is closed; each query must have its
// answer in time.
func ask(t *testing.T, addr string, client int, stop <-chan struct{}) {
	c, err := dns.Dial("udp", addr)
	if err != nil {
		t.Error(err)
		return
	}
	defer c.Close()
	due := time.NewTicker(loadEvery)
	defer due.Stop()
	for i := 0; ; i++ {
		select {
		case <-stop:
			return
		case <-due.C:
		}
		q := new(dns.Msg).SetQuestion(fmt.Sprintf("n%d.example.", (client+i)%loadNames), dns.TypeA)
		m, err := answerTo(c, q)
		if err != nil || m.Id != q.Id || m.Rcode != dns.RcodeSuccess || len(m.Answer) != 1 {
			t.Errorf("client %d, query %d: %v, %v, want one record within %s", client, i, m, err, answeredIn)
			return
		}
	}
}

// answerTo sends q and reads the next message.
func answerTo(c *dns.Conn, q *dns.Msg) (*dns.Msg, error) {
	if err := c.SetDeadline(time.Now().Add(answeredIn)); err != nil {
		return nil, err
	}
	if err := c.WriteMsg(q); err != nil {
		return nil, err
	}
	return c.ReadMsg()
}

// reloadOften changes the file and signals in turn, until stop is closed. What it
// writes then is in force in the end.
func reloadOften(t *testing.T, p *process, config string, stop <-chan struct{}) {
	due := time.NewTicker(reloadEvery)
	defer due.Stop()
	for i := 0; ; i++ {
		select {
		case <-stop:
			replaceFile(t, config, reloadConfig("last"))
			return
		case <-due.C:
			replaceFile(t, config, reloadConfig(fmt.Sprintf("r%d", i)))
		}
		if i%2 == 0 {
			continue // the change has to do
		}
		if err := p.signal(syscall.SIGHUP); err != nil {
			t.Error(err)
			return
		}
	}
}

// replaceFile puts a file with the text in the place of path at once.
func replaceFile(t *testing.T, path, text string) {
	next := filepath.Join(filepath.Dir(path), "next")
	if err := os.WriteFile(next, []byte(text), 0o644); err != nil {
		t.Error(err)
		return
	}
	if err := os.Rename(next, path); err != nil {
		t.Error(err)
	}
}

// exchange asks for the address of name, with EDNS.
func exchange(t *testing.T, addr, name string) *dns.Msg {
	t.Helper()
	c := &dns.Client{Timeout: patience}
	m, _, err := c.Exchange(new(dns.Msg).SetQuestion(name, dns.TypeA).SetEdns0(dns.DefaultMsgSize, false), addr)
	if err != nil {
		t.Fatal(err)
	}
	if len(m.Answer) == 0 {
		t.Fatalf("%s: %v, want an answer", name, m)
	}
	return m
}
