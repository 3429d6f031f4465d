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
