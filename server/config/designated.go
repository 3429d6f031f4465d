package config

import (
	"crypto/x509"
	"net/netip"
	"slices"

	"splitdns/matcher"
	"splitdns/zones/tomlfile"
)

// dohPath is where queries over HTTPS are taken, as a template (RFC 9461, section 5).
const dohPath = "/dns-query{?dns}"

// Designated are the listeners of t, listening on these addresses, as clients find them: one for each protocol and
// port, those over TLS first. Without t.Name there are none.
func (t TLS) Designated(listen, https []netip.AddrPort) []Designated {
	if t.Name.IsZero() {
		return nil
	}
	return append(designated(Designated{Name: t.Name, ALPN: []string{"dot"}}, listen),
		designated(Designated{Name: t.Name, ALPN: []string{"h2"}, Path: dohPath}, https)...)
}

// designated is like for each port of addrs. Its addresses are hints: where one of them is every address of the
// machine, nobody knows which of them the client can reach, and it looks the name up. A port that is yet to be chosen
// cannot be told.
func designated(like Designated, addrs []netip.AddrPort) []Designated {
	var all []Designated
	for _, a := range addrs {
		i := slices.IndexFunc(all, func(d Designated) bool { return d.Port == a.Port() })
		if a.Port() == 0 || i >= 0 {
			continue
		}
		like.Port, like.Addresses = a.Port(), hints(addrs, a.Port())
		all = append(all, like)
	}
	return all
}

// hints are the addresses of addrs with that port; none if one of them is unspecified.
func hints(addrs []netip.AddrPort, port uint16) (all []netip.Addr) {
	for _, a := range addrs {
		switch {
		case a.Port() != port:
		case a.Addr().IsUnspecified():
			return nil
		default:
			all = append(all, a.Addr().WithZone(""))
		}
	}
	return all
}

// designation reads the name in [tls] by which clients know this server, and says where they would not take it from
// the certificate.
func (l *loader) designation(t *tomlfile.Table) {
	c := &l.cfg.TLS
	text, ok := t.Text("name")
	if !ok || text.Value == "" {
		return
	}
	err := checkHostName(text.Value)
	if err == nil {
		c.Name, err = matcher.ParseName(text.Value)
	}
	switch {
	case err != nil:
		text.Problem("%v; want a name that the certificate is for, such as \"dns.corp.example\"", err)
		return
	case len(c.Listen)+len(c.HTTPS) == 0:
		t.Warn("name", "not needed: neither tls.listen nor tls.https has an address")
	case c.Certificate != nil:
		l.checkDesignation(t, text.Value, c.Certificate.Leaf)
	}
	l.cfg.Designated = c.Designated(c.Listen, c.HTTPS)
}

// checkDesignation warns where clients would not find in the certificate what they look for: the name, and the address
// by which they know this server (RFC 9462, section 4.2). With a private one they may do without (section 4.3), and no
// public authority puts that into a certificate.
func (l *loader) checkDesignation(t *tomlfile.Table, name string, leaf *x509.Certificate) {
	if err := leaf.VerifyHostname(name); err != nil {
		t.Warn("name", "the certificate is not for it: %v", err)
	}
	for _, ap := range l.cfg.Server.Listen {
		a := ap.Addr()
		if a.IsUnspecified() || a.IsLoopback() || a.IsPrivate() || a.IsLinkLocalUnicast() || leaf.VerifyHostname(a.String()) == nil {
			continue
		}
		t.Warn("certificate", "not for %s, which server.listen has: clients that are sent to tls.name from there will not trust it (RFC 9462, section 4.2)", a)
	}
}
