package upstream

import (
	"crypto/rand"
	"sync"
	"time"
)

const (
	maxName = 255 // octets of a name in wire form (RFC 1035, section 3.1)

	// lowerFor is how long a server that does not keep the case of names is asked in
	// lower case. It may be replaced by one that does.
	lowerFor = 10 * time.Minute
	// maxStrikes is how many responses in another case, with none in the right one
	// between them, say that a server does not keep it, where its responses over TCP do.
	// One may be forged.
	maxStrikes = 3
)

// spelling is whether a server repeats the names of queries as they were spelled, as nearly all do.
// A name in random case (draft-vixie-dnsext-dns0x20) is then something more that
// whoever forges a response must guess.
type spelling struct {
	mu         sync.Mutex // guards what follows
	strikes    int
	lowerUntil time.Time
}

// isLower says whether the server is asked in lower case.
func (s *spelling) isLower(now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return now.Before(s.lowerUntil)
}

// kept notes a response in the right case.
func (s *spelling) kept() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.strikes = 0
}

// doubted notes a response in another case; proven says that it was the server's indeed.
func (s *spelling) doubted(now time.Time, proven bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.strikes++; proven || s.strikes >= maxStrikes {
		s.strikes, s.lowerUntil = 0, now.Add(lowerFor)
	}
}

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
