package listen

import (
	"net/netip"

	"splitdns/server/internal/mmsg"
)

// BatchSize is how many responses leave together.
const BatchSize = mmsg.Size

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
type Responses struct{ o *outgoing }

// NewResponses returns a batch of them.
func NewResponses(all [][]byte) Responses {
	o := &outgoing{s: new(udpSocket)}
	for _, response := range all {
		o.queue(response, nil, nil)
	}
	return Responses{o}
}

// Transmit sends them to fd, and returns false if it wants to wait for room.
func (r Responses) Transmit(fd int) bool { return r.o.transmit(uintptr(fd)) }

// Settled is how many are sent, and given up.
func (r Responses) Settled() (sent, unsent int) {
	unsent = int(r.o.s.count.unsent.Load())
	return r.o.sent - unsent, unsent
}

// TellsOverflow says whether the system tells what it had no room for.
func TellsOverflow(l *Listener) bool {
	_, ok := l.udp[0].overflowed()
	return ok
}

// TakePlaces takes all places that readers may hold, until they are given back.
func TakePlaces() (giveBack func()) {
	taken := 0
	for takeHold() {
		taken++
	}
	return func() { holders.Add(-int32(taken)) }
}
