package listen

import "fmt"

// Stats is what a listener has done since it was opened.
type Stats struct {
	UDP, TCP    uint64 // queries that the service has answered, or met with silence
	Dropped     uint64 // queries that it has not: over the limit, or longer than any over UDP
	Shed        uint64 // of these, UDP queries that had waited longest when another needed the place, and those over TCP without one
	Overflowed  uint64 // packets that the system had no room for before we read them, where it says so
	Unsent      uint64 // responses that could not be sent, or that the client did not take
	Panics      uint64 // queries during which the service panicked
	Connections int    // TCP connections open now
	Accepted    uint64 // TCP connections ever accepted
	Evicted     uint64 // of these, closed to make room for a new one, or for what others had not read
	Handshakes  uint64 // TLS handshakes that failed
}

// Stats is what the listener has done so far. The figures are read one after the other.
func (l *Listener) Stats() Stats {
	st := Stats{
		TCP:         l.count.tcp.Load(),
		Dropped:     l.count.dropped.Load(),
		Unsent:      l.count.unsent.Load(),
		Panics:      l.count.panics.Load(),
		Connections: l.conns.len(),
		Accepted:    l.count.accepted.Load(),
		Evicted:     l.count.evicted.Load(),
		Shed:        l.count.shed.Load(),
		Handshakes:  l.count.handshakes.Load(),
	}
	for _, s := range l.udp {
		st.UDP += s.count.answered.Load()
		st.Overflowed += s.lost()
		st.Dropped += s.count.dropped.Load()
		st.Unsent += s.count.unsent.Load()
	}
	return st
}

// drop counts a query that found no place under the limit.
func (l *Listener) drop() {
	l.count.dropped.Add(1)
	l.drops.add()
}

// reportDrops says that n queries were dropped.
func (l *Listener) reportDrops(n uint64) {
	l.report(fmt.Sprintf("listening on %s: dropped %d queries: %d under way is the limit, server.queries_in_flight",
		l.addr, n, l.limits.InFlight.Limit()))
}
