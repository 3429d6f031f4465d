package integration_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// The kinds of queries in good form.
const (
	hits   = "hits"   // names that are in the cache
	misses = "misses" // names of the upstream in trouble
	fine   = "steady" // names of the upstream that is well
)

// A tally is what became of the queries. It is safe for concurrent use.
type tally struct {
	mu      sync.Mutex // guards what follows
	sent    map[string]int
	answers map[string]int // by kind and rcode
	slowest map[string]time.Duration
	hiccup  time.Duration // how long this test had to wait for the processor, at most
	lost    int           // queries without an answer
	cut     int           // connections that the server has closed
	cutOff  int           // queries under way on these
	wrong   []string      // answers that must not be
}

// add counts one more, of kind.
func (ta *tally) add(kind string) {
	ta.mu.Lock()
	defer ta.mu.Unlock()
	if ta.sent == nil {
		ta.sent, ta.answers, ta.slowest = make(map[string]int), make(map[string]int), make(map[string]time.Duration)
	}
	ta.sent[kind]++
}

// answered counts an answer to q.
func (ta *tally) answered(q soakQuery, packet []byte) {
	took := time.Since(q.at)
	rcode := dns.RcodeToString[int(packet[3]&0xF)]
	ta.mu.Lock()
	defer ta.mu.Unlock()
	ta.answers[q.kind+" "+rcode]++
	ta.slowest[q.kind] = max(ta.slowest[q.kind], took)
	if err := strict(packet); err != nil {
		ta.wrong = append(ta.wrong, err.Error())
	}
	if q.kind != misses && rcode != "NOERROR" || strings.Contains(string(packet), "\xCB\x00\x71\x42") { // forged
		ta.wrong = append(ta.wrong, fmt.Sprintf("%s: %s %x", q.kind, rcode, packet))
	}
}

// lose counts queries without an answer.
func (ta *tally) lose(n int) {
	ta.mu.Lock()
	defer ta.mu.Unlock()
	ta.lost += n
}

// close counts a connection that the server has closed, with so many queries under way.
func (ta *tally) close(queries int) {
	ta.mu.Lock()
	defer ta.mu.Unlock()
	ta.cut++
	ta.cutOff += queries
}

// hiccups measures how long this test has to wait for the processor, until stop is closed.
func (ta *tally) hiccups(stop <-chan struct{}) {
	const beat = 10 * time.Millisecond
	due := time.NewTicker(beat)
	defer due.Stop()
	for last := time.Now(); ; last = time.Now() {
		select {
		case <-stop:
			return
		case <-due.C:
		}
		ta.mu.Lock()
		ta.hiccup = max(ta.hiccup, time.Since(last)-beat)
		ta.mu.Unlock()
	}
}

// check fails the test for answers that are late or wrong.
func (ta *tally) check(t *testing.T) {
	t.Helper()
	ta.mu.Lock()
	defer ta.mu.Unlock()
	bound := soakBound(ta.hiccup)
	for kind, wait := range map[string]time.Duration{hits: 0, misses: soakTimeout} {
		if ta.slowest[kind] > wait+bound {
			t.Errorf("the slowest answer to %s took %s, want at most %s", kind, ta.slowest[kind], wait+bound)
		}
	}
	for _, w := range ta.wrong[:min(len(ta.wrong), 5)] {
		t.Errorf("one of %d wrong answers: %s", len(ta.wrong), w)
	}
}

// once asks for one name, and reports whether it had an address soon.
func (ta *tally) once(addr, name string) bool {
	c := &dns.Client{Timeout: time.Second}
	m, _, err := c.Exchange(new(dns.Msg).SetQuestion(name, dns.TypeA), addr)
	return err == nil && len(m.Answer) == 1
}

// String is ta as a table.
func (ta *tally) String() string {
	ta.mu.Lock()
	defer ta.mu.Unlock()
	var b strings.Builder
	for _, kind := range slices.Sorted(maps.Keys(ta.sent)) {
		fmt.Fprintf(&b, "%-8s %8d queries, slowest answer %8s:", kind, ta.sent[kind], ta.slowest[kind].Round(100*time.Microsecond))
		for _, key := range slices.Sorted(maps.Keys(ta.answers)) {
			if rcode, ok := strings.CutPrefix(key, kind+" "); ok {
				fmt.Fprintf(&b, " %s %d", rcode, ta.answers[key])
			}
		}
		b.WriteByte('\n')
	}
	fmt.Fprintf(&b, "without an answer: %d, and %d on %d connections that were closed\nthis test waited for the processor: %s at most\n", ta.lost, ta.cutOff, ta.cut, ta.hiccup.Round(100*time.Microsecond))
	return b.String()
}

