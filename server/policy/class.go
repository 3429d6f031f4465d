package policy

import (
	"net/netip"
	"slices"

	"github.com/gaissmai/bart"
)

// A Class stands for all clients that the policy treats alike: served or not,
// and in which client groups by which prefix. It is a small number, so that a
// cached answer can be kept for each class. Class 0 is everybody whom no prefix
// holds. A Class means something only to the Policy it came from.
type Class uint32

// class is what a Class stands for.
type class struct {
	served bool
	within []int // by group: length of the longest prefix that holds the client, -1: not in it
}

// classify sorts all addresses into classes. The most specific prefix that
// holds an address decides which others do too, so every prefix given stands
// for one class, and prefixes with the same meaning share one.
func classify(allow []netip.Prefix, groups []ClientGroup) ([]class, *bart.Table[Class]) {
	given := new(bart.Table[class])
	add := func(p netip.Prefix, change func(*class)) {
		c, ok := given.Get(p)
		if !ok {
			c = nowhere(len(groups))
		}
		change(&c)
		given.Insert(p, c)
	}
	for _, p := range allow {
		add(p, func(c *class) { c.served = true })
	}
	for g := range groups {
		for _, p := range groups[g].Prefixes {
			add(p, func(c *class) { c.within[g] = p.Bits() })
		}
	}

	classes := []class{nowhere(len(groups))}
	table := new(bart.Table[Class])
	for p := range given.All() {
		table.Insert(p, intern(&classes, merged(given, p, len(groups))))
	}
	return classes, table
}

// nowhere is the class of an address that no prefix holds.
func nowhere(groups int) class {
	c := class{within: make([]int, groups)}
	for g := range c.within {
		c.within[g] = -1
	}
	return c
}

// merged joins what all prefixes around p say.
func merged(given *bart.Table[class], p netip.Prefix, groups int) class {
	all := nowhere(groups)
	for _, c := range given.Supernets(p) {
		all.served = all.served || c.served
		for g := range all.within {
			all.within[g] = max(all.within[g], c.within[g])
		}
	}
	return all
}

// intern returns the number of c in classes, adding it if it is new.
func intern(classes *[]class, c class) Class {
	for i, have := range *classes {
		if have.served == c.served && slices.Equal(have.within, c.within) {
			return Class(i)
		}
	}
	*classes = append(*classes, c)
	return Class(len(*classes) - 1)
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
	for g, bits := range p.classes[c].within {
		if bits >= 0 {
			names = append(names, p.groups[g])
		}
	}
	return names
}

// applies reports whether r is for clients of c, and by how long a prefix;
// -1 is a rule for everybody.
func (r *compiledRule) applies(c class) (bits int, ok bool) {
	if len(r.Clients) == 0 {
		return -1, true
	}
	bits = -1
	for _, g := range r.groups {
		bits = max(bits, c.within[g])
	}
	return bits, bits >= 0
}
