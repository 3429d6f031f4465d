package upstream

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"

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
}

// newPacked packs q under a fresh random ID.
func newPacked(q wire.UpstreamQuery) packed {
	packet := wire.AppendQuery(make([]byte, 0, headerSize+len(q.Name.Wire())+4+optSize), random16(), q)
	return packed{packet, packet[headerSize : headerSize+len(q.Name.Wire())+4]}
}

// What is wrong with a response that belongs to no query.
const (
	shortResponse = "being shorter than a header"
	otherID       = "another ID"
)

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
	return ""
}

// repeated says whether body begins with the question of p, in any case. A
// compression pointer has nothing to point to there. Octets of lengths are not
// letters, so that folding them with the name does no harm.
func (p packed) repeated(body []byte) bool {
	if len(body) < len(p.question) {
		return false
	}
	name := len(p.question) - 4
	return equalFold(body[:name], p.question[:name]) && bytes.Equal(body[name:len(p.question)], p.question[name:])
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
// question, so it is never an answer, only a reason to ask otherwise at once.
func (p packed) bareRefusal(response []byte) bool {
	if len(response) != headerSize || !bytes.Equal(response[:2], p.packet[:2]) {
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
