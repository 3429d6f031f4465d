package scenario_test

import (
	"encoding/hex"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/miekg/dns"
)

// comparison collects what is wrong with a response.
type comparison struct {
	*expectStep
	query  *query
	packet []byte
	msg    *dns.Msg
	wrong  []string
}

// compare checks a response to a query of c.
func (e *expectStep) compare(c *conversation, packet []byte) error {
	r := &comparison{expectStep: e, query: c.answered(packet), packet: packet, msg: new(dns.Msg)}
	if r.query == nil {
		return e.errorf("a response to nothing that was asked:\n%s", describe(packet))
	}
	if err := r.msg.Unpack(packet); err != nil {
		r.wrongf(e.node, "malformed: %v", err)
	}
	r.header()
	r.size()
	if len(e.kids) != 1 || e.kids[0].key() != "hex" {
		for _, section := range sections {
			r.section(section)
		}
		r.opt()
	}
	for _, k := range e.others {
		r.other(k)
	}
	if len(r.wrong) == 0 {
		return nil
	}
	return fmt.Errorf("%s\nthe response was %s", strings.Join(r.wrong, "\n"), describe(packet))
}

// answered is the query that a packet is the response to: the last one, or on a named
// conversation the one with its ID that has none yet.
func (c *conversation) answered(packet []byte) *query {
	if len(c.sent) == 0 || c.query.unframed {
		return c.query
	}
	for i, q := range c.sent {
		if idOf(q.packet) == idOf(packet) {
			c.sent = slices.Delete(c.sent, i, i+1)
			return q
		}
	}
	return nil
}

// wrongf notes what is wrong.
func (r *comparison) wrongf(n *node, format string, args ...any) {
	r.wrong = append(r.wrong, n.errorf(format, args...).Error())
}

// header checks ID, opcode, RCODE, flags, and that the question is the one that was asked.
func (r *comparison) header() {
	h := r.msg.MsgHdr
	rcode := h.Rcode
	if o := r.msg.IsEdns0(); o != nil {
		rcode = h.Rcode&0xF | int(o.Hdr.Ttl>>24)<<4
	}
	if rcode != r.rcode {
		r.wrongf(r.node, "rcode %s, want %s", rcodeName(rcode), rcodeName(r.rcode))
	}
	if idOf(r.packet) != idOf(r.query.packet) && !r.query.unframed {
		r.wrongf(r.node, "ID %#x, want %#x", idOf(r.packet), idOf(r.query.packet))
	}
	if !h.Response {
		r.wrongf(r.node, "QR is clear: it is no response")
	}
	if err := checkFlags(r.node, h, r.wantFlags()); err != nil {
		r.wrong = append(r.wrong, err.Error())
	}
	if r.query.msg == nil || r.has("question") || len(r.query.msg.Question) == 0 {
		return
	}
	if h.Opcode != r.query.msg.Opcode {
		r.wrongf(r.node, "opcode %d, want %d", h.Opcode, r.query.msg.Opcode)
	}
	if len(r.msg.Question) != 1 || r.msg.Question[0] != r.query.msg.Question[0] {
		r.wrongf(r.node, "question %v, want %s", r.msg.Question, questionText(r.query.msg.Question[0]))
	}
}

// has says whether there is a line that begins with key.
func (e *expectStep) has(key string) bool {
	return slices.ContainsFunc(e.kids, func(k *node) bool { return k.key() == key })
}

// wantFlags are the flags of a response to the query: RD and CD as in the query, RA, and what
// the line says.
func (r *comparison) wantFlags() []string {
	want := map[string]bool{"ra": true}
	if r.query.msg != nil {
		want["rd"], want["cd"] = r.query.msg.RecursionDesired, r.query.msg.CheckingDisabled
	}
	for _, word := range r.flags {
		name, cleared := strings.CutPrefix(word, "-")
		want[name] = !cleared
	}
	var names []string
	for name, set := range want {
		if set {
			names = append(names, name)
		}
	}
	return names
}

// size checks that a datagram is no larger than the client takes.
func (r *comparison) size() {
	if !r.query.tcp && len(r.packet) > r.query.size {
		r.wrongf(r.node, "%d octets, to a client that takes %d", len(r.packet), r.query.size)
	}
}

