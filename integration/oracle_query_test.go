package integration_test

import (
	"encoding/binary"
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// An oracleGroup are cases with servers of their own.
type oracleGroup struct {
	name  string
	cases []oracleCase
}

// An oracleCase is a name below example., what the upstream says about it and all
// below it, and the queries that both servers get, in turn.
type oracleCase struct {
	name    string
	says    func(q asked, m *dns.Msg) // m is q, decoded
	queries []oracleQuery
}

// An oracleQuery is one query for the name of its case.
type oracleQuery struct {
	name       string // in the words of the options
	qtype      uint16
	tcp        bool
	unanswered bool // to be met with silence
	edits      []func(m *dns.Msg)
	spoils     []func(packet []byte) []byte
}

// A queryOption is what is unusual about a query, and its word.
type queryOption struct {
	word  string
	apply func(q *oracleQuery)
}

// ask is a query over UDP with RD and nothing else, but for the options.
func oracleAsk(qtype uint16, options ...queryOption) oracleQuery {
	q := oracleQuery{name: dns.Type(qtype).String(), qtype: qtype}
	for _, o := range options {
		q.name += "+" + o.word
		o.apply(&q)
	}
	return q
}

// oracleID is the ID of all queries.
const oracleID = 0x5D15

// pack packs the query for name.
func (q oracleQuery) pack(name string) []byte {
	m := new(dns.Msg).SetQuestion(name, q.qtype)
	m.Id = oracleID
	for _, edit := range q.edits {
		edit(m)
	}
	packet := mustPack(m)
	for _, spoil := range q.spoils {
		packet = spoil(packet)
	}
	return packet
}

// mustPack packs what can be packed.
func mustPack(m *dns.Msg) []byte {
	b, err := m.Pack()
	if err != nil {
		panic(fmt.Sprintf("integration: %v in %v", err, m))
	}
	return b
}

// edited is an option that changes the message.
func edited(word string, edit func(m *dns.Msg)) queryOption {
	return queryOption{word, func(q *oracleQuery) { q.edits = append(q.edits, edit) }}
}

// spoilt is an option that changes the packet.
func spoilt(word string, spoil func(packet []byte) []byte) queryOption {
	return queryOption{word, func(q *oracleQuery) { q.spoils = append(q.spoils, spoil) }}
}

// The usual options.
var (
	overTCP    = queryOption{"tcp", func(q *oracleQuery) { q.tcp = true }}
	unanswered = queryOption{"silence", func(q *oracleQuery) { q.unanswered = true }}
	again      = queryOption{"again", func(*oracleQuery) {}} // from the cache, if that may be

	withoutRD = edited("nord", func(m *dns.Msg) { m.RecursionDesired = false })
	withCD    = edited("cd", func(m *dns.Msg) { m.CheckingDisabled = true })
	withAD    = edited("ad", func(m *dns.Msg) { m.AuthenticatedData = true })
	withEDNS  = edited("edns", func(m *dns.Msg) { m.SetEdns0(dns.DefaultMsgSize, false) })
	withDO    = edited("do", func(m *dns.Msg) { m.SetEdns0(dns.DefaultMsgSize, true) })
)

// below asks for a name below that of the case.
func below(labels string) queryOption {
	return edited("below="+labels, func(m *dns.Msg) { m.Question[0].Name = labels + "." + m.Question[0].Name })
}

// takes says what datagram the client takes.
func takes(size uint16) queryOption {
	return edited(fmt.Sprintf("size=%d", size), func(m *dns.Msg) { m.SetEdns0(size, false) })
}

// ofClass asks in another class.
func ofClass(class uint16) queryOption {
	return edited("class="+dns.Class(class).String(), func(m *dns.Msg) { m.Question[0].Qclass = class })
}

// headed puts a number into the header.
func headed(word string, at int, v uint16) queryOption {
	return spoilt(word, func(packet []byte) []byte { return with(packet, at, v) })
}

// flagged sets bits of the header besides RD.
func flagged(word string, bits uint16) queryOption {
	return spoilt(word, func(packet []byte) []byte {
		return with(packet, atFlags, binary.BigEndian.Uint16(packet[atFlags:])|bits)
	})
}

// withOption is EDNS with one option.
func withOption(word string, code uint16, data ...byte) queryOption {
	return edited(word, func(m *dns.Msg) {
		m.SetEdns0(dns.DefaultMsgSize, false)
		o := m.IsEdns0()
		o.Option = append(o.Option, &dns.EDNS0_LOCAL{Code: code, Data: data})
	})
}

// zoneSays is a resolver that knows the records of a zone file whose origin is the
// case's name.
func zoneSays(name string, lines ...string) func(q asked, m *dns.Msg) {
	u := &upstream{}
	zp := dns.NewZoneParser(strings.NewReader(strings.Join(lines, "\n")+"\n"), name+".example.", "records")
	zp.SetDefaultTTL(300)
	for rr, ok := zp.Next(); ok; rr, ok = zp.Next() {
		u.zone = append(u.zone, rr)
	}
	if err := zp.Err(); err != nil {
		panic("integration: " + err.Error())
	}
	return func(q asked, m *dns.Msg) {
		r := u.response(m)
		if !q.tcp {
			r.Truncate(udpLimit(m))
		}
		q.reply(mustPack(r))
	}
}

// editedSays is zoneSays with an edit to each response.
func editedSays(name string, edit func(m *dns.Msg), lines ...string) func(q asked, m *dns.Msg) {
	says := zoneSays(name, lines...)
	return func(q asked, m *dns.Msg) {
		reply := q.reply
		q.reply = func(packet []byte) {
			r := new(dns.Msg)
			if err := r.Unpack(packet); err != nil {
				panic("integration: " + err.Error())
			}
			edit(r)
			reply(mustPack(r))
		}
		says(q, m)
	}
}

// rcodeSays is a response without records.
func rcodeSays(rcode int) func(q asked, m *dns.Msg) {
	return func(q asked, m *dns.Msg) {
		r := new(dns.Msg).SetRcode(m, rcode)
		r.RecursionAvailable = true
		if rcode > 0xF {
			r.SetEdns0(dns.DefaultMsgSize, false)
		}
		q.reply(mustPack(r))
	}
}

// A rawBody is what stands behind the question of a response, and its counts.
type rawBody struct {
	answers, authorities, more uint16
	octets                     string
}

// rawSays is a response with these octets behind the question.
func rawSays(body rawBody) func(q asked, m *dns.Msg) {
	return func(q asked, m *dns.Msg) { q.reply(rawResponse(m, body)) }
}

// rawResponse is the response to m with a body.
func rawResponse(m *dns.Msg, body rawBody) []byte {
	r := new(dns.Msg).SetReply(m)
	r.RecursionAvailable = true
	packet := append(mustPack(r), body.octets...)
	for at, n := range map[int]uint16{atAnswers: body.answers, atAuthority: body.authorities, atMore: body.more} {
		binary.BigEndian.PutUint16(packet[at:], n)
	}
	return packet
}

// rawRecord is a record of the QNAME with a TTL of 300; size is what it says of data.
func rawRecord(typ, size uint16, data string) string {
	b := []byte{0xC0, atName}
	b = binary.BigEndian.AppendUint16(b, typ)
	b = binary.BigEndian.AppendUint16(b, dns.ClassINET)
	b = binary.BigEndian.AppendUint32(b, 300)
	b = binary.BigEndian.AppendUint16(b, size)
	return string(b) + data
}

// rawData says one record of the QNAME with this RDATA.
func rawData(typ uint16, data string) func(q asked, m *dns.Msg) {
	return rawSays(rawBody{answers: 1, octets: rawRecord(typ, uint16(len(data)), data)})
}

// runWitness runs another server until the test ends, and waits until its standard
// error has ready.
func runWitness(t *testing.T, ready, name string, args ...string) {
	t.Helper()
	var stderr transcript
	cmd := exec.Command(name, args...)
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait() // it is killed
		stderr.end()
		close(ended)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended
		<-ended
	})
	stderr.must(t, ready)
}
