package server

import (
	"fmt"
	"net/netip"
	"strings"

	"splitdns/matcher"
	"splitdns/server/config"
	"splitdns/server/internal/wire"
	"splitdns/server/policy"
)

// A special is a suffix of names that are answered here and never leave, unless a rule
// states an upstream for them. It never changes.
type special struct {
	zone   matcher.Name // owner of the SOA record of negative answers
	why    string       // the RFC, or what the name is for
	kind   specialKind
	canary bool // only where server.keep_clients says so
}

// specialKind is how the names of a special are answered.
type specialKind uint8

// The kinds of specials.
const (
	absent       specialKind = iota // NXDOMAIN for all: there is no such name in the DNS
	emptyZone                       // a zone with nothing but its SOA and NS records
	emptyName                       // NODATA for all: the name exists and has nothing
	loopback                        // the addresses of this machine
	loopbackName                    // PTR to localhost
	designated                      // NODATA for all, and the encrypted listeners for one
)

// localhost is what loopback addresses are called.
var localhost = mustName("localhost")

// designatedName is what clients ask for to find our encrypted listeners (RFC 9462, section 4).
var designatedName = mustName("_dns.resolver.arpa")

// specials are all names that never leave. Names that a pattern takes in with others are
// answered by the longest of them.
//
// The lookup costs every query that misses the fast path as much as one for a name that no
// rule matches, and allocates nothing.
var specials = func() *matcher.Matcher[*special] {
	var b matcher.Builder[*special]
	add := func(pattern, zone, why string, kind specialKind) {
		b.Add(matcher.MustParsePattern(pattern), &special{zone: mustName(zone), why: why, kind: kind})
	}
	for name, rfc := range map[string]string{
		"invalid": "RFC 6761", "test": "RFC 6761", "local": "RFC 6762", "onion": "RFC 7686", "alt": "RFC 9476",
	} {
		add("."+name, name, rfc, absent)
	}
	add(".localhost", "localhost", "RFC 6761", loopback)
	add(".home.arpa", "home.arpa", "RFC 8375", emptyZone)
	add(".resolver.arpa", "resolver.arpa", "RFC 9462", designated)
	for _, zone := range reverseZones() {
		add("."+zone.name, zone.name, zone.rfc, emptyZone)
	}
	add("1.0.0.127.in-addr.arpa", "127.in-addr.arpa", "RFC 6303", loopbackName)
	add("0.0.127.in-addr.arpa", "127.in-addr.arpa", "RFC 6303", emptyName) // between that and its zone (RFC 8020)
	add("0.127.in-addr.arpa", "127.in-addr.arpa", "RFC 6303", emptyName)
	for _, canary := range canaries {
		zone := mustName(canary)
		b.Add(matcher.MustParsePattern("."+canary), &special{zone: zone, why: "server.keep_clients", kind: absent, canary: true})
	}
	return b.Build()
}()

// canaries are names that clients ask for before they turn to resolvers elsewhere, and stay
// if they do not exist: Firefox (DNS over HTTPS by default), Apple's Private Relay, with the
// name by which newer systems probe for it.
var canaries = []string{"use-application-dns.net", "mask.icloud.com", "mask-h2.icloud.com", "mask-canary.icloud.com"}

// reverseZone is a zone of addresses that mean something else in every network.
type reverseZone struct{ name, rfc string }

// reverseZones are those of RFC 6303, section 4, and RFC 7793, section 2.1.
func reverseZones() []reverseZone {
	var all []reverseZone
	add := func(rfc string, names ...string) {
		for _, name := range names {
			all = append(all, reverseZone{name, rfc})
		}
	}
	add("RFC 6303", "10.in-addr.arpa", "168.192.in-addr.arpa")
	for i := 16; i <= 31; i++ {
		add("RFC 6303", fmt.Sprintf("%d.172.in-addr.arpa", i))
	}
	add("RFC 6303", "0.in-addr.arpa", "127.in-addr.arpa", "254.169.in-addr.arpa", "2.0.192.in-addr.arpa",
		"100.51.198.in-addr.arpa", "113.0.203.in-addr.arpa", "255.255.255.255.in-addr.arpa")
	for i := 64; i <= 127; i++ {
		add("RFC 6598", fmt.Sprintf("%d.100.in-addr.arpa", i))
	}
	const zeros = "0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa"
	add("RFC 6303", "0."+zeros, loopback6, "d.f.ip6.arpa", "8.e.f.ip6.arpa", "9.e.f.ip6.arpa", "a.e.f.ip6.arpa",
		"b.e.f.ip6.arpa", "8.b.d.0.1.0.0.2.ip6.arpa")
	return all
}

// loopback6 is the reverse name of ::1.
const loopback6 = "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa"

// mustName reads a name of ours.
func mustName(s string) matcher.Name {
	n, err := matcher.ParseName(s)
	if err != nil {
		panic("server: " + err.Error())
	}
	return n
}

