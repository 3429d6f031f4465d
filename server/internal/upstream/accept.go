package upstream

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"time"

	"splitdns/server/internal/wire"
)

const (
	headerSize = 12 // RFC 1035, section 4.1.1
	optSize    = 11 // of an OPT record without options (RFC 6891, section 6.1.2)
	flagQR     = 0x80
	maskOpcode = 0x78
	flagTC     = 0x02
)

// A packed query is one as it is sent, with what its response must repeat.
type packed struct {
	packet   []byte
	question []byte // the part of packet: name, type, class
	cookie   []byte // the part of packet: our DNS cookie; nil: none
	believed belief
}

// belief is which doubts there may be of the response to a query.
type belief struct {
	exact    bool // it must repeat the case of the name
	cookie   bool // it must have a DNS cookie
	question bool // it must repeat the question, also to refuse
}

// pack packs q under a fresh random ID, with room for so many octets of options.
func pack(q wire.UpstreamQuery, options int) packed {
	size := len(q.Name.Wire()) + 4
	packet := wire.AppendQuery(make([]byte, 0, headerSize+size+optSize+options), random16(), q)
	return packed{packet: packet, question: packet[headerSize : headerSize+size]}
}

// maxCookieOption is the length of the longest COOKIE option with its head.
const maxCookieOption = 4 + clientCookieSize + maxServerCookie

// addCookie adds a COOKIE option to the OPT record, with which a packet ends that
// has no other option. It reports whether the response is expected to have one.
func (p *packed) addCookie(c *cookies, now time.Time) (expected bool) {
	end := len(p.packet)
	p.packet, expected = c.append(p.packet, now)
	binary.BigEndian.PutUint16(p.packet[end-2:], uint16(len(p.packet)-end))
	p.cookie = p.packet[end+4 : end+4+clientCookieSize]
	return expected
}

// name is the name in the packet.
func (p packed) name() []byte { return p.question[:len(p.question)-4] }

// What is wrong with a response that belongs to no query.
const (
	shortResponse = "being shorter than a header"
	otherID       = "another ID"
)

// A doubt is what speaks against a response that is right otherwise. It may be the
// server's, if that is an odd one, so that listening on would be in vain: the server is
// asked in a stream, where nobody else can answer.
type doubt string

// The doubts.
const (
	otherCase  = "another case of the name"
	noCookie   = "having no DNS cookie"
	noQuestion = "refusing without repeating the question"
)

// Error says what the doubt is.
func (d doubt) Error() string { return "responses over UDP discarded for " + string(d) }

// ends returns what a mismatch is beside a reason to discard the response: a doubt, or a
// bare refusal; nil if it is nothing else.
func (p packed) ends(response []byte, why string) error {
	switch {
	case why == otherCase || why == noCookie:
		return doubt(why)
	case p.bareRefusal(response) && p.believed.question:
		return doubt(noQuestion)
	case p.bareRefusal(response):
		return rcodeError(headerRcode(response))
	}
	return nil
}

// id is the ID that the response must have.
func (p packed) id() uint16 { return binary.BigEndian.Uint16(p.packet) }

// renew gives p another ID.
func (p packed) renew() { binary.BigEndian.PutUint16(p.packet, random16()) }

// random16 is unpredictable.
func random16() uint16 {
	var b [2]byte
	_, _ = rand.Read(b[:]) // never fails
	return binary.BigEndian.Uint16(b[:])
}

// mismatch says why response is not the response to p, in words that follow "for";
// "" if it is (RFC 5452, section 9.1).
func (p packed) mismatch(response []byte) string {
	switch {
	case len(response) < headerSize:
		return shortResponse
	case response[0] != p.packet[0] || response[1] != p.packet[1]:
		return otherID
	case response[2]&flagQR == 0:
		return "being a query"
	case response[2]&maskOpcode != 0:
		return "another opcode"
	case binary.BigEndian.Uint16(response[4:]) != 1:
		return "having not exactly one question"
	case !p.repeated(response[headerSize:]):
		return "another question"
	}
	return p.doubtful(response)
}

// doubtful says what is wrong with a response that may be the one to p, but for its
// cookie and the case of the name.
func (p packed) doubtful(response []byte) string {
	if p.cookie != nil {
		cookie, ok := findCookie(response)
		switch { // RFC 7873, section 5.3
		case ok && (!isCookie(cookie) || !bytes.Equal(cookie[:clientCookieSize], p.cookie)):
			return "another DNS cookie"
		case !ok && p.believed.cookie:
			return noCookie
		}
	}
	if p.believed.exact && !p.keepsCase(response) {
		return otherCase
	}
	return ""
}

// keepsCase says whether a response repeats the case of the name.
func (p packed) keepsCase(response []byte) bool {
	return bytes.HasPrefix(response[headerSize:], p.name())
}

// repeated says whether body begins with the question of p, in any case. A
// compression pointer has nothing to point to there. Octets of lengths are not
// letters, so that folding them with the name does no harm.
func (p packed) repeated(body []byte) bool {
	if len(body) < len(p.question) {
		return false
	}
	name := len(p.question) - 4
	return equalFold(body[:name], p.name()) && bytes.Equal(body[name:len(p.question)], p.question[name:])
}

// equalFold compares octets, ASCII letters in any case (RFC 4343, section 3).
func equalFold(a, b []byte) bool {
	for i := range a {
		if lower(a[i]) != lower(b[i]) {
			return false
		}
	}
	return true
}

// lower returns the lower case of an ASCII letter, and other octets as they are.
func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// bareRefusal says that response is the mere header with which old servers meet
// what they do not know, EDNS above all (RFC 6891, section 7). It repeats no
// question, so it is never an answer, only a reason to ask otherwise at once; over UDP, where
// only its ID must be guessed, a doubt. A server that has sent cookies knows EDNS.
func (p packed) bareRefusal(response []byte) bool {
	if p.believed.cookie || len(response) != headerSize || !bytes.Equal(response[:2], p.packet[:2]) {
		return false
	}
	rcode := headerRcode(response)
	return response[2]&(flagQR|maskOpcode) == flagQR &&
		bytes.Equal(response[4:], make([]byte, 8)) &&
		(rcode == wire.FormErr || rcode == wire.NotImp)
}

// headerRcode returns the lower bits of the RCODE, all there are without EDNS.
func headerRcode(response []byte) wire.Rcode {
	return wire.Rcode(response[3] & 0x0F)
}

// isTruncated says that there is more of a response over TCP.
func isTruncated(response []byte) bool {
	return response[2]&flagTC != 0
}

// whole returns a datagram, as truncated if there may be more of it.
func whole(response []byte) []byte {
	if len(response) == maxDatagram {
		response[2] |= flagTC
	}
	return response
}
