// Package redirect decides where the HTTP server of a published list may send us.
//
// Whom we ask first is the administrator's choice. Where that server sends us is not: it
// might be a service of our own machine or network that trusts whoever can reach it, such
// as the metadata of a cloud at 169.254.169.254, or a way on which anybody could change the list. So
// a redirect may not lead from HTTPS to HTTP, nor closer to us than the first server is. What
// counts is the address that a connection has, because names can lead anywhere. To look a
// name up beforehand was turned down: the second look-up may have another answer.
package redirect

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
)

// most is how often a server may send us elsewhere.
const most = 5

// closeness is how close to us an address is.
type closeness uint8

const (
	public  closeness = iota
	private           // in a network of one's own: RFC 1918, RFC 6598 and RFC 4193
	own               // our machine, or what only machines beside it reach
)

// shared is RFC 6598, which package netip does not count as private.
var shared = netip.MustParsePrefix("100.64.0.0/10")

// closenessOf is how close addr is.
func closenessOf(addr netip.Addr) closeness {
	addr = addr.Unmap()
	switch {
	case addr.IsLoopback(), addr.IsLinkLocalUnicast(), addr.IsUnspecified(), addr.IsMulticast():
		return own
	case addr.IsPrivate(), shared.Contains(addr):
		return private
	}
	return public
}

// closenessOfHost is how close a host is, as far as its text says it.
func closenessOfHost(host string) closeness {
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	if host == "localhost" || strings.HasSuffix(host, ".localhost") { // RFC 6761, section 6.3
		return own
	}
	if addr, err := netip.ParseAddr(host); err == nil {
		return closenessOf(addr)
	}
	return public
}

// errCloser is a redirect to an address closer to us than the first server.
var errCloser = errors.New("redirected to an address of this machine or of its network, which the first server is not of")

// journey is what is known of one fetch.
type journey struct {
	mu        sync.Mutex // guards what follows
	first     closeness  // of the first server
	isSent    bool       // there was a redirect
	isProxied bool       // what is dialled now is a proxy, the administrator's choice
}

// journeyKey is the key of a journey in a context.
type journeyKey struct{}

// Context is ctx for one fetch, for the requests of which [Check] and [Dial] decide.
func Context(ctx context.Context) context.Context {
	return context.WithValue(ctx, journeyKey{}, new(journey))
}

// Check is for [http.Client.CheckRedirect].
func Check(next *http.Request, before []*http.Request) error {
	last := before[len(before)-1]
	switch {
	case len(before) > most:
		return fmt.Errorf("more than %d redirects", most)
	case next.URL.Scheme != "https" && next.URL.Scheme != "http":
		return fmt.Errorf("redirected to %q: want HTTPS or HTTP", next.URL.Redacted())
	case next.URL.Scheme != "https" && last.URL.Scheme == "https":
		return fmt.Errorf("redirected from HTTPS to %q, where anybody on the way could change it", next.URL.Redacted())
	}
	j, ok := next.Context().Value(journeyKey{}).(*journey)
	if !ok {
		return nil
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if !j.isSent && isProxied(before[0]) {
		j.first = closenessOfHost(before[0].URL.Hostname())
	}
	j.isSent, j.isProxied = true, isProxied(next)
	if closenessOfHost(next.URL.Hostname()) > j.first {
		return fmt.Errorf("%q: %w", next.URL.Redacted(), errCloser)
	}
	return nil
}

// isProxied says whether a proxy is asked for r.
func isProxied(r *http.Request) bool {
	proxy, err := http.ProxyFromEnvironment(r)
	return err == nil && proxy != nil
}

// A DialFunc connects to an address, as [net.Dialer.DialContext] does.
type DialFunc = func(ctx context.Context, network, address string) (net.Conn, error)

// Dial is dial, but for connections to which a redirect may not lead.
func Dial(dial DialFunc) DialFunc {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		j, ok := ctx.Value(journeyKey{}).(*journey)
		if ok && !j.reaches(conn.RemoteAddr()) {
			_ = conn.Close() // nothing was sent
			return nil, fmt.Errorf("%s: %w", address, errCloser)
		}
		return conn, nil
	}
}

// reaches says whether j may go to remote.
func (j *journey) reaches(remote net.Addr) bool {
	is := own // what is not TCP is of this machine
	if tcp, ok := remote.(*net.TCPAddr); ok {
		is = closenessOf(tcp.AddrPort().Addr())
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if !j.isSent {
		j.first = is
	}
	return !j.isSent || j.isProxied || is <= j.first
}