// special finds what name is among the names that never leave, or nil.
func (s *snapshot) special(name matcher.Name, d policy.Decision) *special {
	if d.Routed() {
		return nil // a rule says who knows it
	}
	var wire [255]byte
	var room [4]matcher.Match[*special]
	found := specials.Lookup(room[:0], name.AppendWire(wire[:0]))
	if len(found) == 0 || found[0].Value.canary && !s.config.Server.KeepClients {
		return nil
	}
	return found[0].Value
}

// neverLeaves answers q if its name is one that is not forwarded: another server's answer
// would be about another network, if it is one at all, and to ask tells it what is going on
// in this one. The DS records of a zone are its parent's (RFC 4035, section 3.1.4.1), and
// there is a proof in public that these zones are not signed.
func (s *snapshot) neverLeaves(q wire.Question, d policy.Decision) (Outcome, bool) {
	sp := s.special(q.Name, d)
	if sp == nil || sp.kind == emptyZone && q.Name == sp.zone && q.Type == wire.TypeDS {
		return Outcome{}, false
	}
	m := sp.answer(q, s.config.Designated)
	if q.Type == wire.TypeANY && m.Rcode() == wire.NoError {
		m = minimalAnswer(q)
	}
	o := Outcome{Decision: d, Response: capTTL(m, d), Source: Source{Cache: cacheSpecial, RTT: -1}, Special: sp}
	o.Notes = []wire.EDE{{Text: sp.String()}}
	return o, true
}

// ours is the answer to q that takes nobody's but our own knowledge, as far as that goes.
func (s *snapshot) ours(q wire.Question, d policy.Decision) (Outcome, bool) {
	if a, ok, err := s.config.Local.Answer(q); ok {
		return localOutcome(a, d), err == nil
	}
	return s.neverLeaves(q, d)
}

// answered says what of ours has answered, as explanations show it.
func (o Outcome) answered() string {
	var t tokens
	t.add("local", o.Local)
	if o.Special != nil {
		t.add("special", o.Special.zone.String())
		t.add("why", strings.ReplaceAll(o.Special.why, " ", ""))
	}
	return strings.Join(t, " ")
}

// String says why sp is not forwarded, and what to do about it.
func (sp *special) String() string {
	if sp.canary {
		return sp.zone.String() + `: keeps clients from other resolvers, server.keep_clients; to forward it, state upstream = "default" in a rule for it`
	}
	return "special-use name, " + sp.why + `: not forwarded; to forward it, state an upstream in a rule for it`
}

// answer is what sp says to q, without the answer to ANY.
func (sp *special) answer(q wire.Question, listeners []config.Designated) wire.Message {
	m := wire.NewMessage(q, wire.NoError)
	switch {
	case sp.kind == loopback:
		m = m.WithAnswerAddresses([]netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1}), netip.IPv6Loopback()}, ownTTL)
	case sp.pointsToLocalhost(q):
		m = m.WithAnswer(wire.NameRecord(q.Name, wire.TypePTR, localhost, ownTTL))
	case sp.kind == designated && q.Name == designatedName && q.Type == wire.TypeSVCB:
		m = m.WithAnswer(designations(q.Name, listeners)...)
	case sp.kind == emptyZone && q.Name == sp.zone:
		m = sp.apex(m)
	case sp.kind == absent, sp.kind == emptyZone:
		m = wire.NewMessage(q, wire.NXDomain)
	}
	if !m.Empty() {
		return m
	}
	return m.WithAuthority(wire.SOARecord(sp.zone, q.Class, ownTTL))
}

// pointsToLocalhost reports whether q asks for the name of a loopback address.
func (sp *special) pointsToLocalhost(q wire.Question) bool {
	return q.Type == wire.TypePTR && (sp.kind == loopbackName || q.Name == reverseLoopback6)
}

// reverseLoopback6 is the name of ::1.
var reverseLoopback6 = mustName(loopback6)

// apex is m with what an empty zone has at its own name (RFC 6303, section 3).
func (sp *special) apex(m wire.Message) wire.Message {
	switch m.Question().Type {
	case wire.TypeSOA:
		return m.WithAnswer(wire.SOARecord(sp.zone, m.Question().Class, ownTTL))
	case wire.TypeNS:
		return m.WithAnswer(wire.NameRecord(sp.zone, wire.TypeNS, sp.zone, ownTTL))
	}
	return m
}

// designations are our own encrypted listeners as clients find them (RFC 9462, section 4),
// the preferred one first.
func designations(owner matcher.Name, listeners []config.Designated) []wire.Record {
	var all []wire.Record
	for i, l := range listeners {
		all = append(all, wire.SVCBRecord(owner, wire.Service{
			Priority: uint16(i + 1), Target: l.Name, ALPN: l.ALPN, Port: l.Port, Addresses: l.Addresses, DoHPath: l.Path,
		}, ownTTL))
	}
	return all
}
