package scenario_test

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/miekg/dns"
)

// A step is something that a scenario does or checks.
type step interface {
	run(w *world) error
	checks() bool // it can find that the server does something wrong
}

// stepParsers read steps by their first word.
var stepParsers = map[string]func(*node) (step, error){
	"query":   parseQuery,
	"send":    parseSend,
	"expect":  parseExpect,
	"asked":   parseAsked,
	"pass":    parsePass,
	"reload":  parseReload,
	"release": parseRelease,
	"hang":    parseHang,
	"shut":    parseShut,
}

// deed is a step that only does something.
type deed func(w *world) error

func (d deed) run(w *world) error { return d(w) }
func (deed) checks() bool         { return false }

// parsePass reads pass DURATION.
func parsePass(n *node) (step, error) {
	d, err := time.ParseDuration(n.rest())
	if err != nil {
		return nil, n.errorf("%v", err)
	}
	return deed(func(w *world) error {
		w.passed.Add(int64(d))
		return nil
	}), nil
}

// parseRelease reads release UPSTREAM.
func parseRelease(n *node) (step, error) {
	return deed(func(w *world) error {
		u, err := w.upstream(n)
		if err == nil {
			u.release()
		}
		return err
	}), nil
}

// parseHang reads hang UPSTREAM.
func parseHang(n *node) (step, error) {
	return deed(func(w *world) error {
		u, err := w.upstream(n)
		if err == nil {
			u.hang()
		}
		return err
	}), nil
}

// parseShut reads shut: the client of the last query sends no more.
func parseShut(n *node) (step, error) {
	return deed(func(w *world) error {
		c, ok := w.conversations[""].Conn.(*net.TCPConn)
		if !ok {
			return n.errorf("want a query over TCP before it")
		}
		return c.CloseWrite()
	}), nil
}

// parseReload reads a reload block: a configuration, and with "refused" on the line, that
// the server says no to it.
func parseReload(n *node) (step, error) {
	text := n.block()
	return deed(func(w *world) error { return w.reload(n, text) }), nil
}

// query is a packet to the server.
type query struct {
	*node
	packet []byte
	msg    *dns.Msg // nil if the packet was given as hex
	size   int      // the largest datagram that the client takes

	tcp, unframed, ipv6 bool
	tls, https, get     bool   // get: in the URL of a request
	from                string // the address that it leaves from
	on                  string // the conversation; "" is a new one
	times               int
	retry               bool // until the answer is as expected
}

func (q *query) checks() bool { return false }

// run sends the query.
func (q *query) run(w *world) error {
	c, err := w.conversation(q)
	if err != nil {
		return q.errorf("%v", err)
	}
	c.query, c.counter = q, &w.sent
	if q.on != "" && !q.unframed {
		c.sent = append(c.sent, q)
	}
	return c.send(q)
}

// parseSend reads a send block: a packet in hex.
func parseSend(n *node) (step, error) {
	q := &query{node: n, size: dns.MinMsgSize, times: 1}
	for _, word := range n.words()[1:] {
		if ok, err := q.route(word); err != nil || !ok {
			return nil, n.errorf("unknown word %q: %v", word, err)
		}
	}
	for _, k := range n.kids {
		text, _, _ := strings.Cut(k.text, "#")
		octets, err := decodeHex(k, text)
		if err != nil {
			return nil, err
		}
		q.packet = append(q.packet, octets...)
	}
	return q, nil
}

// parseQuery reads a query block.
func parseQuery(n *node) (step, error) {
	w := n.words()
	if len(w) < 3 {
		return nil, n.errorf("want query NAME TYPE")
	}
	qtype, ok := parseType(w[2])
	if !ok {
		return nil, n.errorf("unknown type %q", w[2])
	}
	q := &query{node: n, msg: new(dns.Msg), size: dns.MinMsgSize, times: 1}
	q.msg.Id, q.msg.RecursionDesired = dns.Id(), true
	q.msg.Question = []dns.Question{{Name: dns.Fqdn(w[1]), Qtype: qtype, Qclass: dns.ClassINET}}
	for _, word := range w[3:] {
		if err := q.word(word); err != nil {
			return nil, err
		}
	}
	return q, q.pack()
}

