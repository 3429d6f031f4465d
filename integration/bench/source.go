//go:build linux

package main

import (
	"fmt"
	"math/rand/v2"
	"os"
)

// A source hands out queries: the same row of draws over and over, and for each
// miss a name that it never handed out before.
type source struct {
	hot      [][]byte // the queries for hot name i: A at 2i, AAAA at 2i+1
	numbered [][]byte // queries whose first label a number replaces
	draws    []int32
	next     int
	salt     uint64 // makes the names of this process new to the server
	count    uint64 // of misses, or in a fill of the many names
	many     uint64 // names with the numbers below this are asked in place of the hot ones
	fill     bool   // these in turn, without end
	random   *rand.Rand
}

// The first label of a numbered name is its digits, after the header and the octet
// that says how long it is.
const (
	numberDigits = 14
	numberAt     = headerSize + 1
)

// newSource is the source of the queries of a job. In a closed loop each trainLength
// of them have the same length.
func newSource(j job) (*source, error) {
	s := &source{salt: uint64(os.Getpid()), many: uint64(j.Many), fill: j.Mode == modeFill, random: rand.New(rand.NewPCG(3, 4))}
	for _, name := range j.Hot {
		for _, qtype := range []uint16{typeA, typeAAAA} {
			q, err := newQuery(name, qtype)
			if err != nil {
				return nil, err
			}
			s.hot = append(s.hot, q)
		}
	}
	for _, suffix := range j.Suffixes {
		q, err := newQuery(fmt.Sprintf("%0*d", numberDigits, 0)+suffix, typeA)
		if err != nil {
			return nil, err
		}
		s.numbered = append(s.numbered, q)
	}
	s.draws = draws(len(j.Hot), drawsCount, j.MissShare)
	if j.Mode == modeClosed {
		s.draws = grouped(s.draws, trainLength, s.kind)
	}
	return s, nil
}

// withoutRD clears the bit RD of the hot queries.
func (s *source) withoutRD() {
	for _, q := range s.hot {
		q[2] &^= bitRD
	}
}

// each is every hot question once.
func (s *source) each() []int32 {
	out := make([]int32, len(s.hot))
	for i := range out {
		out[i] = int32(i)
	}
	return out
}

// drawsCount is after how many queries the row begins anew.
const drawsCount = 1 << 16

// kind is the same for questions of equal length, but that of misses is their own.
func (s *source) kind(question int32) int {
	if question == miss {
		return miss
	}
	return len(s.hot[question])
}

// take writes the next query to dst, with id, and returns its length and whether
// its name is new. It does not allocate.
func (s *source) take(dst []byte, id uint16) (n int, isNew bool) {
	question := s.draws[s.next]
	if s.next++; s.next == len(s.draws) {
		s.next = 0
	}
	isNew = question == miss || s.fill
	switch {
	case s.fill:
		n = s.takeNumber(dst, s.count%s.many)
		s.count++
	case question == miss:
		n = s.takeNumber(dst, s.salt<<32|s.count)
		s.count++
	case s.many > 0:
		n = s.takeNumber(dst, s.random.Uint64N(s.many))
	default:
		n = copy(dst, s.hot[question])
	}
	dst[0], dst[1] = byte(id>>8), byte(id)
	return n, isNew
}

// takeNumber writes a query for the name with a number. Of the hexadecimal digits of a
// miss, six are of the salt, which is not 0, and eight of the count.
func (s *source) takeNumber(dst []byte, number uint64) int {
	const digits = "0123456789abcdef"
	n := copy(dst, s.numbered[number/trainLength%uint64(len(s.numbered))])
	for i := numberAt + numberDigits - 1; i >= numberAt; i-- {
		dst[i] = digits[number&0xf]
		number >>= 4
	}
	return n
}