// section checks the records of a section, which are exactly those of the lines.
func (r *comparison) section(name string) {
	got := map[string][]dns.RR{"answer": r.msg.Answer, "authority": r.msg.Ns, "additional": r.msg.Extra}[name]
	got = slices.DeleteFunc(slices.Clone(got), isOPT)
	want := r.records[name]
	if r.any[name] {
		return
	}
	if count, ok := r.counts[name]; ok {
		if len(got) != count {
			r.wrongf(r.node, "%s: %d records, want %d", name, len(got), count)
		}
		return
	}
	for i := range max(len(got), len(want)) {
		switch {
		case i >= len(want):
			r.wrongf(r.node, "%s: got   %v\n\twhich is not wanted", name, got[i])
		case i >= len(got):
			r.wrongf(want[i], "%s: want  %s\n\tthere is no such record", name, want[i].rest())
		default:
			r.record(want[i], got[i])
		}
	}
}

// record checks one record.
func (r *comparison) record(k *node, got dns.RR) {
	w, _ := wanted(k)
	if !w.matches(got) {
		r.wrongf(k, "%s: want  %s\n\tgot   %s", k.key(), k.rest(), strings.Join(strings.Fields(got.String()), " "))
	}
}

// wantedRR is a record whose TTL may be open.
type wantedRR struct {
	dns.RR
	least, most uint64 // the TTL
}

// wanted reads a record of an expect block. Its TTL may be "*", or "10..20".
func wanted(k *node) (wantedRR, error) {
	words := strings.SplitN(k.rest(), " ", 3)
	if len(words) < 3 {
		return wantedRR{}, k.errorf("want NAME TTL TYPE DATA")
	}
	w := wantedRR{most: 1<<31 - 1}
	if least, most, ok := strings.Cut(words[1], ".."); ok || words[1] != "*" {
		if !ok {
			most = least
		}
		var err, err2 error
		w.least, err = strconv.ParseUint(least, 10, 32)
		w.most, err2 = strconv.ParseUint(most, 10, 32)
		if err != nil || err2 != nil {
			return w, k.errorf("TTL %q: want a number, FROM..TO or *", words[1])
		}
	}
	rr, err := dns.NewRR(words[0] + " 0 " + words[2])
	if err != nil || rr == nil {
		return w, k.errorf("%q is no record: %v", k.rest(), err)
	}
	w.RR = rr
	return w, nil
}

// matches says whether got is the record; the case of letters does not count.
func (w wantedRR) matches(got dns.RR) bool {
	ttl := uint64(got.Header().Ttl)
	same := dns.Copy(got)
	same.Header().Ttl = 0
	return w.least <= ttl && ttl <= w.most && strings.EqualFold(same.String(), w.String())
}

// opt checks the OPT record: there is one if and only if the query had one, of version 0,
// with its DO, with no flag that nobody knows, and with the extended errors that the lines
// say and no option besides.
func (r *comparison) opt() {
	o := r.msg.IsEdns0()
	if !r.has("opt") && r.query.msg != nil {
		if asked := r.query.msg.IsEdns0(); (o != nil) != (asked != nil) {
			r.wrongf(r.node, "OPT record: %v, want %v", o != nil, asked != nil)
		} else if o != nil && o.Do() != asked.Do() {
			r.wrongf(r.node, "DO is %v, want %v", o.Do(), asked.Do())
		}
	}
	var edes []*dns.EDNS0_EDE
	if o != nil {
		if o.Version() != 0 || o.Hdr.Ttl&0x7FFF != 0 {
			r.wrongf(r.node, "EDNS version %d, flags %#x, want version 0 and no unknown flag", o.Version(), o.Hdr.Ttl&0x7FFF)
		}
		for _, option := range o.Option {
			if e, ok := option.(*dns.EDNS0_EDE); ok {
				edes = append(edes, e)
			} else if !r.expects(option) {
				r.wrongf(r.node, "option %d (%v) is not wanted", option.Option(), option)
			}
		}
	}
	r.extended(edes)
}

// expects says whether a line names the option.
func (r *comparison) expects(option dns.EDNS0) bool {
	return slices.ContainsFunc(r.others, func(k *node) bool {
		return k.key() == "option" && k.words()[1] == fmt.Sprint(option.Option())
	})
}

// extended checks the extended errors. Their text is held against a pattern.
func (r *comparison) extended(got []*dns.EDNS0_EDE) {
	if len(r.edes) == 1 && r.edes[0].rest() == "any" {
		return
	}
	for i := range max(len(got), len(r.edes)) {
		switch {
		case i >= len(r.edes):
			r.wrongf(r.node, "extended error %d %q, which is not wanted", got[i].InfoCode, got[i].ExtraText)
		case i >= len(got):
			r.wrongf(r.edes[i], "no extended error, want %s", r.edes[i].rest())
		default:
			code, pattern, _ := strings.Cut(r.edes[i].rest(), " ")
			ok, err := regexp.MatchString(pattern, got[i].ExtraText)
			if fmt.Sprint(got[i].InfoCode) != code || !ok || err != nil {
				r.wrongf(r.edes[i], "extended error %d %q, want %s", got[i].InfoCode, got[i].ExtraText, r.edes[i].rest())
			}
		}
	}
}