// word takes a word of the line of a query.
func (q *query) word(word string) error {
	if class, ok := parseClass(word); ok {
		q.msg.Question[0].Qclass = class
		return nil
	}
	if ok, err := q.route(word); ok || err != nil {
		return err
	}
	name, value, given := strings.Cut(strings.TrimPrefix(word, "+"), "=")
	if f := flag(&q.msg.MsgHdr, strings.TrimPrefix(name, "no")); f != nil && !given {
		*f = !strings.HasPrefix(name, "no")
		return nil
	}
	switch name {
	case "opcode":
		q.msg.Opcode, _ = strconv.Atoi(value)
		return nil
	case "id":
		id, err := parseNumber(q.node, value, 16)
		q.msg.Id = uint16(id)
		return err
	}
	return q.edns(name, value)
}

// edns takes a word about the OPT record.
func (q *query) edns(name, value string) error {
	o := q.msg.IsEdns0()
	if o == nil {
		o = q.msg.SetEdns0(1232, false).IsEdns0()
	}
	var n uint64
	var err error
	switch name {
	case "edns":
	case "do":
		o.SetDo()
	case "bufsize":
		n, err = parseNumber(q.node, value, 16)
		o.SetUDPSize(uint16(n))
	case "version":
		n, err = parseNumber(q.node, value, 8)
		o.SetVersion(uint8(n))
	case "ednsflags":
		n, err = parseNumber(q.node, value, 16)
		o.Hdr.Ttl |= uint32(n)
	case "option":
		var option dns.EDNS0
		option, err = parseOption(q.node, value)
		o.Option = append(o.Option, option)
	default:
		return q.errorf("unknown word %q", name)
	}
	q.size = max(dns.MinMsgSize, int(o.UDPSize()))
	return err
}

// route takes a word about how a packet is sent.
func (q *query) route(word string) (ok bool, err error) {
	name, value, _ := strings.Cut(word, "=")
	switch name {
	case "+tcp":
		q.tcp = true
	case "+unframed":
		q.tcp, q.unframed = true, true
	case "+tls":
		q.tcp, q.tls = true, true
	case "+https":
		q.tcp, q.https, q.get = true, true, value == "get"
	case "+ipv6":
		q.ipv6 = true
	case "+from":
		q.from = value
	case "+on":
		q.on = value
	case "+times":
		q.times, err = strconv.Atoi(value)
	case "+retry":
		q.retry = true
	default:
		return false, nil
	}
	return true, err
}

// pack makes the packet of the message and the lines below the query.
func (q *query) pack() (err error) {
	var counts []string
	var tail []byte
	cut := 0
	for _, k := range q.kids {
		switch k.key() {
		case "answer", "authority", "additional":
			d := &draft{m: q.msg}
			err = d.addRecord(k)
		case "opt":
			q.msg.Extra = append(q.msg.Extra, &dns.OPT{Hdr: dns.RR_Header{Name: ".", Rrtype: dns.TypeOPT, Class: 1232}})
		case "question":
			q.msg.Question = append(q.msg.Question, dns.Question{Name: dns.Fqdn(k.words()[1]), Qtype: dns.TypeA, Qclass: dns.ClassINET})
		case "no-question":
			q.msg.Question = nil
		case "counts":
			counts = k.words()[1:]
		case "append":
			tail, err = parseHex(k)
		case "cut":
			cut, err = strconv.Atoi(k.rest())
		default:
			err = k.errorf("unknown word %q", k.key())
		}
		if err != nil {
			return err
		}
	}
	if q.packet, err = q.msg.Pack(); err != nil {
		return q.errorf("%v", err)
	}
	q.packet = append(q.packet[:len(q.packet)-cut], tail...)
	return setCounts(q.packet, counts)
}

