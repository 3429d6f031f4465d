package servertest

import (
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// Silent is the script of an upstream that never answers.
func Silent(*Query) {}

// Rcode is the script of an upstream that answers everything with that RCODE and
// no record.
func Rcode(rcode int) Script {
	return func(q *Query) {
		q.Respond(new(dns.Msg).SetRcode(q.Msg, rcode))
	}
}

// Records is the script of a resolver that knows these records (RFC 1035 lines,
// such as "www.example. 300 IN A 192.0.2.1") and no others. It follows CNAMEs
// among them, answers NODATA for other types of their names and NXDOMAIN for
// other names, each with the first SOA among the records, and truncates at 512
// octets over UDP, or where the query's OPT says.
func Records(t testing.TB, lines ...string) Script {
	t.Helper()
	var z zone
	for _, line := range lines {
		rr, err := dns.NewRR(line)
		if err != nil {
			t.Fatal(err)
		}
		z = append(z, rr)
	}
	return func(q *Query) {
		if len(q.Question) != 1 {
			q.Respond(new(dns.Msg).SetRcode(q.Msg, dns.RcodeFormatError))
			return
		}
		m := z.response(q.Msg)
		if !q.TCP {
			m.Truncate(udpLimit(q.Msg))
		}
		q.Respond(m)
	}
}

// A zone is a few records, in the order in which they are answered.
type zone []dns.RR

// response answers a query for one question.
func (z zone) response(query *dns.Msg) *dns.Msg {
	m := new(dns.Msg).SetReply(query)
	m.RecursionAvailable = true
	if o := query.IsEdns0(); o != nil {
		m.SetEdns0(1232, o.Do())
	}
	name, found := query.Question[0].Name, false
	for range len(z) + 1 { // a CNAME loop ends, too
		rrs, known, target := z.find(name, query.Question[0].Qtype)
		m.Answer = append(m.Answer, rrs...)
		found = known
		if target == "" {
			break
		}
		name = target
	}
	if !found {
		m.Rcode = dns.RcodeNameError
	}
	if n := len(m.Answer); n == 0 || m.Answer[n-1].Header().Rrtype == dns.TypeCNAME {
		m.Ns = z.soa()
	}
	return m
}

// find returns the records for a name and type, whether the name has any at all,
// and where a CNAME leads on.
func (z zone) find(name string, qtype uint16) (rrs []dns.RR, known bool, target string) {
	for _, rr := range z {
		h := rr.Header()
		if !strings.EqualFold(h.Name, name) {
			continue
		}
		known = true
		c, isCNAME := rr.(*dns.CNAME)
		if isCNAME && qtype != dns.TypeCNAME {
			return []dns.RR{rr}, true, c.Target
		}
		if h.Rrtype == qtype {
			rrs = append(rrs, rr)
		}
	}
	return rrs, known, ""
}

// soa returns the first SOA, for the authority section.
func (z zone) soa() []dns.RR {
	for _, rr := range z {
		if rr.Header().Rrtype == dns.TypeSOA {
			return []dns.RR{rr}
		}
	}
	return nil
}

// udpLimit is how large a response over UDP may be.
func udpLimit(query *dns.Msg) int {
	if o := query.IsEdns0(); o != nil {
		return max(dns.MinMsgSize, int(o.UDPSize()))
	}
	return dns.MinMsgSize
}
