package main

import (
	"hash/maphash"
	"math/bits"
	"slices"
	"strings"
)

// A packed is the ID of a rule with its kind, in one word.
type packed int32

// kindBits are the bits of a kind.
const kindBits = 2

// pack packs the i-th rule.
func pack(i int, k kind) packed { return packed(i<<kindBits) | packed(k) }

// id is the ID of the rule if it is for the name itself, or else for one below.
func (p packed) id(itself bool) (int32, bool) {
	return int32(p >> kindBits), kind(p & (1<<kindBits - 1)).covers(itself)
}

// buildMap is the baseline: one Go map, asked for the longest suffix first.
func buildMap(rules []rule) find {
	byName := make(map[string]packed, len(rules))
	for i, r := range rules {
		byName[r.name] = pack(i, r.kind)
	}
	return func(q *query) int32 {
		for suffix, more := q.text, true; more; _, suffix, more = strings.Cut(suffix, ".") {
			if p, ok := byName[suffix]; ok {
				if id, ok := p.id(len(suffix) == len(q.text)); ok {
					return id
				}
			}
		}
		return none
	}
}

// A trieNode is a node of the trie of maps.
type trieNode struct {
	rule     packed // or -1
	children map[string]*trieNode
}

// child is the child for a label, made if it is missing.
func (n *trieNode) child(label string) *trieNode {
	if n.children == nil {
		n.children = map[string]*trieNode{}
	}
	c := n.children[label]
	if c == nil {
		c = &trieNode{rule: packed(none)}
		n.children[label] = c
	}
	return c
}

// buildTrie has a map of children for each label, read from the right.
func buildTrie(rules []rule) find {
	root := &trieNode{rule: packed(none)}
	for i, r := range rules {
		n := root
		labels := strings.Split(r.name, ".")
		for _, label := range slices.Backward(labels) {
			n = n.child(label)
		}
		n.rule = pack(i, r.kind)
	}
	return func(q *query) int32 {
		best := none
		for n, rest := root, q.text; rest != ""; {
			dot := strings.LastIndexByte(rest, '.')
			if n = n.children[rest[dot+1:]]; n == nil {
				break
			}
			rest = rest[:max(dot, 0)]
			if n.rule >= 0 {
				if id, ok := n.rule.id(rest == ""); ok {
					best = id
				}
			}
		}
		return best
	}
}

// A perfectHash gives each name of a fixed set a slot of its own (hash and displace):
// the hash of a name picks a displacement, which with the hash gives the slot. There is
// a displacement for every four names or so, and hardly more slots than names.
type perfectHash struct {
	seed      maphash.Seed
	displaced []uint32 // displacements; a power of two
	slots     []int32  // the index of the name in each slot, or none; a power of two
	names     []string
	rules     []packed
}

// slotOf is the slot of a hash under a displacement.
func (p *perfectHash) slotOf(hash uint64, displacement uint32) *int32 {
	hi, lo := bits.Mul64(hash^uint64(displacement)<<32, 0x9e3779b97f4a7c15)
	return &p.slots[(hi^lo)&uint64(len(p.slots)-1)]
}

// bucketOf is the index of the displacement for a hash.
func (p *perfectHash) bucketOf(hash uint64) uint64 { return hash & uint64(len(p.displaced)-1) }

// newPerfectHash finds a displacement for each bucket of names, the fullest first.
func newPerfectHash(rules []rule) *perfectHash {
	p := &perfectHash{
		seed:      maphash.MakeSeed(),
		displaced: make([]uint32, 1<<bits.Len(uint(len(rules)/4))),
		slots:     slices.Repeat([]int32{none}, 1<<bits.Len(uint(len(rules)))),
	}
	buckets := make([][]int32, len(p.displaced))
	for i, r := range rules {
		p.names, p.rules = append(p.names, r.name), append(p.rules, pack(i, r.kind))
		b := p.bucketOf(maphash.String(p.seed, r.name))
		buckets[b] = append(buckets[b], int32(i))
	}
	slices.SortFunc(buckets, func(a, b []int32) int { return len(b) - len(a) })
	for _, names := range buckets {
		p.place(names)
	}
	return p
}

// place finds a displacement under which the names of a bucket have free slots.
func (p *perfectHash) place(names []int32) {
	if len(names) == 0 {
		return
	}
	hashes := make([]uint64, len(names))
	for i, n := range names {
		hashes[i] = maphash.String(p.seed, p.names[n])
	}
	for displacement := uint32(0); ; displacement++ {
		if p.take(names, hashes, displacement) {
			p.displaced[p.bucketOf(hashes[0])] = displacement
			return
		}
	}
}

// take gives names the slots of a displacement if all are free.
func (p *perfectHash) take(names []int32, hashes []uint64, displacement uint32) bool {
	for i, hash := range hashes {
		s := p.slotOf(hash, displacement)
		if *s != none {
			for _, hash := range hashes[:i] {
				*p.slotOf(hash, displacement) = none
			}
			return false
		}
		*s = names[i]
	}
	return true
}

// get finds a name.
func (p *perfectHash) get(name string) (packed, bool) {
	hash := maphash.String(p.seed, name)
	i := *p.slotOf(hash, p.displaced[p.bucketOf(hash)])
	if i == none || p.names[i] != name {
		return 0, false
	}
	return p.rules[i], true
}

// buildPerfectHash asks a perfect hash for the longest suffix first.
func buildPerfectHash(rules []rule) find {
	p := newPerfectHash(rules)
	return func(q *query) int32 {
		for suffix, more := q.text, true; more; _, suffix, more = strings.Cut(suffix, ".") {
			if found, ok := p.get(suffix); ok {
				if id, ok := found.id(len(suffix) == len(q.text)); ok {
					return id
				}
			}
		}
		return none
	}
}
