package server

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"sync"
)

// httpConns is the open connections of the HTTP service. At a limit the oldest that has no request under way is
// closed for a new one, or else the oldest: refusing the new one would let whoever holds them keep a
// supervisor out.
type httpConns struct {
	mu   sync.Mutex
	open []httpConn // the oldest first: httpMaxConns of them at most
}

// httpConn is one of them.
type httpConn struct {
	nc     net.Conn
	client netip.Addr
	active bool // a request is under way
}

// watch is the ConnState of the server.
func (h *httpConns) watch(nc net.Conn, state http.ConnState) {
	var out net.Conn
	switch state {
	case http.StateNew:
		out = h.add(nc)
	case http.StateActive, http.StateIdle:
		h.mark(nc, state == http.StateActive)
	case http.StateClosed, http.StateHijacked:
		h.remove(nc)
	}
	if out != nil {
		_ = out.Close() // an error: the client was faster
	}
}

// add adds nc, and takes another one out if there are too many, of its client or of all.
func (h *httpConns) add(nc net.Conn) (out net.Conn) {
	c := httpConn{nc: nc, client: peerOf(nc)}
	h.mu.Lock()
	defer h.mu.Unlock()
	own := 0
	for _, o := range h.open {
		if o.client == c.client {
			own++
		}
	}
	switch {
	case own >= httpMaxOwn && !c.client.IsLoopback():
		out = h.evict(func(o httpConn) bool { return o.client == c.client })
	case len(h.open) >= httpMaxConns:
		out = h.evict(func(httpConn) bool { return true })
	}
	h.open = append(h.open, c)
	return out
}

// evict takes out the oldest connection that may go, one without a request if there is any. mu is held.
func (h *httpConns) evict(may func(httpConn) bool) net.Conn {
	at := -1
	for i, c := range h.open {
		if may(c) && (at < 0 || h.open[at].active && !c.active) {
			at = i
		}
	}
	return h.take(at)
}

// mark says whether nc has a request under way.
func (h *httpConns) mark(nc net.Conn, active bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if at := h.find(nc); at >= 0 {
		h.open[at].active = active
	}
}

// remove takes nc out, if it is there.
func (h *httpConns) remove(nc net.Conn) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if at := h.find(nc); at >= 0 {
		h.take(at)
	}
}

// find is where nc is; -1 if it is out. mu is held.
func (h *httpConns) find(nc net.Conn) int {
	for i, c := range h.open {
		if c.nc == nc {
			return i
		}
	}
	return -1
}

// take takes out the connection at a place. mu is held.
func (h *httpConns) take(at int) net.Conn {
	nc := h.open[at].nc
	h.open = slices.Delete(h.open, at, at+1)
	return nc
}

// peerOf is the address of the client.
func peerOf(nc net.Conn) netip.Addr {
	peer, err := netip.ParseAddrPort(nc.RemoteAddr().String())
	if err != nil {
		return netip.Addr{} // a client of its own
	}
	return peer.Addr().Unmap().WithZone("")
}
