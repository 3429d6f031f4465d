package listen

import (
	"crypto/tls"
	"net"
	"net/netip"
	"strings"
	"time"
)

// handshakeTime is how long a TLS handshake may take, if connections may be idle for as long.
const handshakeTime = 5 * time.Second

// Encrypted is what answers queries that come over TLS: bare ones (RFC 7858) or over HTTPS (RFC 8484).
// Every field but Freshness must be set.
type Encrypted struct {
	Service Service
	Settled func()       // as for [Open]
	Report  func(string) // as for [Open]
	// Certificate is asked for each handshake, from several goroutines. What it gives must not change.
	Certificate func() *tls.Certificate
	// Freshness tells for how many seconds an HTTP cache may keep a response. With it queries come over
	// HTTPS, without it they are bare.
	Freshness func(response []byte) uint32
}

// OpenTLS is [Open] for encrypted queries, which come over TCP only. The limits are those of TCP. A handshake
// is the business of its own connection, which counts from the beginning, and has a short time for it.
func OpenTLS(addr netip.AddrPort, limits Limits, e Encrypted) (*Listener, error) {
	l, err := newListener(addr, limits, e.Service, e.Settled, e.Report)
	if err != nil {
		return nil, err
	}
	protocol := "TLS"
	l.tls = &tls.Config{
		MinVersion:     tls.VersionTLS12, // RFC 8310, section 9.2
		NextProtos:     []string{"dot"},  // RFC 7858, section 7.2, as registered later
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return e.Certificate(), nil },
	}
	if e.Freshness != nil {
		protocol = "HTTPS"
		l.tls.NextProtos = []string{"h2", "http/1.1"}
		l.web = newWeb(l, e.Freshness)
	}
	if l.tcp, err = openTCP(l.addr); err != nil {
		return nil, explain(protocol, l.addr, err)
	}
	l.addr = netip.AddrPortFrom(l.addr.Addr(), portOf(l.tcp))
	l.openTallies(strings.ToLower(protocol))
	return l, nil
}

// secure makes the stream of c one of TLS.
func (c *conn) secure() {
	var below net.Conn = c.nc
	if c.l.web != nil {
		below = &handedConn{c.nc, c}
	}
	c.stream = tls.Server(below, c.l.tls)
	c.from.Secure, c.from.HTTP = true, c.l.web != nil
}

// shakeHands agrees with the client on how to encrypt, if that is to be done. False: there is nothing to be read.
func (c *conn) shakeHands() bool {
	t, ok := c.stream.(*tls.Conn)
	if !ok {
		return true
	}
	_ = c.nc.SetDeadline(time.Now().Add(min(handshakeTime, c.l.limits.Idle))) // Handshake tells if it is closed
	if c.l.isStopping() {
		return false
	}
	if err := t.Handshake(); err != nil {
		c.l.count.handshakes.Add(1)
		return false
	}
	_ = c.nc.SetDeadline(time.Time{})
	c.touch()
	return true
}
