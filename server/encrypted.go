package server

import (
	"cmp"
	"crypto/tls"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"splitdns/server/config"
	"splitdns/server/internal/listen"
	"splitdns/server/internal/wire"
)

// listenEncrypted opens the listeners of c for queries over TLS and HTTPS.
func (s *Server) listenEncrypted(c config.TLS, limits listen.Limits) error {
	bare := listen.Encrypted{
		Service: s.serve, Settled: s.sendDue, Certificate: s.certificate,
		Report: func(text string) { s.options.Log.Warn(text) },
	}
	web := bare
	web.Freshness = wire.Freshness
	var err error
	if s.tls, err = openEncrypted(c.Listen, limits, bare); err != nil {
		return fmt.Errorf("tls.listen: %w", err)
	}
	if s.https, err = openEncrypted(c.HTTPS, limits, web); err != nil {
		return fmt.Errorf("tls.https: %w", err)
	}
	return nil
}

// openEncrypted opens a listener on each address. It gives those that it opened, with an error too.
func openEncrypted(addrs []netip.AddrPort, limits listen.Limits, e listen.Encrypted) (all []*listen.Listener, err error) {
	for _, addr := range addrs {
		l, err := listen.OpenTLS(addr, limits, e)
		if err != nil {
			return all, err
		}
		all = append(all, l)
	}
	return all, nil
}

// certificate is the one of the configuration in force. Where that has none any more, it is the first: the
// sockets are open until the server is started again.
func (s *Server) certificate() *tls.Certificate {
	return cmp.Or(s.resolver.current.Load().config.TLS.Certificate, s.started.TLS.Certificate)
}

// designating is c, telling clients of the listeners that are open, with their ports: those of c may be others, and
// need another start.
func (s *Server) designating(c *config.Config) *config.Config {
	other := *c
	other.Designated = c.TLS.Designated(s.EncryptedAddrs())
	return &other
}

// allAddrs returns all addresses that DNS queries are taken at, with the ports that were chosen.
func (s *Server) allAddrs() []netip.AddrPort {
	overTLS, overHTTPS := s.EncryptedAddrs()
	return slices.Concat(s.Addrs(), overTLS, overHTTPS)
}

// notAfter is the end of the validity of the certificate in use; the zero time without one.
func (s *Server) notAfter() time.Time {
	if c := s.certificate(); c != nil && c.Leaf != nil {
		return c.Leaf.NotAfter
	}
	return time.Time{}
}

// EncryptedAddrs returns the addresses listened on for queries over TLS and HTTPS, with the ports that were
// chosen.
func (s *Server) EncryptedAddrs() (overTLS, overHTTPS []netip.AddrPort) {
	for _, l := range s.tls {
		overTLS = append(overTLS, l.Addr())
	}
	for _, l := range s.https {
		overHTTPS = append(overHTTPS, l.Addr())
	}
	return overTLS, overHTTPS
}
