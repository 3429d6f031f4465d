package wire

import (
	"encoding/binary"
	"strings"

	"splitdns/matcher"
)

// maxPointers are the compression pointers that one name may take: one for each
// label, which is what a name costs that was compressed label by label, as
// [packer] does. Without a bound a packet can make a name of thousands of them,
// and name it in each of thousands of records.
const maxPointers = 126

// appendName adds the name at off to dst, uncompressed; next is where the name
// ends in packet. A pointer leads to a prior occurrence (RFC 1035, section
// 4.1.4): each must point before the labels that lead to it, so there is no
// loop.
func appendName(dst, packet []byte, off int) (out []byte, next int, ok bool) {
	begin, before, pointers := len(dst), off, 0
	for off < len(packet) {
		if packet[off] >= 0xC0 {
			target, ok := pointer(packet, off)
			if pointers++; !ok || target >= before || pointers > maxPointers {
				return dst[:begin], 0, false
			}
			next = max(next, off+2) // the first pointer ends the name; the others lie before it
			off, before = target, target
			continue
		}
		size := 1 + int(packet[off])
		if size > 64 || off+size > len(packet) || len(dst)-begin+size > maxName {
			return dst[:begin], 0, false
		}
		dst = append(dst, packet[off:off+size]...)
		off += size
		if size == 1 {
			return dst, max(next, off), true
		}
	}
	return dst[:begin], 0, false
}

// nameEnd is where the name at off ends in packet, which is after its first
// pointer if it has one. What the pointer leads to is not looked at.
func nameEnd(packet []byte, off int) (end int, ok bool) {
	for begin := off; off < len(packet) && off-begin < maxName; {
		size := int(packet[off])
		switch {
		case size == 0:
			return off + 1, true
		case size >= 0xC0:
			target, ok := pointer(packet, off)
			return off + 2, ok && target < begin
		case size > 63:
			return 0, false
		}
		off += 1 + size
	}
	return 0, false
}

// pointer reads the compression pointer at off.
func pointer(packet []byte, off int) (target int, ok bool) {
	if off+1 >= len(packet) {
		return 0, false
	}
	target = int(packet[off]&0x3F)<<8 | int(packet[off+1])
	return target, target >= headerSize
}

// nameSize is the length of the uncompressed name that s begins with, which is
// known to be whole.
func nameSize(s string) int {
	size := 0
	for s[size] != 0 {
		size += 1 + int(s[size])
	}
	return size + 1
}

// nameAt is the name that s begins with, which is known to be whole.
func nameAt(s string) matcher.Name {
	n, _, _ := matcher.NameFromWire([]byte(s[:nameSize(s)]))
	return n
}

// covers reports whether n is zone or below it. The octets are compared first:
// that is what most names fail, at once and not after a label each.
func covers(zone, n matcher.Name) bool {
	return strings.HasSuffix(n.Wire(), zone.Wire()) && (n == zone || n.Below(zone))
}

// coversAny reports whether one of names is zone or below it.
func coversAny(zone matcher.Name, names []matcher.Name) bool {
	for _, n := range names {
		if covers(zone, n) {
			return true
		}
	}
	return false
}

// coveredByAny reports whether n is one of zones or below one.
func coveredByAny(zones []matcher.Name, n matcher.Name) bool {
	for _, zone := range zones {
		if covers(zone, n) {
			return true
		}
	}
	return false
}

// sameName reports whether spelled is the name, which is in lower case.
func sameName(spelled []byte, name string) bool {
	if len(spelled) != len(name) {
		return false
	}
	for i, c := range spelled {
		if c != name[i] && (c < 'A' || c > 'Z' || c+'a'-'A' != name[i]) {
			return false
		}
	}
	return true
}

// lower is the wire form s in lower case. The length of a label is below 'A', so
// every octet can be looked at alike. It does not allocate for what is in lower
// case already.
func lower(s string) string {
	for i := range len(s) {
		if 'A' <= s[i] && s[i] <= 'Z' {
			b := []byte(s)
			fold(b)
			return string(b)
		}
	}
	return s
}

// fold puts b in lower case; only ASCII letters change (RFC 4343). Eight octets at a
// time take a fifth or more off the time of a key.
func fold(b []byte) {
	for ; len(b) >= 8; b = b[8:] {
		binary.NativeEndian.PutUint64(b, foldEight(binary.NativeEndian.Uint64(b)))
	}
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
}

// foldEight is fold for eight octets. Without its high bit, an octet to which what 'A'
// lacks to 128 is added has that bit if it is not below 'A'; likewise for 'Z'.
func foldEight(v uint64) uint64 {
	const each, high = 0x0101010101010101, 0x8080808080808080
	low := v &^ high
	fromA, aboveZ := low+(0x80-'A')*each, low+(0x7F-'Z')*each
	return v | (fromA&^aboveZ&^v&high)>>2 // 0x80 becomes 0x20, which makes a letter small
}
