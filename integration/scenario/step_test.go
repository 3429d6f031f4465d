package scenario_test

import (
	"net"
	"strconv"
	"strings"
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
