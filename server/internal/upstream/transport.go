package upstream

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/netip"
	"strconv"
)

// Transport is how a server is asked.
type Transport uint8

// The transports.
const (
	Plain Transport = iota // UDP, and TCP where that is not enough
	TCP
	TLS   // RFC 7858
	HTTPS // RFC 8484
)

// String gives the name as messages have it.
func (t Transport) String() string { return [...]string{"UDP", "TCP", "TLS", "HTTPS"}[t] }

// A Server is one resolver, and how it is asked. With TLS and HTTPS its certificate is
// always verified: whoever can answer in its place could read and change everything,
// so that there is no use in an encryption without it (RFC 8310, section 5).
type Server struct {
	Addr netip.AddrPort // with Host only its port counts
	// Host is a name whose addresses the Bootstrap servers know. They are asked when a
	// connection is opened, over UDP and TCP. Without Host the server is at Addr.
	Host      string
	Bootstrap []netip.AddrPort

	Transport Transport
	TLSName   string // whom the certificate must name: a host name, or an address
	CA        string // further authorities that are trusted, in PEM
	Path      string // of HTTPS, with the slash at its beginning

	Text string // what messages call the server; "": its address, without the port if that is 53
}

// text is what messages call the server.
func (s Server) text() string {
	switch {
	case s.Text != "":
		return s.Text
	case s.Addr.Port() == 53:
		return s.Addr.Addr().Unmap().String()
	}
	return netip.AddrPortFrom(s.Addr.Addr().Unmap(), s.Addr.Port()).String()
}

// resumed is how many TLS sessions are kept for a server: what one connection was told is
// enough to open the next ones faster.
const resumed = 8

// tlsConfig is how connections to s are encrypted, where they speak one of protocols.
func (s Server) tlsConfig(protocols ...string) *tls.Config {
	c := &tls.Config{
		ServerName:         s.TLSName,
		NextProtos:         protocols,
		MinVersion:         tls.VersionTLS12, // RFC 9325, section 3.1.1
		ClientSessionCache: tls.NewLRUClientSessionCache(resumed),
	}
	if s.CA != "" {
		pool, err := x509.SystemCertPool()
		if err != nil { // a system without authorities
			pool = x509.NewCertPool()
		}
		pool.AppendCertsFromPEM([]byte(s.CA))
		c.RootCAs = pool
	}
	return c
}

// url is where s takes queries over HTTPS.
func (s Server) url() string {
	const usual = 443
	host := s.TLSName
	if addr, err := netip.ParseAddr(host); err == nil && addr.Is6() {
		host = "[" + host + "]"
	}
	if port := s.Addr.Port(); port != usual {
		host = net.JoinHostPort(s.TLSName, strconv.Itoa(int(port)))
	}
	return "https://" + host + cmp.Or(s.Path, "/dns-query")
}
