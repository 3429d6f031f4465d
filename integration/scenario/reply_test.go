package scenario_test

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/miekg/dns"
)

// reply is the answer to one query in the making.
type reply struct {
	*scripted
	query  *asked
	number int
	send   func(packet []byte)
	conn   net.Conn // over TCP
}

// run does what the first entry that matches says; without, what the records say.
func (r *reply) run() {
	i := slices.IndexFunc(r.entries, r.matches)
	var err error
	switch {
	case i >= 0:
		err = r.act(r.entries[i].actions)
	case len(r.records) > 0:
		r.sendMessage(r.known(), false)
	default:
		err = fmt.Errorf("%s: upstream %s was asked what it has no entry for:\n%v", r.place, r.name, r.query)
		r.sendMessage(new(dns.Msg).SetRcode(r.query.Msg, dns.RcodeRefused), false)
	}
	if err != nil {
		r.problem(err)
	}
}

// matches says whether e is meant for the query.
func (r *reply) matches(e *entry) bool {
	q, name := r.query.Question[0], strings.ToLower(r.query.Question[0].Name)
	below, isBelow := strings.CutPrefix(e.name, "*.")
	switch {
	case e.typ != "*" && e.typ != dns.Type(q.Qtype).String():
		return false
	case e.name == "*.":
	case isBelow && !strings.HasSuffix(name, "."+below), !isBelow && name != strings.ToLower(e.name):
		return false
	}
	return r.isNumber(e.number) && !slices.ContainsFunc(e.words, func(w string) bool { return !r.query.is(w) })
}

// isNumber says whether the query is the one of that number.
func (r *reply) isNumber(number string) bool {
	least, open := strings.CutSuffix(number, "-")
	n, err := strconv.Atoi(least)
	return number == "" || err == nil && (r.number == n || open && r.number > n)
}

// is says whether a condition holds for the query.
func (q *asked) is(condition string) bool {
	o := q.IsEdns0()
	switch condition {
	case "+do", "-do":
		return (o != nil && o.Do()) == (condition == "+do")
	case "+cd", "-cd":
		return q.CheckingDisabled == (condition == "+cd")
	case "+edns", "-edns":
		return (o != nil) == (condition == "+edns")
	}
	return q.tcp == (condition == "tcp")
}

// known is the response of a resolver that knows only r.records.
func (r *reply) known() *dns.Msg {
	m := r.fresh()
	q, found := r.query.Question[0], false
	for name, n := q.Name, 0; name != "" && n <= len(r.records); n++ {
		var rrs []dns.RR
		rrs, found, name = r.find(name, q.Qtype)
		m.Answer = append(m.Answer, rrs...)
	}
	if !found {
		m.Rcode = dns.RcodeNameError
	}
	if n := len(m.Answer); n == 0 || m.Answer[n-1].Header().Rrtype != q.Qtype {
		i := slices.IndexFunc(r.records, func(rr dns.RR) bool { return rr.Header().Rrtype == dns.TypeSOA })
		if i >= 0 {
			m.Ns = []dns.RR{r.records[i]}
		}
	}
	return m
}

// find gives the records for a name and type, whether the name has any, and where a
// CNAME leads.
func (s *scripted) find(name string, qtype uint16) (rrs []dns.RR, known bool, target string) {
	for _, rr := range s.records {
		if !strings.EqualFold(rr.Header().Name, name) {
			continue
		}
		known = true
		if c, ok := rr.(*dns.CNAME); ok && qtype != dns.TypeCNAME {
			return []dns.RR{rr}, true, c.Target
		}
		if rr.Header().Rrtype == qtype {
			rrs = append(rrs, rr)
		}
	}
	return rrs, known, ""
}

// fresh is an empty response with OPT if the query had one.
func (r *reply) fresh() *dns.Msg {
	m := new(dns.Msg).SetReply(r.query.Msg)
	m.RecursionAvailable = true
	if o := r.query.IsEdns0(); o != nil {
		m.SetEdns0(1232, o.Do())
	}
	return m
}

