package listen

// What the tests of messages and of framing look at without a socket.
var (
	Explain     = explain
	ReadMessage = readMessage

	TurnPacketInfo = turnPacketInfo
)

// Bounds that tests go beyond.
const (
	MaxDatagram = maxDatagram
	ConnQueries = connQueries
	HeaderSize  = headerSize
)

// Busy is the number of connections with a query under way or a response not yet sent.
func Busy(l *Listener) (n int) {
	for _, c := range l.conns.all() {
		if len(c.places) > 0 {
			n++
		}
	}
	return n
}

// Full is the number of connections from which nothing is read, as no response is taken.
func Full(l *Listener) (n int) {
	for _, c := range l.conns.all() {
		if len(c.places) == connQueries {
			n++
		}
	}
	return n
}
