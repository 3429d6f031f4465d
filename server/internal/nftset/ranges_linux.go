package nftset

import (
	"cmp"
	"net/netip"
	"slices"
	"time"

	"github.com/google/nftables"
)

// ranges makes elements of points, in the order of addresses.
func (f found) ranges(points []point) []listed {
	slices.SortStableFunc(points, point.compare)
	list := make([]listed, 0, len(points))
	open := false // the last of list has no end yet
	for _, p := range points {
		if p.end {
			if open {
				list[len(list)-1].endBefore(p.addr)
			}
			open = false
			continue
		}
		list = append(list, f.listed(p))
		open = f.interval && !p.last.IsValid()
	}
	return list
}

// compare orders points by their addresses. One range ends where the next begins, so ends come first.
func (p point) compare(q point) int {
	c := p.addr.Compare(q.addr)
	switch {
	case c != 0 || p.end == q.end:
		return c
	case p.end:
		return -1
	}
	return 1
}

// listed is p as an element that goes as far as it can, as long as its end is not known.
func (f found) listed(p point) listed {
	l := listed{first: p.addr, last: p.addr, timeout: cmp.Or(p.timeout, p.remaining), remaining: p.remaining}
	switch {
	case p.last.IsValid():
		l.last = p.last
	case f.interval:
		l.last = top(p.addr)
	}
	return l
}

// endBefore makes l end before addr.
func (l *listed) endBefore(addr netip.Addr) {
	if last := addr.Prev(); last.BitLen() == l.first.BitLen() {
		l.last = last
	}
}

// top is the greatest address of addr's version.
func top(addr netip.Addr) netip.Addr {
	b := addr.AsSlice()
	for i := range b {
		b[i] = 0xff
	}
	last, _ := netip.AddrFromSlice(b)
	return last
}

// messageOf is changes as the kernel takes them, with so much more time.
func (f found) messageOf(changes []change, longer time.Duration) []nftables.SetElement {
	elements := make([]nftables.SetElement, 0, 2*len(changes))
	for _, c := range changes {
		elements = append(elements, nftables.SetElement{Key: c.addr.AsSlice(), Timeout: c.timeout + longer})
		if next := c.addr.Next(); f.interval && next.IsValid() {
			elements = append(elements, nftables.SetElement{Key: next.AsSlice(), IntervalEnd: true})
		}
	}
	return elements
}