// sendMessage sends m, over UDP no more of it than fits unless it is to go whole.
func (r *reply) sendMessage(m *dns.Msg, whole bool) {
	limit := dns.MinMsgSize
	if o := r.query.IsEdns0(); o != nil {
		limit = max(limit, int(o.UDPSize()))
	}
	packet, err := m.Pack()
	if err == nil && !r.query.tcp && !whole && len(packet) > limit {
		m.Truncate(limit)
		packet, err = m.Pack()
	}
	if err != nil {
		r.problem(fmt.Errorf("%s: %w", r.place, err))
		return
	}
	r.send(packet)
}

// act does what the actions say, in their order; the response goes last.
func (r *reply) act(actions []*node) error {
	d := &draft{reply: r, m: r.fresh()}
	for _, a := range actions {
		if err := d.do(a); err != nil {
			return err
		}
		if d.done {
			return nil
		}
	}
	return d.finish()
}

// draft is a response that is being made of actions.
type draft struct {
	*reply
	m      *dns.Msg
	done   bool
	whole  bool
	tail   []byte
	cut    int
	counts []string
}

// do does one action.
func (d *draft) do(a *node) error {
	switch a.key() {
	case "answer", "authority", "additional":
		return d.addRecord(a)
	case "records":
		d.m = d.known()
	case "silent":
		d.done = true
	case "close":
		d.done = true
		if d.conn != nil {
			_ = d.conn.Close()
		}
	case "hold":
		<-d.held
	case "forge":
		return d.forge(a)
	case "raw":
		d.done = true
		packet, err := d.fill(a)
		d.send(packet)
		return err
	default:
		return d.set(a)
	}
	return nil
}

// set changes a property of the response.
func (d *draft) set(a *node) (err error) {
	switch a.key() {
	case "rcode":
		d.m.Rcode, err = parseRcode(a)
	case "flags":
		return setFlags(&d.m.MsgHdr, a)
	case "ede", "option":
		return d.addOption(a)
	case "cookie":
		return d.addCookie(a)
	case "no-opt":
		d.m.Extra = slices.DeleteFunc(d.m.Extra, isOPT)
	case "opt":
		d.m.Extra = append(d.m.Extra, &dns.OPT{Hdr: dns.RR_Header{Name: ".", Rrtype: dns.TypeOPT, Class: 1232}})
	case "no-question":
		d.m.Question = nil
	case "spelled":
		d.m.Question[0].Name = a.rest()
	case "whole":
		d.whole = true
	case "append":
		d.tail, err = parseHex(a)
	case "cut":
		d.cut, err = strconv.Atoi(a.rest())
	case "counts":
		d.counts = a.words()[1:]
	}
	return err
}

// isOPT says whether rr is an OPT record.
func isOPT(rr dns.RR) bool { return rr.Header().Rrtype == dns.TypeOPT }

// addRecord adds a record to a section.
func (d *draft) addRecord(a *node) error {
	rr, err := parseRR(a)
	if err != nil {
		return err
	}
	switch a.key() {
	case "answer":
		d.m.Answer = append(d.m.Answer, rr)
	case "authority":
		d.m.Ns = append(d.m.Ns, rr)
	default:
		d.m.Extra = append(d.m.Extra, rr)
	}
	return nil
}

// addOption adds an EDE or another option, if the response has an OPT record.
func (d *draft) addOption(a *node) error {
	o := d.m.IsEdns0()
	if o == nil {
		return nil
	}
	if a.key() == "ede" {
		code, text, _ := strings.Cut(a.rest(), " ")
		n, err := strconv.ParseUint(code, 10, 16)
		o.Option = append(o.Option, &dns.EDNS0_EDE{InfoCode: uint16(n), ExtraText: text})
		return err
	}
	option, err := parseOption(a, a.rest())
	o.Option = append(o.Option, option)
	return err
}

