package cache

import (
	"math/bits"
	"sync/atomic"
)

// rare counts, by a part of their hash, the entries of which most names have none: cuts
// and failures. Each miss looks for one of them at every label, and each response put:
// without an entry that is an addition and a load, and with the locks and the memory that
// a look takes it was half of what a miss costs in this package. It may be read without a lock.
type rare struct {
	counts []atomic.Int32 // a power of two
}

// maxRare is how many counts there are at most.
const maxRare = 1 << 16

// newRare returns the counts for a cache of that many entries and octets, and the octets that
// are left for these. One count for 256 octets is enough for all entries to be rare.
func newRare(entries int, octets int64) (r *rare, left int64) {
	wanted := max(1, min(int64(entries), octets/256, maxRare))
	r = &rare{make([]atomic.Int32, 1<<bits.Len64(uint64(wanted)-1))}
	return r, octets - 4*int64(len(r.counts))
}

// none reports whether there is certainly no entry of that hash.
func (r *rare) none(hash uint64) bool { return r.at(hash).Load() == 0 }

// add counts n entries more.
func (r *rare) add(hash uint64, n int32) { r.at(hash).Add(n) }

// at is where entries of a hash are counted. The lower bits choose the shard.
func (r *rare) at(hash uint64) *atomic.Int32 {
	return &r.counts[hash>>32&uint64(len(r.counts)-1)]
}
