package policy

import (
	"cmp"
	"encoding/binary"
	"net/netip"
	"slices"
	"strconv"

	"github.com/gaissmai/bart"
)

// A Class stands for all clients that the policy treats alike: served or not,
// and in which client groups by which prefix. It is a small number, so that a
// cached answer can be kept for each class. Class 0 is everybody whom no prefix
// holds. A Class means something only to the Policy it came from.
type Class uint32

// class is what a Class stands for. It takes memory for the groups that hold the client
// only: there may be thousands of groups, and as many classes.
type class struct {
	served bool
	within []membership // one for each group that holds the client, in order
}

// membership is a client group by index, and in the last octet the length of the longest of
// its prefixes that hold the client, taken from 255: so the longest of a group sorts first.
type membership uint32

// in is the membership of a group by a prefix of the given length.
func in(group, bits int) membership { return membership(group<<8 + (255 - bits)) }

func (m membership) group() int { return int(m >> 8) }

func (m membership) bits() int { return 255 - int(m&255) }

// classify sorts all addresses into classes. The most specific prefix that
// holds an address decides which others do too, so every prefix given stands
// for one class, and prefixes with the same meaning share one.
func classify(allow []netip.Prefix, groups []ClientGroup) ([]class, *bart.Table[Class]) {
	given := new(bart.Table[class])
	for _, p := range allow {
		given.Modify(p, func(c class, _ bool) (class, bool) {
			return class{served: true, within: c.within}, false
		})
	}
	for g := range groups {
		for _, p := range groups[g].Prefixes {
			given.Modify(p, func(c class, _ bool) (class, bool) {
				return class{served: c.served, within: append(c.within, in(g, p.Bits()))}, false
			})
		}
	}

	all := interned{numbers: map[string]Class{}}
	all.number(class{}) // class 0: nobody holds the address
	table := new(bart.Table[Class])
	for p, c := range given.AllSorted() { // wider prefixes come before those inside
		around, _ := table.LookupPrefix(p)
		table.Insert(p, all.number(c.inside(all.classes[around])))
	}
	return all.classes, table
}

// inside joins what a prefix says, c, with what the prefixes around it say.
func (c class) inside(around class) class {
	within := slices.Concat(around.within, c.within)
	slices.Sort(within)
	within = slices.CompactFunc(within, func(m, n membership) bool { return m.group() == n.group() })
	return class{served: c.served || around.served, within: within}
}

// interned are classes of which no two mean the same.
type interned struct {
	classes []class
	numbers map[string]Class // by class.key
}

// number returns the number of c, adding it if it is new.
func (all *interned) number(c class) Class {
	key := c.key()
	n, ok := all.numbers[key]
	if !ok {
		n = Class(len(all.classes))
		all.numbers[key] = n
		all.classes = append(all.classes, c)
	}
	return n
}

// key is the same text for classes that mean the same.
func (c class) key() string {
	key := strconv.AppendBool(nil, c.served)
	for _, m := range c.within {
		key = binary.BigEndian.AppendUint32(key, uint32(m))
	}
	return string(key)
}

// Class maps a client's address to its class. It does not allocate.
func (p *Policy) Class(client netip.Addr) Class {
	c, _ := p.clients.Lookup(client.Unmap().WithZone(""))
	return c
}

// Served reports whether clients of class c get answers at all.
func (p *Policy) Served(c Class) bool { return p.classes[c].served }

// Groups returns the names of the client groups that c is in.
func (p *Policy) Groups(c Class) []string {
	var names []string
	for _, m := range p.classes[c].within {
		names = append(names, p.groups[m.group()].Name)
	}
	return names
}

// bits returns the length of the longest prefix by which a group holds c, -1 if none does.
func (c class) bits(group int) int {
	i, ok := slices.BinarySearchFunc(c.within, group, func(m membership, group int) int {
		return cmp.Compare(m.group(), group)
	})
	if !ok {
		return -1
	}
	return c.within[i].bits()
}

// applies reports whether r is for clients of c, and by how long a prefix;
// -1 is a rule for everybody.
func (r *compiledRule) applies(c class) (bits int, ok bool) {
	if len(r.Clients) == 0 {
		return -1, true
	}
	bits = -1
	for _, group := range r.groups {
		bits = max(bits, c.bits(group))
	}
	return bits, bits >= 0
}
