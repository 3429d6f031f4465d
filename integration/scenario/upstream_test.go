package scenario_test

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/miekg/dns"
)

// upstreamScript is an upstream block: what a scripted resolver does.
type upstreamScript struct {
	*node
	name    string
	closed  bool     // nothing listens at its address
	noTCP   bool     // nothing listens for TCP
	records []dns.RR // what it knows, where no entry matches
	entries []*entry
}

// entry is what is done with the queries that it matches.
type entry struct {
	*node
	name, typ string // "*" for all; "*.example" for names below
	words     []string
	number    string // "2" or "2-"; of queries for the same name and type
	actions   []*node
}

// parseUpstream reads an upstream block.
func parseUpstream(n *node) (*upstreamScript, error) {
	w := n.words()
	if len(w) < 2 {
		return nil, n.errorf("want upstream NAME")
	}
	u := &upstreamScript{node: n, name: w[1]}
	u.closed = slices.Contains(w[2:], "closed")
	u.noTCP = slices.Contains(w[2:], "no-tcp")
	for _, k := range n.kids {
		switch k.key() {
		case "record":
			rr, err := parseRR(k)
			if err != nil {
				return nil, err
			}
			u.records = append(u.records, rr)
		case "when":
			e, err := parseEntry(k)
			if err != nil {
				return nil, err
			}
			u.entries = append(u.entries, e)
		default:
			return nil, k.errorf("unknown word %q: want record or when", k.key())
		}
	}
	return u, nil
}

// parseEntry reads a when block.
func parseEntry(n *node) (*entry, error) {
	w := n.words()
	if len(w) < 3 {
		return nil, n.errorf("want when NAME TYPE")
	}
	e := &entry{node: n, name: dns.Fqdn(w[1]), typ: w[2], actions: n.kids}
	for _, word := range w[3:] {
		number, isNumber := strings.CutPrefix(word, "number=")
		switch {
		case isNumber:
			e.number = number
		case slices.Contains(conditions, word):
			e.words = append(e.words, word)
		default:
			return nil, n.errorf("unknown condition %q: want number=N or one of %v", word, conditions)
		}
	}
	for _, a := range e.actions {
		if !slices.Contains(actionWords, a.key()) {
			return nil, a.errorf("unknown action %q: want one of %v", a.key(), actionWords)
		}
	}
	return e, nil
}

// conditions are the words that narrow what an entry matches.
var conditions = []string{"+do", "-do", "+cd", "-cd", "+edns", "-edns", "tcp", "udp"}

// actionWords are what an entry may do.
var actionWords = []string{
	"answer", "authority", "additional", "rcode", "flags", "ede", "option", "cookie", "no-opt", "opt", "spelled", "no-question",
	"forge", "silent", "close", "hold", "raw", "append", "cut", "counts", "whole", "records",
}

// parseRR reads the record in the rest of a line.
func parseRR(n *node) (dns.RR, error) {
	rr, err := dns.NewRR(n.rest())
	if err != nil || rr == nil {
		return nil, n.errorf("%q is no record: %v", n.rest(), err)
	}
	return rr, nil
}

// scripted is an upstream that runs.
type scripted struct {
	*upstreamScript
	addr  netip.AddrPort
	udp   *net.UDPConn
	tcp   *net.TCPListener
	other *net.UDPConn // for answers from another port
	tasks sync.WaitGroup
	sent  *atomic.Int64 // queries of clients

	mu       sync.Mutex // guards what follows
	asked    []*asked
	seen     map[string]int // queries for a name and type
	conns    map[net.Conn]bool
	problems []error
	held     chan struct{} // closed when what is held may go
}

// asked is a query that an upstream got.
type asked struct {
	*dns.Msg
	packet []byte
	tcp    bool
	from   netip.AddrPort
	stamp  int64 // how many queries clients had sent
}

// key is the same for queries that a server may get for one query of a client, because it did
// not answer the first one fast enough.
func (q *asked) key() string {
	return fmt.Sprint(strings.ToLower(questionText(q.Question[0])), q.tcp, q.is("+edns"), q.is("+do"), q.is("+cd"), q.stamp)
}

// startUpstream starts u, which ends with the test. sent counts the queries of clients.
func startUpstream(t *testing.T, u *upstreamScript, sent *atomic.Int64) *scripted {
	t.Helper()
	s := &scripted{upstreamScript: u, sent: sent, seen: map[string]int{}, conns: map[net.Conn]bool{}, held: make(chan struct{})}
	s.listen(t)
	t.Cleanup(func() {
		s.close()
		s.tasks.Wait()
	})
	if u.closed {
		s.close()
		return s
	}
	s.tasks.Go(s.serveUDP)
	if u.noTCP {
		_ = s.tcp.Close()
		return s
	}
	s.tasks.Go(s.serveTCP)
	return s
}

