package upstream

import (
	"crypto/rand"
	"sync/atomic"
	"time"
)

const (
	maxName = 255 // octets of a name in wire form (RFC 1035, section 3.1)

	// lowerFor is how long a server that does not keep the case of names is asked in
	// lower case. It may be replaced by one that does.
	lowerFor = 10 * time.Minute
)

// spelling is whether a server repeats the names of queries as they were spelled, as nearly all do.
// A name in random case (draft-vixie-dnsext-dns0x20) is then something more that
// whoever forges a response must guess. A server that keeps the case over TCP is taken for one
// that does over UDP, however many responses say otherwise: they may be forged, to get it
// asked in lower case. If it is odd indeed, each query goes over TCP as well.
type spelling struct {
	lowerUntil atomic.Int64 // Unix time in nanoseconds
}

// isLower says whether the server is asked in lower case.
func (s *spelling) isLower(now time.Time) bool { return now.UnixNano() < s.lowerUntil.Load() }

// becomeLower notes that the server does not keep the case, as TCP shows, or the lack of it.
func (s *spelling) becomeLower(now time.Time) { s.lowerUntil.Store(now.Add(lowerFor).UnixNano()) }

// spell puts the letters of a name in wire form into random case. Octets of lengths are
// no letters.
func spell(name []byte) {
	var bits [maxName/8 + 1]byte
	_, _ = rand.Read(bits[:len(name)/8+1]) // never fails
	for i, c := range name {
		if c = lower(c); 'a' <= c && c <= 'z' {
			name[i] = c ^ bits[i/8]>>(i%8)&1<<5
		}
	}
}

// unspell puts them into lower case.
func unspell(name []byte) {
	for i, c := range name {
		name[i] = lower(c)
	}
}
