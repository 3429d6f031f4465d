package integration_test

import (
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/miekg/dns"
)

// An upstream is a resolver on the loopback interface, for UDP and TCP on one
// port, that knows the records of one zone file. It does what no proper resolver
// would, if its manner says so.
type upstream struct {
	addr   string
	asked  transcript // a line for each query: protocol, type, name, and what else it carried
	zone   []dns.RR
	manner string

	servers  []*dns.Server
	other    net.PacketConn // for answers from another port
	released chan struct{}  // closed when held answers may go
	release  func()
}

// The manners of upstreams.
const (
	answers   = "answers"   // as a resolver does
	silent    = "silent"    // never answers
	holds     = "holds"     // answers when it is released
	lies      = "lies"      // sends wrong replies before the right one
	truncates = "truncates" // says TC=1 to everything over UDP
	fails     = "fails"     // SERVFAIL
	dies      = "dies"      // answers until it is released, and never again
)

// newUpstream starts an upstream with the records of a zone file (RFC 1035,
// section 5). The caller closes it.
func newUpstream(manner, records string) (*upstream, error) {
	return newUpstreamAt(onePort, manner, records)
}

// newUpstreamAt is newUpstream with the sockets that listen opens.
func newUpstreamAt(listen func() (net.PacketConn, net.Listener, error), manner, records string) (*upstream, error) {
	u := &upstream{manner: manner, released: make(chan struct{})}
	u.release = sync.OnceFunc(func() { close(u.released) })
	zp := dns.NewZoneParser(strings.NewReader(records), ".", "records")
	zp.SetDefaultTTL(300)
	for rr, ok := zp.Next(); ok; rr, ok = zp.Next() {
		u.zone = append(u.zone, rr)
	}
	if err := zp.Err(); err != nil {
		return nil, err
	}
	udp, tcp, err := listen()
	if err != nil {
		return nil, err
	}
	u.addr = udp.LocalAddr().String()
	if u.other, err = net.ListenPacket("udp4", "127.0.0.1:0"); err != nil {
		return nil, err
	}
	u.servers = []*dns.Server{{PacketConn: udp, Handler: u}, {Listener: tcp, Handler: u}}
	for _, s := range u.servers {
		s.MsgAcceptFunc = u.accept
		s.MsgInvalidFunc = func([]byte, error) { fmt.Fprintln(&u.asked, "malformed") }
		started := make(chan struct{})
		s.NotifyStartedFunc = func() { close(started) }
		go func() { _ = s.ActivateAndServe() }() // until close
		<-started
	}
	return u, nil
}

// onePort finds a port of 127.0.0.1 that is free for both UDP and TCP.
func onePort() (net.PacketConn, net.Listener, error) {
	const tries = 100
	var failed error
	for range tries {
		tcp, err := net.Listen("tcp4", "127.0.0.1:0")
		if err != nil {
			return nil, nil, err
		}
		udp, err := net.ListenPacket("udp4", tcp.Addr().String())
		if err == nil {
			return udp, tcp, nil
		}
		failed = err
		_ = tcp.Close() // nothing was accepted
	}
	return nil, nil, failed
}

// close ends the upstream, with the answers that it holds.
func (u *upstream) close() {
	u.release()
	for _, s := range u.servers {
		_ = s.Shutdown() // waits for its handlers
	}
	_ = u.other.Close()
}

// accept notes what ServeDNS will not see, or not for what it is.
func (u *upstream) accept(h dns.Header) dns.MsgAcceptAction {
	const opcode = 0x7800
	action := dns.DefaultMsgAcceptFunc(h)
	if action != dns.MsgAccept || h.Bits&opcode != 0 || h.Ancount+h.Nscount != 0 {
		fmt.Fprintf(&u.asked, "odd header %+v\n", h)
	}
	return action
}

// ServeDNS notes a query and does what the manner says.
func (u *upstream) ServeDNS(w dns.ResponseWriter, query *dns.Msg) {
	fmt.Fprintln(&u.asked, describe(w, query))
	m := u.response(query)
	switch u.manner {
	case silent:
		return
	case holds:
		<-u.released
	case lies:
		u.lie(w, m)
	case dies:
		select {
		case <-u.released:
			return
		default:
		}
	case fails:
		m = new(dns.Msg).SetRcode(query, dns.RcodeServerFailure)
	case truncates:
		if isUDP(w) {
			m = new(dns.Msg).SetReply(query)
			m.Truncated = true
		}
	}
	if isUDP(w) {
		m.Truncate(udpLimit(query))
	}
	_ = w.WriteMsg(m) // whoever asked may be gone
}

