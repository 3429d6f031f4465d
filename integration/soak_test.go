package integration_test

import (
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// soakFor is how long the storm lasts.
var soakFor = flag.Duration("soak", 5*time.Second, "how long the soak test's storm lasts")

// soakConfig has so few places for everything that all of them are taken: those for
// queries by our clients over UDP when the upstream is silent, and not quite the half that
// is for TCP; those for connections by abusers.
const soakConfig = `
[log]
queries = "off"
[http]
listen = ["127.0.0.1:0"]
[server]
queries_in_flight = 320
tcp_connections   = 100
tcp_idle          = "5s"
[cache]
entries = 5000
[upstream.default]
servers = [%q]
timeout = "2s"
[upstream.steady]
servers = [%q]
timeout = "20s"
[rule.%s]
names    = [".steady.example"]
upstream = "steady"
`

// What the soak bounds.
const (
	soakTimeout = 2 * time.Second // of the upstream in trouble
	soakIdle    = 5 * time.Second // of a TCP connection
	soakSlack   = 20              // files, threads and goroutines that come and go
)

// soakBound is how long an answer may take, those of hits without the upstream's time.
// Where even this test had to wait for the processor, it may take longer.
func soakBound(hiccup time.Duration) time.Duration {
	const slack, share = 1500 * time.Millisecond, 4
	if underRace {
		return 2*slack + share*hiccup
	}
	return slack + share*hiccup
}

// soakGrowth is how many mebibytes an idle server may have kept.
func soakGrowth() int {
	const growth = 48
	if underRace {
		return 5 * growth // its shadow of the memory grows as well
	}
	return growth
}

// A soak is a server in a storm.
type soak struct {
	t        *testing.T
	p        *process
	config   string // its file
	troubled *scripted
	steady   *scripted
	trouble  *trouble
	tally    tally
	stop     chan struct{} // closed when the storm is over
}

// For some time everything goes wrong at once: an upstream dies, stalls, lies, flaps
// and comes back, the configuration is reloaded every second, connections are abused,
// packets are damaged. All the while every query in good form has its answer in bounded
// time, or is counted among those that were dropped; hits, and names of an upstream
// that is well, always have a good one. When it is over the server is as it was before.
func TestSoak(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the figures are read from /proc, and clients come from all of 127.0.0.0/8")
	}
	s := newSoak(t)
	s.load(time.Second)
	calm, before := s.p.vitals(t), s.metric("go_goroutines")
	s.storm()
	storm := s.p.vitals(t)
	s.trouble.set(well)
	recovered := s.recovers()
	var after vitals
	var goroutines int
	back := until(patience, func() bool {
		after, goroutines = s.p.vitals(t), s.metric("go_goroutines")
		return after.rss <= calm.rss+soakGrowth() && after.files <= calm.files+soakSlack && after.threads <= calm.threads+soakSlack &&
			goroutines <= before+soakSlack
	})
	drops, reloads := s.drops(), strings.Count(s.p.stderr.String(), "msg=\"reloaded: ")
	shed := s.metric("splitdns_queries_shed_total")
	s.tally.check(t)
	t.Logf("%s of storm, recovered after %s\n%sdropped: %d, of these %d shed\nreloads: %d\ncalm:  %v\nstorm: %v\nafter: %v\ngoroutines: %d before, %d after",
		*soakFor, recovered.Round(time.Millisecond), &s.tally, drops, shed, reloads, calm, storm, after, before, goroutines)
	if s.tally.lost > drops {
		t.Errorf("%d queries in good form have no answer, and %d were counted as dropped", s.tally.lost, drops)
	}
	if s.tally.cut > 0 && s.tally.hiccup < soakIdle { // else they were idle
		t.Errorf("%d connections of clients that did nothing wrong were closed", s.tally.cut)
	}
	if !back {
		t.Errorf("the server is not what it was: %v and %d goroutines, now %v and %d", calm, before, after, goroutines)
	}
	if least := int(soakFor.Seconds() / 2); reloads < least {
		t.Errorf("%d reloads, want at least %d", reloads, least)
	}
}

