package server

import (
	"encoding/hex"
	"net/netip"
	"slices"
	"strings"
	"time"

	"splitdns/matcher"
	"splitdns/server/internal/wire"
)

// about is what the server says of itself (RFC 4892).
type about struct {
	version  string
	hostname string
}

// identity returns the answer to one of the four customary CH TXT names.
func (a about) identity(name string) (string, bool) {
	switch name {
	case "version.bind", "version.server":
		return "splitdns " + a.version, true
	case "hostname.bind", "id.server":
		return a.hostname, true
	}
	return "", false
}

// chaos answers class CH, which never leaves the house: what this server is,
// and explanations. Nothing here has side effects.
func (r *Resolver) chaos(s *snapshot, q Query) Outcome {
	o := Outcome{Authoritative: true, Source: Source{RTT: -1}, Response: wire.NewMessage(q.Question, wire.NoError)}
	identity, isIdentity := r.about.identity(q.Name.String())
	addr, isReverse := reverseAddress(q.Name)
	switch {
	case isIdentity && s.config.Server.HideIdentity:
		return refused(q, wire.EDE{Code: wire.EDEProhibited, Text: "server.hide_identity is set"})
	case q.Type == wire.TypePTR && isReverse:
		o.Notes = []wire.EDE{{Code: wire.EDEOther, Text: "ask for TXT: dig CH TXT -x " + addr.String()}}
		return o
	case q.Type != wire.TypeTXT:
		return o
	case isIdentity:
		o.Response = o.Response.WithTXT(0, wire.ClassCH, [][]string{{identity}})
		return o
	case !r.limit.allow(q.Client, time.Now()):
		return refused(q, wire.EDE{Code: wire.EDEProhibited, Text: "too many explanations asked for: slow down"})
	}
	o.Response = o.Response.WithTXT(0, wire.ClassCH, texts(r.facts(s, q)))
	return o
}

// facts explains the name or address that q asks about, to its client.
func (r *Resolver) facts(s *snapshot, q Query) []string {
	a := Asker{Client: q.Client, Admin: s.admin(q.Client)}
	if q.SubnetSent {
		if a.Admin && q.Subnet.IsSingleIP() {
			a.Client = q.Subnet.Addr().Unmap()
		} else {
			a.SubnetIgnored = true
		}
	}
	if addr, ok := reverseAddress(q.Name); ok {
		return s.explainAddress(addr, a).Facts()
	}
	return r.explain(s, q.Name, a).Facts()
}

// texts turns facts into the strings of TXT records. A fact over 255 octets goes
// on in another record that begins with the same word. A token is cut only if it
// fills a record by itself, and its rest is marked +=, so that nobody's name can
// begin a token of its own.
func texts(facts []string) [][]string {
	var records [][]string
	for _, fact := range facts {
		word, _, _ := strings.Cut(fact, " ")
		for len(fact) > maxText {
			cut, joint := strings.LastIndexByte(fact[:maxText+1], ' '), " "
			if cut <= len(word) {
				cut, joint = maxText, " +="
			}
			records = append(records, []string{fact[:cut]})
			fact = word + joint + strings.TrimPrefix(fact[cut:], " ")
		}
		records = append(records, []string{fact})
	}
	return records
}

// maxText is the longest string in a TXT record (RFC 1035, section 3.3).
const maxText = 255

// reverseAddress reads the address that a whole reverse name stands for
// (RFC 1035, section 3.5, and RFC 3596, section 2.5).
func reverseAddress(n matcher.Name) (netip.Addr, bool) {
	labels := strings.Split(n.String(), ".")
	slices.Reverse(labels)
	switch {
	case len(labels) == 2+4 && labels[0] == "arpa" && labels[1] == "in-addr":
		addr, err := netip.ParseAddr(strings.Join(labels[2:], "."))
		return addr, err == nil && addr.Is4()
	case len(labels) == 2+32 && labels[0] == "arpa" && labels[1] == "ip6":
		octets, err := hex.DecodeString(strings.Join(labels[2:], ""))
		addr, ok := netip.AddrFromSlice(octets)
		return addr, err == nil && ok && addr.Is6() // of 32 labels, each is one digit then
	}
	return netip.Addr{}, false
}