// clientCookie is the DNS cookie of clients in scripts that have one.
const clientCookie = "0123456789abcdef"

// describe is a query as a line.
func describe(w dns.ResponseWriter, query *dns.Msg) string {
	q := query.Question[0]
	words := []string{w.RemoteAddr().Network(), dns.Type(q.Qtype).String(), strings.ToLower(q.Name)}
	if q.Qclass != dns.ClassINET {
		words = append(words, dns.Class(q.Qclass).String())
	}
	if !query.RecursionDesired {
		words = append(words, "no-rd")
	}
	if query.CheckingDisabled {
		words = append(words, "cd")
	}
	if o := query.IsEdns0(); o != nil {
		if o.Do() {
			words = append(words, "do")
		}
		for _, option := range o.Option {
			if c, ok := option.(*dns.EDNS0_COOKIE); ok && !strings.HasPrefix(c.Cookie, clientCookie) {
				continue // the resolver's own, as random as its IDs
			}
			words = append(words, fmt.Sprintf("option=%d", option.Option()))
		}
	}
	return strings.Join(words, " ")
}

// isUDP says whether w answers a datagram.
func isUDP(w dns.ResponseWriter) bool {
	return w.RemoteAddr().Network() == "udp"
}

// udpLimit is how large a response over UDP may be.
func udpLimit(query *dns.Msg) int {
	if o := query.IsEdns0(); o != nil {
		return max(dns.MinMsgSize, int(o.UDPSize()))
	}
	return dns.MinMsgSize
}

// lie sends what must not be taken for m, each with an address that must not be
// served.
func (u *upstream) lie(w dns.ResponseWriter, m *dns.Msg) {
	for _, spoil := range []func(*dns.Msg){
		func(m *dns.Msg) { m.Id++ },
		func(m *dns.Msg) { m.Response = false },
		func(m *dns.Msg) { m.Opcode = dns.OpcodeStatus },
		func(m *dns.Msg) { m.Question[0].Name = "x" + m.Question[0].Name },
		func(m *dns.Msg) { m.Question[0].Qtype = dns.TypeMX },
		func(m *dns.Msg) { m.Question[0].Qclass = dns.ClassCHAOS },
	} {
		wrong := m.Copy()
		wrong.Answer = forged(m.Question[0].Name)
		spoil(wrong)
		_ = w.WriteMsg(wrong)
	}
	elsewhere := m.Copy()
	elsewhere.Answer = forged(m.Question[0].Name)
	if packet, err := elsewhere.Pack(); err == nil {
		_, _ = u.other.WriteTo(packet, w.RemoteAddr())
	}
	_, _ = w.Write([]byte("\x00not a message"))
}

// forged is an answer with an address that no zone file of a script has.
func forged(name string) []dns.RR {
	return []dns.RR{&dns.A{
		Hdr: dns.RR_Header{Name: name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 300},
		A:   net.IPv4(203, 0, 113, 66),
	}}
}

// response is what a resolver that knows only u.zone says: it follows CNAMEs,
// and is NODATA for other types of names it has, and NXDOMAIN for other names.
func (u *upstream) response(query *dns.Msg) *dns.Msg {
	m := new(dns.Msg).SetReply(query)
	m.RecursionAvailable = true
	if o := query.IsEdns0(); o != nil {
		m.SetEdns0(dns.DefaultMsgSize, o.Do())
	}
	name, qtype := query.Question[0].Name, query.Question[0].Qtype
	for range len(u.zone) + 1 { // a loop of CNAMEs ends, too
		rrs, known, target := u.find(name, qtype)
		m.Answer = append(m.Answer, rrs...)
		if !known {
			m.Rcode = dns.RcodeNameError
		}
		if target == "" {
			break
		}
		name = target
	}
	if n := len(m.Answer); n == 0 || m.Answer[n-1].Header().Rrtype != qtype {
		m.Ns = u.soa()
	}
	return m
}

// find returns the records for a name and type, whether the name has any, and
// where a CNAME leads.
func (u *upstream) find(name string, qtype uint16) (rrs []dns.RR, known bool, target string) {
	for _, rr := range u.zone {
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

// soa returns the first SOA, for negative answers.
func (u *upstream) soa() []dns.RR {
	for _, rr := range u.zone {
		if rr.Header().Rrtype == dns.TypeSOA {
			return []dns.RR{rr}
		}
	}
	return nil
}

// startUpstream is newUpstream in a Go test, with which it ends.
func startUpstream(t *testing.T, manner, records string) *upstream {
	t.Helper()
	u, err := newUpstream(manner, records)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(u.close)
	return u
}