// newSoak starts a server and its upstreams.
func newSoak(t *testing.T) *soak {
	t.Helper()
	s := &soak{t: t, stop: make(chan struct{}), trouble: newTrouble()}
	s.troubled = newScripted(t, s.trouble.play)
	s.steady = newScripted(t, func(q asked) { q.reply(addressFor(q.packet)) })
	s.config = writeConfig(t, s.configText("begin"))
	s.p = start(t, "-c", s.config)
	return s
}

// configText is a configuration whose only rule is called rule.
func (s *soak) configText(rule string) string {
	return fmt.Sprintf(soakConfig, s.troubled.addr, s.steady.addr, rule)
}

// load has all clients ask for a time, and waits for their answers.
func (s *soak) load(d time.Duration) {
	stop := make(chan struct{})
	time.AfterFunc(d, func() { close(stop) })
	s.ask(stop)
}

// ask has all clients ask until stop is closed, and waits for their answers.
func (s *soak) ask(stop <-chan struct{}) {
	const udp, tcp = 4, 2
	var clients sync.WaitGroup
	for i := range udp + tcp {
		client := &soakClient{addr: s.p.Addr, tcp: i >= udp, number: i, tally: &s.tally}
		if _, err := client.dial(); err != nil {
			s.t.Fatal(err)
		}
		clients.Go(func() { client.run(stop) })
	}
	clients.Wait()
}

// storm has everything go wrong, while clients ask.
func (s *soak) storm() {
	time.AfterFunc(*soakFor, func() { close(s.stop) })
	var all sync.WaitGroup
	all.Go(func() { s.trouble.run(s.troubled, s.stop) })
	all.Go(s.reload)
	all.Go(func() { s.tally.hiccups(s.stop) })
	all.Go(s.damage)
	for _, what := range abuses {
		all.Go(func() { abuser{s.p.Addr, s.stop}.repeat(what) })
	}
	s.ask(s.stop)
	all.Wait()
}

// reload changes the file and signals in turn, every second.
func (s *soak) reload() {
	due := time.NewTicker(time.Second)
	defer due.Stop()
	for i := 0; ; i++ {
		select {
		case <-s.stop:
			return
		case <-due.C:
		}
		replaceFile(s.t, s.config, s.configText(fmt.Sprintf("r%d", i)))
		if i%2 == 0 {
			_ = s.p.signal(syscall.SIGHUP) // it has exited: others will say so
		}
	}
}

// damage sends damaged queries.
func (s *soak) damage() {
	c, err := net.Dial("udp", s.p.Addr)
	if err != nil {
		s.t.Error(err)
		return
	}
	defer c.Close()
	queries := wellFormed(s.t)
	chance := rand.New(rand.NewPCG(5, 6))
	due := time.NewTicker(2 * time.Millisecond)
	defer due.Stop()
	for i := 0; ; i++ {
		select {
		case <-s.stop:
			return
		case <-due.C:
			_, _ = c.Write(mutate(chance, queries[i%len(queries)]))
		}
	}
}

// recovers says how long it takes until a name that nobody has asked for has an
// address again.
func (s *soak) recovers() time.Duration {
	began := time.Now()
	var after tally
	n := 0
	if !until(patience, func() bool {
		n++
		return after.once(s.p.Addr, fmt.Sprintf("after%d.example.", n))
	}) {
		s.t.Errorf("after %s there is no answer from an upstream that is well", patience)
	}
	return time.Since(began)
}

// drops is how many queries are known to be without an answer: those that the server has
// dropped, shed ones among them, or left unanswered over its rate limit, and packets for which
// the system had no room.
func (s *soak) drops() int {
	return s.metric("splitdns_queries_dropped_total") + s.metric(`splitdns_queries_limited_total\{result="dropped"\}`) + s.overflows()
}

// metric is the sum over its labels of the metric whose name is the regular expression name.
func (s *soak) metric(name string) (sum int) {
	s.t.Helper()
	r, err := http.Get(s.p.stderr.must(s.t, announcedHTTP.String())[1] + "/metrics")
	if err != nil {
		s.t.Fatal(err)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	line := regexp.MustCompile(`(?m)^` + name + `(?:\{[^}]*\})? (\d+)$`)
	values := line.FindAllSubmatch(body, -1)
	if values == nil {
		s.t.Fatalf("no metric %s in\n%s", name, body)
	}
	for _, v := range values {
		n, _ := strconv.Atoi(string(v[1])) // digits
		sum += n
	}
	return sum
}
