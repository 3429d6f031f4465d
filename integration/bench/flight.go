//go:build linux

package main

import (
	"encoding/binary"
	"time"
)

// maxQuery is the most octets that a query here can have.
const maxQuery = headerSize + 255 + 4 + 11

// A slot is one query that is, or was, under way.
type slot struct {
	frame   [2 + maxQuery]byte // the length, as TCP has it (RFC 1035, section 4.2.2), and the query
	length  int                // of the query
	waiting bool               // for the response
	isNew   bool               // its name was never asked before
	sent    time.Duration      // when it left, or was meant to leave
}

// packet is the query as UDP has it.
func (s *slot) packet() []byte { return s.frame[2 : 2+s.length] }

// A flight is the queries under way over one socket. They have the IDs in turn;
// the slot of an ID is that of its lowest bits.
type flight struct {
	slots   []slot // a power of two
	next    uint16 // ID of the next query
	oldest  uint16 // no ID before it waits
	waiting int
}

// newFlight has room for size queries under way, a power of two.
func newFlight(size int) *flight {
	return &flight{slots: make([]slot, size)}
}

// at is the slot of an ID.
func (f *flight) at(id uint16) *slot {
	return &f.slots[int(id)&(len(f.slots)-1)]
}

// add makes the next query of from one that waits since now. The caller has seen
// to it that there is room.
func (f *flight) add(from *source, now time.Duration) *slot {
	s := f.at(f.next)
	s.length, s.isNew = from.take(s.frame[2:], f.next)
	binary.BigEndian.PutUint16(s.frame[:2], uint16(s.length))
	s.waiting, s.sent = true, now
	f.next++
	f.waiting++
	return s
}

// undo takes back the last n queries, which could not be sent.
func (f *flight) undo(n int) {
	for range n {
		f.next--
		f.waiting--
		f.at(f.next).waiting = false
	}
}

// answered is the slot of the query that response answers, which then waits no
// longer; nil if none waits for it.
func (f *flight) answered(response []byte) *slot {
	if len(response) < headerSize {
		return nil
	}
	id := binary.BigEndian.Uint16(response)
	s := f.at(id)
	if !s.waiting || s.frame[2] != response[0] || s.frame[3] != response[1] {
		return nil
	}
	s.waiting = false
	f.waiting--
	return s
}

// giveUp stops waiting for queries that left before limit, and counts them.
func (f *flight) giveUp(limit time.Duration) (lost int) {
	for ; f.oldest != f.next; f.oldest++ {
		s := f.at(f.oldest)
		if s.waiting && s.sent >= limit {
			break
		}
		if s.waiting {
			s.waiting = false
			f.waiting--
			lost++
		}
	}
	return lost
}

// room is how many queries can be added before a slot that may still wait is
// needed again.
func (f *flight) room() int {
	return len(f.slots) - int(f.next-f.oldest)
}
