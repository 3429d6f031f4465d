package upstream

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"sync"
	"time"

	"splitdns/server/internal/wire"
)

const (
	optionCookie = 10 // RFC 7873, section 4

	clientCookieSize = 8
	minServerCookie  = 8
	maxServerCookie  = 32

	// cookieLife is how long a client cookie is used (RFC 7873, section 7.1, has 36 days
	// at most), and a server that has sent cookies is expected to go on.
	cookieLife = time.Hour

	// rcodeBadCookie is the answer to a server cookie that is not right, or not there
	// (RFC 7873, section 8).
	rcodeBadCookie wire.Rcode = 23
)

// cookies are the DNS cookies of one server (RFC 7873): ours, which is random and known to
// no other server, and the server's. They have nothing to do with those of clients.
type cookies struct {
	mu         sync.Mutex // guards what follows
	client     [clientCookieSize]byte
	clientTill time.Time // then there is to be another
	server     [maxServerCookie]byte
	serverSize int       // 0: none is known
	expected   time.Time // until then a response without one is not believed
}

// append appends a COOKIE option to dst, and reports whether responses are expected to
// have one.
func (c *cookies) append(dst []byte, now time.Time) (option []byte, expected bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !now.Before(c.clientTill) {
		_, _ = rand.Read(c.client[:]) // never fails
		c.clientTill, c.serverSize = now.Add(cookieLife), 0
	}
	dst = binary.BigEndian.AppendUint16(dst, optionCookie)
	dst = binary.BigEndian.AppendUint16(dst, uint16(clientCookieSize+c.serverSize))
	dst = append(dst, c.client[:]...)
	return append(dst, c.server[:c.serverSize]...), now.Before(c.expected)
}

// learn takes over the server cookie of a response to a query with that client cookie.
func (c *cookies) learn(client, server []byte, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if bytes.Equal(client, c.client[:]) { // else it was replaced meanwhile
		c.serverSize = copy(c.server[:], server)
		c.expected = now.Add(cookieLife)
	}
}

// forget notes that the server has no cookies any more.
func (c *cookies) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.serverSize, c.expected = 0, time.Time{}
}

// known reports whether the server has cookies.
func (c *cookies) known(now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return now.Before(c.expected)
}

// isCookie says whether a COOKIE option in a response may look like that (RFC 7873,
// section 4).
func isCookie(option []byte) bool {
	n := len(option) - clientCookieSize
	return n == 0 || minServerCookie <= n && n <= maxServerCookie
}

// findCookie returns the first COOKIE option of a response, which it does not copy. There
// is none in what is malformed.
func findCookie(response []byte) (option []byte, ok bool) {
	data, ok := findOPT(response)
	for ok && len(data) >= 4 {
		code, size := binary.BigEndian.Uint16(data), int(binary.BigEndian.Uint16(data[2:]))
		if data = data[4:]; size > len(data) {
			return nil, false
		}
		if code == optionCookie {
			return data[:size], true
		}
		data = data[size:]
	}
	return nil, false
}

// findOPT returns the RDATA of the first OPT record of a message with one question.
func findOPT(message []byte) (data []byte, ok bool) {
	if len(message) < headerSize {
		return nil, false
	}
	skip := int(binary.BigEndian.Uint16(message[6:])) + int(binary.BigEndian.Uint16(message[8:]))
	records := skip + int(binary.BigEndian.Uint16(message[10:]))
	at := skipName(message, headerSize) + 4
	for i := 0; i < records; i++ {
		at = skipName(message, at)
		const head = 10 // type, class, TTL, length
		if at+head > len(message) {
			return nil, false
		}
		kind, size := wire.Type(binary.BigEndian.Uint16(message[at:])), int(binary.BigEndian.Uint16(message[at+8:]))
		if at += head; at+size > len(message) {
			return nil, false
		}
		if i >= skip && kind == wire.TypeOPT {
			return message[at : at+size], true
		}
		at += size
	}
	return nil, false
}

// skipName returns where the name at off ends: with its root, or a pointer. It is beyond
// the end of the message where the name is.
func skipName(message []byte, off int) int {
	const pointer = 0xC0
	for off < len(message) {
		switch size := int(message[off]); {
		case size == 0:
			return off + 1
		case size >= pointer:
			return off + 2
		default:
			off += 1 + size
		}
	}
	return len(message) + 1
}
