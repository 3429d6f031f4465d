package matcher

import (
	"hash/maphash"
	"math/bits"
)

// table finds the places of names in an arena, by hash. It is open and probed in groups of
// eight slots. A slot's tag is seven bits of the hash, and eight tags are compared at once:
// most names that are not there are refused without a look at a slot or the arena, and the
// tags of a million names fit into a processor's cache.
type table struct {
	seed  maphash.Seed // nobody outside can choose names that collide
	tags  []uint64     // of a group each, the first slot's in the lowest octet; 0 where a slot is free
	slots []slot
	used  int
}

// slot is what a table holds.
type slot struct {
	where address
	set   uint32 // what belongs to the name; the table takes no part in it
}

const (
	groupSize = 8
	eachTag   = 0x0101010101010101
	highBits  = 0x8080808080808080 // set in tags of slots that are taken
)

// newTable returns a table with room for so many names.
func newTable(names int, seed maphash.Seed) table {
	groups := names/7 + 1 // at least one slot in eight stays free, or no search would end
	return table{seed: seed, tags: make([]uint64, groups), slots: make([]slot, groups*groupSize)}
}

// isFull says whether the table has no room for another name.
func (t *table) isFull() bool { return t.used*8 >= len(t.slots)*7 }

// home is the group in which the search for a hash begins.
func (t *table) home(hash uint64) int {
	group, _ := bits.Mul64(hash, uint64(len(t.tags)))
	return int(group)
}

// after is the group in which the search goes on.
func (t *table) after(group int) int {
	if group++; group == len(t.tags) {
		return 0
	}
	return group
}

// tagOf is the tag for a hash, eight times. Groups are chosen by the other end of the hash.
func tagOf(hash uint64) uint64 { return (hash&0x7f | 0x80) * eachTag }

// find returns the slot of a name whose place is in a, nil if there is none. It is valid until
// the next add.
func (t *table) find(a *arena, text []byte) *slot {
	if t.used == 0 {
		return nil
	}
	hash := maphash.Bytes(t.seed, text)
	for group, tag := t.home(hash), tagOf(hash); ; group = t.after(group) {
		tags := t.tags[group]
		// An octet of differ is zero where a tag is equal. One just above it may be taken for
		// zero too, which costs no more than a look at it.
		differ := tags ^ tag
		for equal := (differ - eachTag) &^ differ & highBits; equal != 0; equal &= equal - 1 {
			s := &t.slots[group*groupSize+bits.TrailingZeros64(equal)/8]
			if a.has(s.where, text) {
				return s
			}
		}
		if tags&highBits != highBits {
			return nil
		}
	}
}

// add adds a name that the table does not have yet, and is not full for, and returns its slot.
func (t *table) add(s slot, text []byte) *slot {
	hash := maphash.Bytes(t.seed, text)
	group := t.home(hash)
	for t.tags[group]&highBits == highBits {
		group = t.after(group)
	}
	place := bits.TrailingZeros64(^t.tags[group]&highBits) / 8
	t.tags[group] |= tagOf(hash) & (0xff << (8 * place))
	t.used++
	into := &t.slots[group*groupSize+place]
	*into = s
	return into
}

// resized returns the same table with room for so many names, which text reads at their
// places. Both tables have names in the order of their hashes, which takes half of the time off.
func (t *table) resized(names int, text func(address) []byte) table {
	if t.used == 0 {
		return newTable(names, maphash.MakeSeed())
	}
	other := newTable(names, t.seed)
	for s := range t.all {
		other.add(*s, text(s.where))
	}
	return other
}

// all yields the slots that are taken.
func (t *table) all(yield func(*slot) bool) {
	for group, tags := range t.tags {
		for taken := tags & highBits; taken != 0; taken &= taken - 1 {
			if !yield(&t.slots[group*groupSize+bits.TrailingZeros64(taken)/8]) {
				return
			}
		}
	}
}