// A soakQuery is a query that has no answer yet.
type soakQuery struct {
	kind string
	at   time.Time
}

// A soakClient asks steadily, over UDP or over one TCP connection at a time.
type soakClient struct {
	addr   string
	tcp    bool
	number int
	tally  *tally

	mu      sync.Mutex // guards what follows
	conn    net.Conn
	ended   bool // there is to be no other connection
	pending map[uint16]soakQuery
}

// dial opens a connection, unless the client has ended.
func (c *soakClient) dial() (net.Conn, error) {
	network := "udp"
	if c.tcp {
		network = "tcp"
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		return nil, net.ErrClosed
	}
	conn, err := net.Dial(network, c.addr)
	if err == nil {
		c.conn, c.pending = conn, make(map[uint16]soakQuery)
	}
	return conn, err
}

// end closes the connection for good.
func (c *soakClient) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended = true
	_ = c.conn.Close()
}

// soakEvery is how often each client asks: a thousand queries a second in all.
const soakEvery = 6 * time.Millisecond

// run asks until stop is closed, and then waits as long as an answer may take.
func (c *soakClient) run(stop <-chan struct{}) {
	read := make(chan struct{})
	go func() {
		defer close(read)
		c.read()
	}()
	due := time.NewTicker(soakEvery)
	defer due.Stop()
	for i := 0; ; i++ {
		select {
		case <-stop:
			until(soakTimeout+soakBound(0), func() bool { return c.waiting() == 0 })
			c.tally.lose(c.waiting())
			c.end()
			<-read
			return
		case <-due.C:
			c.send(i)
		}
	}
}

// send sends the query of that number: most are hits.
func (c *soakClient) send(i int) {
	const round, names = 10, 50
	kind, name := hits, fmt.Sprintf("hit%d.steady.example.", i%names)
	switch i % round {
	case 0, 1:
		kind, name = misses, fmt.Sprintf("m%d-%d-%d.example.", c.number, i, time.Now().UnixNano())
	case 2:
		kind, name = fine, fmt.Sprintf("s%d-%d-%d.steady.example.", c.number, i, time.Now().UnixNano())
	}
	q := new(dns.Msg).SetQuestion(name, dns.TypeA)
	q.Id = uint16(i)
	packet := mustPack(q)
	if c.tcp {
		packet = framed(packet)
	}
	c.mu.Lock()
	if _, ok := c.pending[q.Id]; ok {
		c.tally.lose(1) // the IDs have gone round
	}
	c.pending[q.Id] = soakQuery{kind, time.Now()}
	conn := c.conn
	c.mu.Unlock()
	c.tally.add(kind)
	_, _ = conn.Write(packet) // what is not sent has no answer
}

// waiting is how many queries have no answer yet.
func (c *soakClient) waiting() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.pending)
}

// read takes answers until the client ends.
func (c *soakClient) read() {
	c.mu.Lock()
	conn := c.conn
	c.mu.Unlock()
	for {
		err := c.answers(conn)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		c.tally.close(c.waiting())
		_ = conn.Close()
		if conn, err = c.dial(); err != nil {
			return // the queries to come have no answer
		}
	}
}

// answers takes the answers that conn brings until it is closed.
func (c *soakClient) answers(conn net.Conn) error {
	for {
		packet, err := receiveOracle(conn, c.tcp)
		if err != nil {
			return err
		}
		id := binary.BigEndian.Uint16(packet)
		c.mu.Lock()
		q, ok := c.pending[id]
		delete(c.pending, id)
		c.mu.Unlock()
		if ok {
			c.tally.answered(q, packet)
		}
	}
}

// overflows is how many packets the system had no room for, at the server's sockets
// and at those of its clients, as /proc says.
func (s *soak) overflows() (n int) {
	table, err := os.ReadFile("/proc/net/udp")
	if err != nil {
		s.t.Fatal(err)
	}
	var portNumber int
	_, _ = fmt.Sscan(port(s.p.Addr), &portNumber)
	local := fmt.Sprintf("0100007F:%04X", portNumber)
	for line := range strings.Lines(string(table)) {
		fields := strings.Fields(line)
		if len(fields) > 12 && (fields[1] == local || fields[2] == local) {
			var drops int
			_, _ = fmt.Sscan(fields[len(fields)-1], &drops) // the header has none
			n += drops
		}
	}
	return n
}
