package integration_test

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// inWords puts a response into comparable words. What chance decides is left out:
// the order of the RRsets and within them, and a second or two of a TTL. The text of
// extended errors is left out, too: ours are for people.
func inWords(packet []byte) oracleAnswer {
	a := oracleAnswer{"response": "yes"}
	m := new(dns.Msg)
	if err := m.Unpack(packet); err != nil {
		a["response"] = "malformed: " + err.Error()
		return a
	}
	if m.Id != oracleID {
		a["id"] = fmt.Sprint(m.Id)
	}
	a["rcode"] = fmt.Sprint(m.Rcode)
	if word, ok := dns.RcodeToString[m.Rcode]; ok {
		a["rcode"] = word
	}
	a["flags"] = flagWords(m.MsgHdr)
	if m.Opcode != dns.OpcodeQuery {
		a["opcode"] = fmt.Sprint(m.Opcode)
	}
	for _, q := range m.Question {
		a["question"] += fmt.Sprintf("[%s %s %s]", q.Name, dns.Class(q.Qclass), dns.Type(q.Qtype))
	}
	a["answer"] = recordWords(m.Answer)
	a["authority"] = recordWords(m.Ns)
	o := m.IsEdns0()
	a["additional"] = recordWords(slices.DeleteFunc(m.Extra, func(rr dns.RR) bool { return rr == dns.RR(o) }))
	if o != nil {
		a["opt"], a["ede"] = optWords(o)
	}
	return a
}

// flagWords are the flags that are set.
func flagWords(h dns.MsgHdr) string {
	var words []string
	for _, f := range []struct {
		name string
		set  bool
	}{
		{"qr", h.Response},
		{"aa", h.Authoritative},
		{"tc", h.Truncated},
		{"rd", h.RecursionDesired},
		{"ra", h.RecursionAvailable},
		{"z", h.Zero},
		{"ad", h.AuthenticatedData},
		{"cd", h.CheckingDisabled},
	} {
		if f.set {
			words = append(words, f.name)
		}
	}
	return strings.Join(words, " ")
}

// recordWords are the records of a section, in an order of their own; many in short.
func recordWords(section []dns.RR) string {
	var lines []string
	for _, rr := range section {
		h := rr.Header()
		data := strings.Join(strings.Fields(strings.TrimPrefix(rr.String(), h.String())), " ")
		lines = append(lines, fmt.Sprintf("%s %d %s %s %s", strings.ToLower(h.Name), roundTTL(h.Ttl), dns.Class(h.Class), dns.Type(h.Rrtype), data))
	}
	slices.Sort(lines)
	const many = 8
	if len(lines) > many {
		return fmt.Sprintf("%d records from [%s] to [%s]", len(lines), lines[0], lines[len(lines)-1])
	}
	return strings.Join(lines, "; ")
}

// roundTTL leaves out a few seconds that have passed. Cases have TTLs that are
// multiples of ten.
func roundTTL(ttl uint32) uint32 {
	const step, slack = 10, 4
	if rest := ttl % step; rest >= step-slack {
		return ttl + step - rest
	}
	return ttl
}

// optWords are what an OPT record says, and its extended errors.
func optWords(o *dns.OPT) (opt, ede string) {
	opt = fmt.Sprintf("version %d size %d", o.Version(), o.UDPSize())
	if o.Do() {
		opt += " do"
	}
	var codes []string
	for _, option := range o.Option {
		if e, ok := option.(*dns.EDNS0_EDE); ok {
			codes = append(codes, fmt.Sprint(e.InfoCode))
			continue
		}
		opt += fmt.Sprintf(" option %d", option.Option())
		if l, ok := option.(*dns.EDNS0_LOCAL); ok {
			opt += " " + hex.EncodeToString(l.Data)
		}
	}
	slices.Sort(codes)
	return opt, strings.Join(codes, " ")
}
