package listen

// What the tests of messages and of framing look at without a socket.
var (
	Explain     = explain
	ReadMessage = readMessage
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