// other checks a line of its own.
func (r *comparison) other(k *node) {
	switch k.key() {
	case "size":
		r.sizeLine(k)
	case "question":
		r.questionLine(k)
	case "opt":
		r.optLine(k)
	case "option":
		r.optionLine(k)
	case "hex":
		text := strings.ReplaceAll(k.rest(), "{id}", hex.EncodeToString(r.query.packet[:2]))
		want, err := decodeHex(k, text)
		if err != nil || string(want) != string(r.packet) {
			r.wrongf(k, "want %x\n\tgot  %x %v", want, r.packet, err)
		}
	case "whole-sets":
		r.wholeSets(k)
	}
}

// sizeLine is "size <= 512" or "size > 512".
func (r *comparison) sizeLine(k *node) {
	w := k.words()
	n, err := strconv.Atoi(w[len(w)-1])
	ok := map[string]bool{"<=": len(r.packet) <= n, ">": len(r.packet) > n, "==": len(r.packet) == n}[w[1]]
	if err != nil || !ok {
		r.wrongf(k, "%d octets, want %s", len(r.packet), k.rest())
	}
}

// questionLine is "question NAME TYPE CLASS", or "question none".
func (r *comparison) questionLine(k *node) {
	var got []string
	for _, q := range r.msg.Question {
		got = append(got, questionText(q))
	}
	want := []string{k.rest()}
	if k.rest() == "none" {
		want = nil
	}
	if !slices.Equal(got, want) {
		r.wrongf(k, "question %v, want %s", got, k.rest())
	}
}

// optLine is "opt none", or "opt" with "size=N", "do" or "-do".
func (r *comparison) optLine(k *node) {
	o := r.msg.IsEdns0()
	if (o == nil) != (k.rest() == "none") {
		r.wrongf(k, "OPT record: %v, want %s", o, k.rest())
	}
	for _, word := range k.words()[1:] {
		size, isSize := strings.CutPrefix(word, "size=")
		switch {
		case o == nil:
		case isSize && fmt.Sprint(o.UDPSize()) != size:
			r.wrongf(k, "UDP size %d, want %s", o.UDPSize(), size)
		case word == "do" && !o.Do(), word == "-do" && o.Do():
			r.wrongf(k, "DO is %v", o.Do())
		}
	}
}

// optionLine is "option CODE", perhaps with a pattern for its hex digits, or "maybe".
func (r *comparison) optionLine(k *node) {
	w := k.words()
	pattern := "^" + strings.Join(w[2:], "") + "$"
	if len(w) == 2 {
		pattern = ""
	}
	got, ok := rawOptions(r.packet)[w[1]]
	if pattern == "^maybe$" {
		return
	}
	matched, err := regexp.MatchString(pattern, got)
	if !ok || !matched || err != nil {
		r.wrongf(k, "option %s is %q (there: %v), want %s", w[1], got, ok, pattern)
	}
}

// rawOptions are the options of a packet in hex, by their codes.
func rawOptions(packet []byte) map[string]string {
	m, all := new(dns.Msg), map[string]string{}
	if m.Unpack(packet) != nil || m.IsEdns0() == nil {
		return all
	}
	buf := make([]byte, 65535)
	n, err := dns.PackRR(m.IsEdns0(), buf, 0, nil, false)
	if err != nil {
		return all
	}
	for data := buf[11:n]; len(data) >= 4; {
		code, size := int(data[0])<<8|int(data[1]), int(data[2])<<8|int(data[3])
		all[fmt.Sprint(code)] = hex.EncodeToString(data[4 : 4+size])
		data = data[4+size:]
	}
	return all
}

// wholeSets is "whole-sets NAME TYPE COUNT": the answer has that RRset with all its records,
// or none of them.
func (r *comparison) wholeSets(k *node) {
	w, n := k.words(), 0
	for _, rr := range r.msg.Answer {
		if strings.EqualFold(rr.Header().Name, dns.Fqdn(w[1])) && dns.Type(rr.Header().Rrtype).String() == w[2] {
			n++
		}
	}
	if n != 0 && fmt.Sprint(n) != w[3] {
		r.wrongf(k, "%d records of the RRset, want %s or none", n, w[3])
	}
}
