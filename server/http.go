package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"splitdns/matcher"
	"splitdns/server/internal/addressfeed"
)

// httpServer is the HTTP service: health and metrics for supervisors, explanations for
// administrators, and address feeds for firewalls. It is off unless the configuration gives an address. The control socket
// is another one.
type httpServer struct {
	server    http.Server
	conns     httpConns
	listeners []net.Listener
}

// What one HTTP client may take up.
const (
	httpTimeout   = 5 * time.Second
	httpMaxHeader = 8 << 10
	httpHeaderIn  = time.Second // how long its request may take to arrive, but for the body
	httpMaxOwn    = 8           // connections, of one that is not on this machine
	httpMaxConns  = 64          // of all clients, on all addresses
)

// openHTTP opens the addresses of the HTTP service of s.
func openHTTP(s *Server, listen []netip.AddrPort) (*httpServer, error) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", s.readyz)
	mux.HandleFunc("GET /api/explain", s.apiExplain)
	mux.HandleFunc("GET /metrics", s.metrics)
	mux.HandleFunc("GET "+addressfeed.Root, s.addressFeed)
	h := &httpServer{server: http.Server{
		Handler: mux, ReadTimeout: httpTimeout, WriteTimeout: httpTimeout, MaxHeaderBytes: httpMaxHeader,
		ReadHeaderTimeout: httpHeaderIn,
	}}
	h.server.ConnState = h.conns.watch
	for _, addr := range listen {
		l, err := net.Listen("tcp", addr.String())
		if err != nil {
			h.close()
			return nil, fmt.Errorf("http.listen: %w", err)
		}
		h.listeners = append(h.listeners, l)
	}
	return h, nil
}

// serve answers until ctx is cancelled. An address that fails is reported to log,
// and the others go on: queries are answered without this service. A nil h was never
// opened.
func (h *httpServer) serve(ctx context.Context, log *slog.Logger) error {
	if h == nil {
		return nil
	}
	var g sync.WaitGroup
	for _, l := range h.listeners {
		g.Go(func() {
			if err := h.server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
				log.Error(fmt.Sprintf("HTTP on %s has ended: %v", l.Addr(), err))
			}
		})
	}
	<-ctx.Done()
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), httpTimeout)
	defer cancel()
	if err := h.server.Shutdown(last); err != nil {
		h.server.Close()
	}
	g.Wait()
	return nil
}

// close closes the service at once. A nil h was never opened.
func (h *httpServer) close() {
	if h == nil {
		return
	}
	h.server.Close()
	for _, l := range h.listeners {
		l.Close()
	}
}

// addrs returns the addresses listened on.
func (h *httpServer) addrs() []netip.AddrPort {
	var addrs []netip.AddrPort
	for _, l := range h.listeners {
		addrs = append(addrs, l.Addr().(*net.TCPAddr).AddrPort())
	}
	return addrs
}

// readyz says whether queries are being answered.
func (s *Server) readyz(w http.ResponseWriter, _ *http.Request) {
	if s.draining.Load() {
		http.Error(w, "stopping", http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, "ready")
}

// apiExplain is `GET /api/explain?name=NAME[&type=TYPE][&client=ADDRESS]`, or with
// address=ADDRESS. Only administrators may ask, and only under a name of this
// machine: a web page elsewhere must not read what people look up by pointing
// its own name at this address (DNS rebinding).
func (s *Server) apiExplain(w http.ResponseWriter, r *http.Request) {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	snap := s.resolver.current.Load()
	if err != nil || !snap.admin(peer.Addr().Unmap()) {
		http.Error(w, "only for server.admins", http.StatusForbidden)
		return
	}
	if !s.http.knows(r.Host) {
		http.Error(w, "the Host header is not an address listened on", http.StatusForbidden)
		return
	}
	explanation, err := s.explainRequest(r, peer.Addr().Unmap())
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	json.NewEncoder(w).Encode(explanation)
}

// explainRequest reads the request and explains what it asks for.
func (s *Server) explainRequest(r *http.Request, asker netip.Addr) (any, error) {
	a := Asker{Client: asker, Admin: true}
	if text := r.FormValue("client"); text != "" {
		client, err := netip.ParseAddr(text)
		if err != nil {
			return nil, fmt.Errorf("client: %q: want one address, such as 10.0.0.7", text)
		}
		a.Client = client.Unmap()
	}
	if (r.FormValue("name") == "") == (r.FormValue("address") == "") {
		return nil, errors.New("want name=NAME or address=ADDRESS")
	}
	if text := r.FormValue("address"); text != "" {
		addr, err := netip.ParseAddr(text)
		if err != nil {
			return nil, fmt.Errorf("address: %q: want one address, such as 17.57.144.23", text)
		}
		return s.resolver.ExplainAddress(addr, a), nil
	}
	name, err := matcher.ParseName(r.FormValue("name"))
	if err != nil {
		return nil, fmt.Errorf("name: %w", err)
	}
	return s.resolver.Explain(name, r.FormValue("type"), a)
}

// knows reports whether host, as a Host header gives it, is an address listened
// on or localhost.
func (h *httpServer) knows(host string) bool {
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = strings.Trim(host, "[]")
	}
	ip, err := netip.ParseAddr(name)
	if err != nil {
		return strings.EqualFold(name, "localhost")
	}
	return slices.ContainsFunc(h.addrs(), func(l netip.AddrPort) bool {
		return l.Addr() == ip || l.Addr().IsUnspecified() // a page cannot claim an address as its name
	})
}
