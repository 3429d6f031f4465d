package config

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"splitdns/server/policy"
	"splitdns/zones"
	"splitdns/zones/tomlfile"
)

// upstreamGroups reads every [upstream.NAME].
func (l *loader) upstreamGroups() {
	for _, t := range l.named("upstream", maxUpstreams) {
		checkName(t)
		l.upstreams.add(t.Name())
		u := Upstream{
			Name:      t.Name(),
			Servers:   tomlfile.Each(t.NeedTexts("servers", "192.0.2.53"), func(text tomlfile.Text) (UpstreamServer, error) { return l.parseServer(t, text) }),
			Bootstrap: tomlfile.Each(t.SomeTexts("bootstrap"), l.parseBootstrap),
			CA:        l.authorities(t),
			Timeout:   t.Duration("timeout", defaultTimeout, 100*time.Millisecond, time.Minute),
			Private:   private(t),
		}
		if l.file.Failed() == 0 { // or else the servers are not all known
			u.checkUses(t)
		}
		u.Strategy = Strategy(t.OneOf("strategy", strategyWords...))
		l.cfg.Upstreams = append(l.cfg.Upstreams, u)
	}
}

// checkUses warns of keys that no server needs.
func (u *Upstream) checkUses(t *tomlfile.Table) {
	if len(u.Bootstrap) > 0 && !slices.ContainsFunc(u.Servers, func(s UpstreamServer) bool { return s.Host != "" }) {
		t.Warn("bootstrap", "not needed: all servers have addresses")
	}
	if u.CA != "" && !slices.ContainsFunc(u.Servers, UpstreamServer.isEncrypted) {
		t.Warn("ca", "not needed: no server is asked over TLS or HTTPS")
	}
}

// parseServer reads an upstream server, which must not be ourselves.
func (l *loader) parseServer(t *tomlfile.Table, text tomlfile.Text) (UpstreamServer, error) {
	s, err := ParseUpstream(text.Value)
	if err == nil && s.Host != "" && !t.Has("bootstrap") {
		err = needsBootstrap(text.Value, s)
	}
	if err != nil {
		return s, err
	}
	if (s.Transport == Plain || s.Transport == OverTCP) && s.Port == transports[OverTLS].port {
		over := UpstreamServer{Transport: OverTLS, Addr: s.Addr, Port: s.Port}
		text.Warn("%q: port 853 is that of TLS, and this is asked without; for TLS write %q", text.Value, over)
	}
	return s, l.checkNotOurs(text.Value, s.AddrPort())
}

// needsBootstrap says that the addresses of the host of s are not known.
func needsBootstrap(text string, s UpstreamServer) error {
	known := s
	known.Host, known.Addr = "", netip.AddrFrom4([4]byte{192, 0, 2, 1})
	return fmt.Errorf("%q: a host name needs servers that know its address; give bootstrap = [\"192.0.2.53\"], or write the address with the name behind it, such as %q", text, known)
}

// parseBootstrap reads a server that knows the addresses of others.
func (l *loader) parseBootstrap(text tomlfile.Text) (netip.AddrPort, error) {
	ap, err := parseServerAddr(text.Value, dnsPort)
	if err != nil {
		return ap, fmt.Errorf("%q: %w", text.Value, err)
	}
	return ap, l.checkNotOurs(text.Value, ap)
}

// checkNotOurs refuses an address that is ours.
func (l *loader) checkNotOurs(text string, ap netip.AddrPort) error {
	isOurs := func(own netip.AddrPort) bool { return own == ap || ap.Addr().IsLoopback() && covers(own, ap) }
	for _, own := range []struct {
		key   string
		addrs []netip.AddrPort
	}{{"server.listen", l.cfg.Server.Listen}, {"tls.listen", l.cfg.TLS.Listen}, {"tls.https", l.cfg.TLS.HTTPS}} {
		if i := slices.IndexFunc(own.addrs, isOurs); i >= 0 {
			return fmt.Errorf("%q: our own address, %s has %q; queries would go in a circle", text, own.key, own.addrs[i])
		}
	}
	return nil
}

// maxAuthorities is how large a file of certificates may be, in octets.
const maxAuthorities = 1 << 20

// authorities reads the certificates that a group trusts besides those of the system.
func (l *loader) authorities(t *tomlfile.Table) string {
	text, ok := t.Text("ca")
	if !ok {
		return ""
	}
	path := l.resolve(text.Value)
	l.tried(path)
	data, err := readFile(path, maxAuthorities)
	if err == nil {
		l.hash(data)
		err = checkCertificates(data)
	}
	if err != nil {
		text.Problem("reading %s: %v", path, err)
		return ""
	}
	return string(data)
}

// checkCertificates says what is wrong with a PEM file of certificates.
func checkCertificates(data []byte) error {
	if len(data) > maxAuthorities {
		return fmt.Errorf("larger than %d MiB", maxAuthorities>>20)
	}
	n := 0
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			return fmt.Errorf("has a %s; want certificates only", block.Type)
		}
		n++
		if _, err := x509.ParseCertificate(block.Bytes); err != nil {
			return fmt.Errorf("certificate %d: %w", n, err)
		}
	}
	if n == 0 {
		return errors.New("has no certificate in PEM, which begins with -----BEGIN CERTIFICATE-----")
	}
	return nil
}

// clientGroups reads every [client.NAME].
func (l *loader) clientGroups() {
	for _, t := range l.named("client", maxClients) {
		checkName(t)
		l.clients.add(t.Name())
		prefixes := zones.Prefixes(t.NeedTexts("addresses", "192.0.2.0/24"))
		l.cfg.Clients = append(l.cfg.Clients, policy.ClientGroup{Name: t.Name(), Prefixes: prefixes})
	}
}

// checkName records what is wrong with the name of a table.
func checkName(t *tomlfile.Table) {
	if err := zones.CheckName(t.Name()); err != nil {
		t.Problem("", "%v", err)
	}
}