// patience bounds every wait. It ends only scenarios that fail.
const patience = 20 * time.Second

// A conversation is a socket of a client.
type conversation struct {
	net.Conn
	query   *query        // the last one
	sent    []*query      // on a named conversation: those that have no response yet
	counter *atomic.Int64 // of queries of all clients
}

// conversation is where q goes: a new one, or the one it names.
func (w *world) conversation(q *query) (*conversation, error) {
	if c, ok := w.conversations[q.on]; ok && q.on != "" {
		return c, nil
	}
	network, to := "udp", w.addr(q.ipv6)
	if q.tcp {
		network = "tcp"
	}
	d := net.Dialer{Timeout: patience}
	if q.from != "" {
		local := netip.AddrPortFrom(netip.MustParseAddr(q.from), 0)
		d.LocalAddr = net.UDPAddrFromAddrPort(local)
		if q.tcp {
			d.LocalAddr = net.TCPAddrFromAddrPort(local)
		}
	}
	var nc net.Conn
	var err error
	if q.tls || q.https {
		nc, err = w.dialEncrypted(q)
	} else {
		nc, err = d.Dial(network, to.String())
	}
	if err != nil {
		return nil, err
	}
	c := &conversation{Conn: nc}
	w.open = append(w.open, nc)
	w.conversations[q.on], w.conversations[""] = c, c
	return c, nil
}

// send sends q.
func (c *conversation) send(q *query) error {
	c.counter.Add(1)
	packet := q.packet
	if q.tcp && !q.unframed {
		packet = framed(packet)
	}
	if _, err := c.Write(packet); err != nil {
		return q.errorf("sending: %v", err)
	}
	return nil
}

// receive waits for the next packet.
func (c *conversation) receive() ([]byte, error) { return c.receiveFor(patience) }

// receiveFor waits for the next packet, for that long.
func (c *conversation) receiveFor(d time.Duration) ([]byte, error) {
	_ = c.SetReadDeadline(time.Now().Add(d))
	if c.query.tcp {
		return readFramed(c)
	}
	buf := make([]byte, 65535)
	n, err := c.Read(buf)
	return buf[:n], err
}

// ended says whether the server has closed the connection.
func (c *conversation) ended() error {
	packet, err := c.receive()
	if errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) {
		return nil
	}
	return fmt.Errorf("want the connection closed, got %v:\n%s", err, describe(packet))
}

// sentinel is a query that is answered at once, behind all that was sent before it.
var sentinel = func() []byte {
	m := new(dns.Msg).SetQuestion("sentinel.example.", dns.TypeANY)
	m.Id = 0xFEED
	packet, err := m.Pack()
	if err != nil {
		panic(err)
	}
	return packet
}()

// quiet is how long nothing may come behind the sentinel: what an upstream is asked for is
// answered within it, as upstreams here answer at once.
const quiet = 50 * time.Millisecond

// silent says whether nothing was answered: the next response is that to the sentinel, and
// none follows.
func (c *conversation) silent() error {
	if err := c.send(&query{node: c.query.node, packet: sentinel, tcp: c.query.tcp}); err != nil {
		return err
	}
	packet, err := c.receive()
	if err != nil {
		return fmt.Errorf("want only the answer to the query behind it: %w", err)
	}
	if !bytes.HasPrefix(packet, sentinel[:2]) {
		return fmt.Errorf("want no answer, got\n%s", describe(packet))
	}
	if packet, err = c.receiveFor(quiet); err == nil {
		return fmt.Errorf("want no answer, got\n%s", describe(packet))
	}
	return nil
}

// describe is a packet for people.
func describe(packet []byte) string {
	m := new(dns.Msg)
	if err := m.Unpack(packet); err != nil {
		return fmt.Sprintf("%d octets, %v:\n%s", len(packet), err, hex.Dump(packet[:min(len(packet), 512)]))
	}
	return fmt.Sprintf("%d octets:\n%v", len(packet), m)
}

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
