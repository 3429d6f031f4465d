package integration_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// The load during which the configuration is reloaded.
const (
	reloads     = 100
	loadClients = 10
	loadEvery   = 10 * time.Millisecond // for each client: 1,000 queries a second together
	loadNames   = 50
	loadTTL     = 300
	answeredIn  = time.Second
)

// A hundred reloads lose no query, keep the cache, and make no silence to speak of; and
// the queries after them follow the new configuration. What is silence of the machine
// shows at a second server, which is asked at the same time and never reloads.
func TestReloadUnderLoad(t *testing.T) {
	var records strings.Builder
	for i := range loadNames {
		fmt.Fprintf(&records, "n%d.example. %d A 192.0.2.1\n", i, loadTTL)
	}
	u := startUpstream(t, answers, records.String())
	config := writeConfig(t, reloadConfig("begin"))
	p := start(t, "-c", config, "--upstream", u.addr)
	other := start(t, "-c", writeConfig(t, reloadConfig("other")), "--upstream", u.addr)
	stop := make(chan struct{})
	var reloading, calm hum
	var loads sync.WaitGroup
	loads.Go(func() { reloading = loadUntil(t, p, stop) })
	loads.Go(func() { calm = loadUntil(t, other, stop) })
	reloadOften(t, p, config)
	close(stop)
	loads.Wait()

	m := exchange(t, p.Addr, "n0.example.")
	if o := m.IsEdns0(); o == nil || !strings.Contains(fmt.Sprint(o.Option), fmt.Sprintf("rule=r%d ", reloads-1)) {
		t.Errorf("the response after the last reload: %v, want it marked by its rule", m)
	}
	if ttl := m.Answer[0].Header().Ttl; ttl > loadTTL-2 || ttl < loadTTL-60 {
		t.Errorf("TTL %d, want it counted down from %d all the time", ttl, loadTTL)
	}
	// A lost cache would ask for every name again; a server that is slow for a moment asks twice for one.
	if n := strings.Count(u.asked.String(), "\n"); n < 2*loadNames || n > 2*loadNames+loadNames/2 {
		t.Errorf("the upstream was asked %d times, want once for each of %d names by each of 2 servers", n, loadNames)
	}
	if n := strings.Count(p.stderr.String(), "msg=\"reloaded: "); n < reloads {
		t.Errorf("%d reloads, want at least %d", n, reloads)
	}
	t.Logf("during %d reloads: %v\na server that does not reload, at the same time: %v", reloads, reloading, calm)
	if reloading.silence > answeredIn {
		t.Errorf("no answer for %s, want less than %s", reloading.silence, answeredIn)
	}
}

// A hum is the answers of a time: those of all clients together, in the order in which
// they came.
type hum struct {
	answers int
	took    time.Duration
	silence time.Duration // the longest time between two answers
	pauses  int           // times of more than 10 ms between two answers
	slowest time.Duration // the longest that one query waited
}

// String is h in words.
func (h hum) String() string {
	return fmt.Sprintf("%d answers in %s, longest silence between two %s, %d over 10ms, slowest answer %s",
		h.answers, h.took.Round(time.Millisecond), h.silence.Round(time.Microsecond), h.pauses, h.slowest.Round(time.Microsecond))
}

// loadUntil has all clients ask until stop is closed. Every query must have its answer.
func loadUntil(t *testing.T, p *process, stop <-chan struct{}) hum {
	var clients sync.WaitGroup
	var mu sync.Mutex // guards h and all
	var h hum
	var all []time.Time
	began := time.Now()
	for i := range loadClients {
		clients.Go(func() {
			times, slowest := ask(t, p.Addr, i, stop)
			mu.Lock()
			defer mu.Unlock()
			all = append(all, times...)
			h.slowest = max(h.slowest, slowest)
		})
	}
	clients.Wait()
	slices.SortFunc(all, time.Time.Compare)
	h.answers, h.took = len(all), time.Since(began)
	const pause = 10 * time.Millisecond
	for i := 1; i < len(all); i++ {
		gap := all[i].Sub(all[i-1])
		h.silence = max(h.silence, gap)
		if gap > pause {
			h.pauses++
		}
	}
	return h
}

// reloadConfig is a configuration whose only rule is called rule.
func reloadConfig(rule string) string {
	return "[log]\nqueries = \"off\"\n[rule." + rule + "]\nnames = [\".example\"]\n"
}

// ask queries all names in turn until stop is closed; each query must have its answer
// in time. It returns when each came, and how long the slowest took.
func ask(t *testing.T, addr string, client int, stop <-chan struct{}) (times []time.Time, slowest time.Duration) {
	c, err := dns.Dial("udp", addr)
	if err != nil {
		t.Error(err)
		return nil, 0
	}
	defer c.Close()
	<-time.After(time.Duration(client) * loadEvery / loadClients) // not all at the same moment
	due := time.NewTicker(loadEvery)
	defer due.Stop()
	for i := 0; ; i++ {
		select {
		case <-stop:
			return times, slowest
		case <-due.C:
		}
		q := new(dns.Msg).SetQuestion(fmt.Sprintf("n%d.example.", (client+i)%loadNames), dns.TypeA)
		began := time.Now()
		m, err := answerTo(c, q)
		if err != nil || m.Id != q.Id || m.Rcode != dns.RcodeSuccess || len(m.Answer) != 1 {
			t.Errorf("client %d, query %d: %v, %v, want one record within %s", client, i, m, err, answeredIn)
			return times, slowest
		}
		now := time.Now()
		times = append(times, now)
		slowest = max(slowest, now.Sub(began))
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

// reloadOften changes the file, mostly with a signal, which is noticed sooner, and waits
// until the change is in force.
func reloadOften(t *testing.T, p *process, config string) {
	for i := range reloads {
		rule := fmt.Sprintf("r%d", i)
		replaceFile(t, config, reloadConfig(rule))
		if i%10 != 0 {
			if err := p.signal(syscall.SIGHUP); err != nil {
				t.Error(err)
				return
			}
		}
		if _, err := p.stderr.wait(regexp.MustCompile(`reloaded: .*rules: ` + rule + `;`)); err != nil {
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
