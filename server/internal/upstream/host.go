package upstream

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"time"

	"splitdns/matcher"
	"splitdns/server/internal/wire"
)

const (
	// bootstrapTimeout bounds a lookup, so that its error reaches those who wait for a
	// server of the usual timeout.
	bootstrapTimeout = 2 * time.Second
	// The addresses of a host are kept as long as their TTL says, within these bounds.
	minHostLife = time.Minute
	maxHostLife = time.Hour
	// A lookup that failed, or found addresses where nothing works, is repeated after
	// minPause; each time that it is of no use again, after twice as long, up to maxPause.
	minPause = time.Second
	maxPause = time.Minute
)

// A host is a host name with its addresses, which the bootstrap servers are asked for when
// somebody needs them. Those that were good once are kept until there are others.
type host struct {
	name string
	ask  *Group

	mu     sync.Mutex // guards what follows; not held while ask is used
	known  []netip.Addr
	err    error         // why the last lookup failed
	next   time.Time     // no lookup before that
	pause  time.Duration // after the next failure, of a lookup or of what it found
	asking chan struct{} // closed when the lookup under way has ended; nil: there is none
}

// newHost returns a host whose addresses those servers know.
func newHost(name string, bootstrap []netip.AddrPort) *host {
	o := Options{Name: "bootstrap", Timeout: bootstrapTimeout}
	for _, addr := range bootstrap {
		o.Servers = append(o.Servers, Server{Addr: addr})
	}
	return &host{name: name, ask: New(o, func() {}), pause: minPause}
}

// addresses returns the addresses that are known, and waits for them if there are none.
func (h *host) addresses(ctx context.Context) ([]netip.Addr, error) {
	asking := h.refresh(time.Now())
	known, err := h.state()
	if len(known) > 0 || asking == nil {
		return known, err
	}
	select {
	case <-asking:
		return h.state()
	case <-ctx.Done():
		return nil, fmt.Errorf("bootstrap of %s: %w", h.name, ctx.Err())
	}
}

// state returns the addresses, or why there are none.
func (h *host) state() ([]netip.Addr, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.known) > 0 {
		return h.known, nil
	}
	return nil, h.err
}

// refresh begins a lookup if it is time for one. What it returns is closed when the
// lookup under way has ended; nil if there is none.
func (h *host) refresh(now time.Time) <-chan struct{} {
	h.mu.Lock()
	if h.asking != nil || now.Before(h.next) {
		defer h.mu.Unlock()
		return h.asking
	}
	asking := make(chan struct{})
	h.asking = asking
	h.mu.Unlock()
	name, err := matcher.ParseName(h.name)
	if err != nil {
		h.finish(&lookup{failures: []string{err.Error()}}) // the configuration has none of these
		return asking
	}
	l := &lookup{host: h, left: 2}
	for _, t := range []wire.Type{wire.TypeA, wire.TypeAAAA} {
		q := wire.UpstreamQuery{Question: wire.Question{Name: name, Type: t, Class: wire.ClassIN}}
		h.ask.Exchange(q, l.heard)
	}
	h.ask.Flush()
	return asking
}

// finish takes over what a lookup has found.
func (h *host) finish(l *lookup) {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := time.Now()
	if len(l.found) > 0 {
		h.known, h.err = l.found, nil // whether they are good, a connection shows
		h.next = now.Add(min(max(l.life, minHostLife), maxHostLife))
	} else {
		h.err = fmt.Errorf("bootstrap of %s: %s", h.name, strings.Join(l.failures, "; "))
		h.putOff(now)
	}
	close(h.asking)
	h.asking = nil
}

// putOff has the next lookup wait for the pause. h.mu is held.
func (h *host) putOff(now time.Time) {
	h.next = now.Add(h.pause)
	h.pause = min(2*h.pause, maxPause)
}

// works notes that a server was found at one of the addresses.
func (h *host) works() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.pause = minPause
}

// fails notes that none was, so that the addresses are not trusted for as long as their TTL
// says.
func (h *host) fails(now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.asking == nil && now.Add(h.pause).Before(h.next) {
		h.putOff(now)
	}
}

// A lookup is the two queries for the addresses of a host.
type lookup struct {
	host *host

	mu       sync.Mutex // guards what follows
	left     int        // queries without an outcome
	found    []netip.Addr
	life     time.Duration // the shorter of the two
	failures []string
}

// heard takes the outcome of one of the queries.
func (l *lookup) heard(m wire.Message, from string, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	addrs := usable(m)
	switch {
	case err != nil:
		l.fail(reasonOf(err))
	case len(addrs) == 0 && m.Rcode() == wire.NoError:
		l.fail("no address from " + from)
	case len(addrs) == 0:
		l.fail(m.Rcode().String() + " from " + from)
	default:
		life := m.Lifetime(maxHostLife, maxHostLife)
		if len(l.found) > 0 {
			life = min(life, l.life)
		}
		l.found, l.life = append(l.found, addrs...), life
	}
	if l.left--; l.left == 0 {
		l.host.finish(l)
	}
}

// fail notes a failure, once if both are the same.
func (l *lookup) fail(text string) {
	if len(l.failures) == 0 || l.failures[0] != text {
		l.failures = append(l.failures, text)
	}
}

// reasonOf leaves the name of the group out of an error.
func reasonOf(err error) string {
	if e, ok := errors.AsType[*Error](err); ok {
		return strings.TrimPrefix(e.Error(), "upstream "+e.Group+": ")
	}
	return err.Error()
}

// usable are the addresses in the answer of m that a server can have.
func usable(m wire.Message) []netip.Addr {
	if m.IsZero() || m.Empty() {
		return nil
	}
	var addrs []netip.Addr
	for _, a := range m.Addresses() {
		if a.Is4() == (m.Question().Type == wire.TypeA) && !a.IsUnspecified() && !a.IsMulticast() {
			addrs = append(addrs, a)
		}
	}
	return addrs
}
