// Package cookie makes and checks the server cookies that DNS clients send back (RFC 7873), in the
// interoperable form of RFC 9018: whoever shows one has received a response at the address that he asks
// from, so that address is not forged. It keeps nothing for a client; what a cookie is good for is the
// caller's business.
//
// The secret is made when the program starts and lives as long. A client whose cookie is of an earlier
// run gets a new one with the answer, and loses nothing. A secret in the configuration, as several servers
// behind one address would share, was turned down: it would be one more to keep and to replace.
package cookie

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/binary"
	"net/netip"
	"time"
)

// Sizes of the two parts, in octets.
const (
	ClientSize = 8           // RFC 7873, section 4
	Size       = 8 + 16      // both parts as we send them: RFC 9018, section 4
	hashAt     = Size - 8    // where the hash stands
	stampAt    = hashAt - 4  // where the time stands
	versionAt  = ClientSize  // where the version stands
	version    = 1           // the only one: RFC 9018, section 4.1
	maxInput   = hashAt + 16 // what the hash is made of: all before it, and the address
)

// How old a cookie may be, and from when on it is renewed (RFC 9018, section 4.3).
const (
	maxAge   = time.Hour
	maxAhead = 5 * time.Minute // of a clock of another server
	renewAge = maxAge / 2
)

// Secret is what cookies are made with. It never changes.
type Secret struct{ k0, k1 uint64 }

// NewSecret returns a secret that nobody knows.
func NewSecret() Secret {
	var octets [16]byte
	_, _ = rand.Read(octets[:]) // which never fails
	return ParseSecret(octets)
}

// ParseSecret returns the secret of these octets.
func ParseSecret(octets [16]byte) Secret {
	return Secret{binary.LittleEndian.Uint64(octets[:]), binary.LittleEndian.Uint64(octets[8:])}
}

// Answer gives the cookie to send to client, who sent one of 8 octets or more, and reports whether that
// was a good one of ours. A good one is given back as long as it is fresh. It does not allocate.
func (s Secret) Answer(sent []byte, client netip.Addr, now time.Time) (answer [Size]byte, good bool) {
	copy(answer[:], sent[:ClientSize])
	stamp := uint32(now.Unix())
	if len(sent) == Size && sent[versionAt] == version {
		made := binary.BigEndian.Uint32(sent[stampAt:])
		age := time.Duration(int32(stamp-made)) * time.Second // RFC 1982: it may wrap around
		good = age <= maxAge && age >= -maxAhead && s.made([Size]byte(sent), client)
		if good && age < renewAge {
			return [Size]byte(sent), true
		}
	}
	answer[versionAt] = version
	binary.BigEndian.PutUint32(answer[stampAt:], stamp)
	binary.LittleEndian.PutUint64(answer[hashAt:], s.hash(&answer, client))
	return answer, good
}

// made reports whether the hash of c is one of ours.
func (s Secret) made(c [Size]byte, client netip.Addr) bool {
	var want [8]byte
	binary.LittleEndian.PutUint64(want[:], s.hash(&c, client))
	return subtle.ConstantTimeCompare(want[:], c[hashAt:]) == 1
}

// hash is the hash that belongs to c (RFC 9018, section 4.4).
func (s Secret) hash(c *[Size]byte, client netip.Addr) uint64 {
	var room [maxInput]byte
	in := append(room[:0], c[:hashAt]...)
	if client = client.Unmap(); client.Is4() {
		a := client.As4()
		in = append(in, a[:]...)
	} else {
		a := client.As16()
		in = append(in, a[:]...)
	}
	return sip(s.k0, s.k1, in)
}
