package listen

import "net/netip"

// BatchSize is how many responses leave together.
const BatchSize = batchSize

// Readers is how many sockets a listener should have.
var Readers = readers

// Sockets is how many UDP sockets l has.
func Sockets(l *Listener) int { return len(l.udp) }

// SocketsUsed is how many of them have answered.
func SocketsUsed(l *Listener) (n int) {
	for _, s := range l.udp {
		if s.count.answered.Load() > 0 {
			n++
		}
	}
	return n
}

// Addresses reads addresses as one reader does.
func Addresses() func(b []byte) netip.AddrPort { return new(sockaddrs).addrPort }

// Responses is a batch of responses that are all ready to be sent, to wherever a connected socket leads.
type Responses struct{ b *batch }

// NewResponses returns a batch of them.
func NewResponses(all [][]byte) Responses {
	b := &batch{s: new(udpSocket), slots: make([]slot, batchSize)}
	for i, response := range all {
		b.queue(i, response, 0)
	}
	return Responses{b}
}

// Transmit sends them to fd, and returns false if it wants to wait for room.
func (r Responses) Transmit(fd int) bool { return r.b.transmit(uintptr(fd)) }

// Settled is how many are sent, and given up.
func (r Responses) Settled() (sent, unsent int) {
	unsent = int(r.b.s.count.unsent.Load())
	return r.b.sent - unsent, unsent
}
