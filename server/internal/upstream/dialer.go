package upstream

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync/atomic"
	"time"
)

const (
	// dialTimeout bounds how long a connection takes to open. It is longer than a query
	// waits for one: whoever comes next finds it open, or opening.
	dialTimeout = 5 * time.Second
	// maxAddresses is how many addresses of a host are tried, one after the other.
	maxAddresses = 8
)

// A dialer opens connections to a server.
type dialer struct {
	addr  netip.AddrPort // with host only the port counts
	host  *host          // nil: the server is at addr
	tls   *tls.Config    // nil: connections are plain
	stage atomic.Int32   // what the last dial is about: one of the stages
	first atomic.Uint32  // which address of the host comes first: that of the last connection, if it was good
	open  connections    // what was dialled
}

// The stages of a dial.
const (
	stageDone int32 = iota
	stageLookup
	stageConnect
	stageHandshake
)

// newDialer returns a dialer of connections that use config, plain ones without it.
func newDialer(o Server, config *tls.Config) *dialer {
	d := &dialer{addr: netip.AddrPortFrom(o.Addr.Addr().Unmap(), o.Addr.Port()), tls: config}
	if o.Host != "" {
		d.host = newHost(o.Host, o.Bootstrap)
	}
	return d
}

// close closes every connection, and ends the looking up of the host. What is being
// dialled ends with the context.
func (d *dialer) close() {
	d.open.close()
	if d.host != nil {
		d.host.ask.Close()
	}
}

// dial opens a connection, and ends with ctx. Where that fails, the host may have moved, or
// may be well at another of its addresses.
func (d *dialer) dial(ctx context.Context) (net.Conn, error) {
	conn, err := d.attempt(ctx)
	switch {
	case d.host == nil:
	case err == nil:
		d.host.works()
	default:
		d.first.Add(1)
		d.host.fails(time.Now())
	}
	return conn, err
}

// attempt opens a connection to the first address that takes one.
func (d *dialer) attempt(ctx context.Context) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	defer d.stage.Store(stageDone)
	conn, err := d.connect(ctx)
	if err != nil {
		return nil, err
	}
	conn, err = d.open.add(conn)
	if err != nil || d.tls == nil {
		return conn, err
	}
	d.stage.Store(stageHandshake)
	secure := tls.Client(conn, d.tls)
	if err := secure.HandshakeContext(ctx); err != nil {
		_ = conn.Close()
		return nil, handshakeError(ctx, err)
	}
	return secure, nil
}

// connect opens a TCP connection to the first address that takes one.
func (d *dialer) connect(ctx context.Context) (conn net.Conn, err error) {
	addrs := []netip.AddrPort{d.addr}
	if d.host != nil {
		d.stage.Store(stageLookup)
		if addrs, err = d.lookup(ctx); err != nil {
			return nil, err
		}
	}
	d.stage.Store(stageConnect)
	first := int(d.first.Load())
	for i := range addrs {
		at := (first + i) % len(addrs)
		if conn, err = connectTo(ctx, addrs[at], len(addrs)-i); err == nil {
			d.first.Store(uint32(at))
			return conn, nil
		}
	}
	if d.host != nil {
		return nil, fmt.Errorf("%v: %v", addrs[(first+len(addrs)-1)%len(addrs)], cause(err))
	}
	return nil, err
}

// connectTo opens a TCP connection in its share of the time, where so many addresses are
// left to be tried.
func connectTo(ctx context.Context, addr netip.AddrPort, left int) (net.Conn, error) {
	if end, ok := ctx.Deadline(); ok && left > 1 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Until(end)/time.Duration(left))
		defer cancel()
	}
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", addr.String())
	if err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		err = errors.New("no connection in time")
	}
	return conn, err
}

// lookup returns the addresses of the host.
func (d *dialer) lookup(ctx context.Context) ([]netip.AddrPort, error) {
	found, err := d.host.addresses(ctx)
	if err != nil {
		return nil, err
	}
	found = found[:min(len(found), maxAddresses)]
	addrs := make([]netip.AddrPort, len(found))
	for i, a := range found {
		addrs[i] = netip.AddrPortFrom(a, d.addr.Port())
	}
	return addrs, nil
}

// lacks says what a query still waits for where there is no connection; "" if there may
// be one.
func (d *dialer) lacks() string {
	switch d.stage.Load() {
	case stageLookup:
		return "no address from the bootstrap servers"
	case stageConnect:
		return "no connection"
	case stageHandshake:
		return "no end of the TLS handshake"
	}
	return ""
}