// addCookie adds a COOKIE option: the client's part of the query, and the server's of the line.
func (d *draft) addCookie(a *node) error {
	sent := rawOptions(d.query.packet)["10"]
	if o := d.m.IsEdns0(); o != nil && len(sent) >= 16 {
		o.Option = append(o.Option, &dns.EDNS0_COOKIE{Code: dns.EDNS0COOKIE, Cookie: sent[:16] + a.rest()})
	}
	return nil
}

// forge sends a wrong response before the right one: it has another address, and one more
// thing that is wrong.
func (d *draft) forge(a *node) error {
	kind := a.rest()
	wrong := d.m.Copy()
	wrong.Answer = []dns.RR{&dns.A{
		Hdr: dns.RR_Header{Name: wrong.Question[0].Name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 300}, A: net.IPv4(203, 0, 113, 66),
	}}
	spoil, ok := forgeries[kind]
	if !ok {
		return a.errorf("unknown forgery %q", kind)
	}
	spoil(wrong)
	packet, err := wrong.Pack()
	if err != nil {
		return a.errorf("%v", err)
	}
	if kind == "source" {
		_, _ = d.other.WriteToUDPAddrPort(packet, d.query.from)
		return nil
	}
	if kind == "short" {
		packet = packet[:11]
	}
	d.send(packet)
	return nil
}

// forgeries are what is wrong with a forged response.
var forgeries = map[string]func(*dns.Msg){
	"id":          func(m *dns.Msg) { m.Id ^= 0x5555 },
	"qr":          func(m *dns.Msg) { m.Response = false },
	"opcode":      func(m *dns.Msg) { m.Opcode = dns.OpcodeStatus },
	"name":        func(m *dns.Msg) { m.Question[0].Name = "x" + m.Question[0].Name },
	"type":        func(m *dns.Msg) { m.Question[0].Qtype = dns.TypeMX },
	"class":       func(m *dns.Msg) { m.Question[0].Qclass = dns.ClassCHAOS },
	"questions":   func(m *dns.Msg) { m.Question = append(m.Question, m.Question[0]) },
	"no-question": func(m *dns.Msg) { m.Question = nil },
	"case":        func(m *dns.Msg) { m.Question[0].Name = swapCase(m.Question[0].Name) },
	"source":      func(*dns.Msg) {},
	"short":       func(*dns.Msg) {},
}

// swapCase is name with its upper case letters lower and the others upper.
func swapCase(name string) string {
	return strings.Map(func(c rune) rune {
		if 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z' {
			return c ^ 0x20
		}
		return c
	}, name)
}

// finish sends the response.
func (d *draft) finish() error {
	if d.tail == nil && d.cut == 0 && d.counts == nil {
		d.sendMessage(d.m, d.whole)
		return nil
	}
	packet, err := d.m.Pack()
	if err != nil {
		return fmt.Errorf("%s: %w", d.place, err)
	}
	if err := setCounts(packet, d.counts); err != nil {
		return fmt.Errorf("%s: %w", d.place, err)
	}
	d.send(append(packet[:len(packet)-d.cut], d.tail...))
	return nil
}

// setCounts writes the counts of a header, if there are any.
func setCounts(packet []byte, counts []string) error {
	for i, count := range counts {
		n, err := strconv.ParseUint(count, 10, 16)
		if err != nil || i > 3 {
			return fmt.Errorf("counts %v: want four numbers", counts)
		}
		binary.BigEndian.PutUint16(packet[4+2*i:], uint16(n))
	}
	return nil
}

// fill is the packet of a raw action: hex, in which {id} and {question} stand for those of
// the query.
func (d *draft) fill(a *node) ([]byte, error) {
	question := questionOf(d.query.packet)
	text := strings.ReplaceAll(a.rest(), "{id}", hex.EncodeToString(d.query.packet[:2]))
	text = strings.ReplaceAll(text, "{question}", hex.EncodeToString(question))
	return decodeHex(a, text)
}

// questionOf is the question of a packet as it was sent.
func questionOf(packet []byte) []byte {
	at := 12
	for packet[at] != 0 {
		at += 1 + int(packet[at])
	}
	return packet[12 : at+5]
}