// listen finds a port that is free for UDP and TCP.
func (s *scripted) listen(t *testing.T) {
	t.Helper()
	loopback := net.IPv4(127, 0, 0, 1)
	for range 100 {
		tcp, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: loopback})
		if err != nil {
			t.Fatal(err)
		}
		s.addr = tcp.Addr().(*net.TCPAddr).AddrPort()
		udp, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(s.addr))
		if err != nil {
			_ = tcp.Close()
			continue
		}
		s.tcp, s.udp = tcp, udp
		if s.other, err = net.ListenUDP("udp4", &net.UDPAddr{IP: loopback}); err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Fatal("no port of 127.0.0.1 is free for both TCP and UDP")
}

// close ends everything.
func (s *scripted) close() {
	_ = s.udp.Close()
	_ = s.tcp.Close()
	_ = s.other.Close()
	s.release()
	s.hang()
}

// release lets go what is held, and what would be from now on.
func (s *scripted) release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.held:
	default:
		close(s.held)
	}
}

// hang closes all connections.
func (s *scripted) hang() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		_ = c.Close()
	}
}

// serveUDP takes datagrams until close.
func (s *scripted) serveUDP() {
	buf := make([]byte, 65535)
	for {
		n, from, err := s.udp.ReadFromUDPAddrPort(buf)
		if err != nil {
			return
		}
		s.take(slices.Clone(buf[:n]), from, nil)
	}
}

// serveTCP takes connections until close.
func (s *scripted) serveTCP() {
	for {
		c, err := s.tcp.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		s.conns[c] = true
		s.mu.Unlock()
		s.tasks.Go(func() { s.serveConn(c) })
	}
}

// serveConn takes the queries of a connection.
func (s *scripted) serveConn(c net.Conn) {
	defer func() {
		_ = c.Close()
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.conns, c)
	}()
	from := c.RemoteAddr().(*net.TCPAddr).AddrPort()
	for {
		packet, err := readFramed(c)
		if err != nil {
			return
		}
		s.take(packet, from, c)
	}
}

// readFramed reads a message behind its length (RFC 1035, section 4.2.2).
func readFramed(r io.Reader) ([]byte, error) {
	var size [2]byte
	if _, err := io.ReadFull(r, size[:]); err != nil {
		return nil, err
	}
	packet := make([]byte, binary.BigEndian.Uint16(size[:]))
	_, err := io.ReadFull(r, packet)
	return packet, err
}

// framed is packet behind its length.
func framed(packet []byte) []byte {
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(packet))), packet...)
}

// take notes a query and answers it.
func (s *scripted) take(packet []byte, from netip.AddrPort, c net.Conn) {
	q := &asked{Msg: new(dns.Msg), packet: packet, tcp: c != nil, from: from, stamp: s.sent.Load()}
	err := q.Unpack(packet)
	if err == nil {
		err = proper(q.Msg)
	}
	if err != nil {
		s.problem(fmt.Errorf("%s: upstream %s got an improper query: %w\n%x", s.place, s.name, err, packet))
		return
	}
	send := func(packet []byte) { _, _ = s.udp.WriteToUDPAddrPort(packet, from) }
	if c != nil {
		send = func(packet []byte) { _, _ = c.Write(framed(packet)) }
	}
	r := &reply{scripted: s, query: q, send: send, conn: c}
	r.number = s.note(q)
	s.tasks.Go(r.run)
}

// proper says what no query to an upstream may have.
func proper(m *dns.Msg) error {
	switch {
	case m.Response || m.Opcode != dns.OpcodeQuery:
		return fmt.Errorf("QR %v, opcode %d", m.Response, m.Opcode)
	case len(m.Question) != 1 || len(m.Answer)+len(m.Ns) != 0:
		return fmt.Errorf("%d questions, %d answers, %d authorities", len(m.Question), len(m.Answer), len(m.Ns))
	case !m.RecursionDesired || m.Authoritative || m.Truncated || m.RecursionAvailable || m.Zero:
		return fmt.Errorf("flags: %v", m.MsgHdr)
	case len(m.Extra) > 1 || len(m.Extra) == 1 && m.IsEdns0() == nil:
		return fmt.Errorf("additional records: %v", m.Extra)
	}
	return nil
}

// note counts a query, and says which of its name and type it is.
func (s *scripted) note(q *asked) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, q)
	key := strings.ToLower(q.Question[0].Name) + " " + dns.Type(q.Question[0].Qtype).String()
	s.seen[key]++
	return s.seen[key]
}

// problem notes what fails the scenario.
func (s *scripted) problem(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.problems = append(s.problems, err)
}

// queries are what was asked so far.
func (s *scripted) queries() []*asked {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.asked)
}
