package nftset

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"net/netip"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"splitdns/server/policy"
)

const (
	messageHeader = 16     // struct nlmsghdr
	headerSize    = 4      // struct nfgenmsg
	portOffset    = 12     // of nlmsg_pid in it
	attributeSize = 4      // the header of an attribute
	attributeType = 0x3fff // without the flags NLA_F_NESTED and NLA_F_NET_BYTEORDER
)

// What x/sys/unix has not, of linux/netfilter/nf_tables.h.
const (
	setHandle   = 16 // NFTA_SET_HANDLE
	tableHandle = 4  // NFTA_TABLE_HANDLE
	elemKeyEnd  = 10 // NFTA_SET_ELEM_KEY_END
	genID       = 1  // NFTA_GEN_ID
	concatBits  = 6  // of each type in the number of a concatenation
	maxConcat   = 5
	mostEvents  = 1 << 14 // elements in one datagram, of 4 octets at least
	typeIPv4    = 7
	typeIPv6    = 8
	typeVerdict = 0xffffff00
)

// errShort is what is wrong with a message that ends too early.
var errShort = errors.New("the kernel's message is cut off")

// messages ranges over the netlink messages of a datagram: their types, and what follows the header.
// What comes after a message that is cut off is left out; whole says whether there was none.
func messages(b []byte, whole *bool) iter.Seq2[uint16, []byte] {
	return func(yield func(uint16, []byte) bool) {
		for *whole = true; len(b) > 0; {
			if len(b) < messageHeader {
				*whole = false
				return
			}
			size := int64(binary.NativeEndian.Uint32(b))
			if size < messageHeader || size > int64(len(b)) {
				*whole = false
				return
			}
			if !yield(binary.NativeEndian.Uint16(b[4:]), b[messageHeader:size]) {
				return
			}
			b = b[min(align(int(size)), len(b)):]
		}
	}
}

// attributes ranges over attributes: their types without flags, and their values. The first that is
// cut off ends it.
func attributes(b []byte) iter.Seq2[uint16, []byte] {
	return func(yield func(uint16, []byte) bool) {
		for len(b) >= attributeSize {
			size := int(binary.NativeEndian.Uint16(b))
			if size < attributeSize || size > len(b) {
				return
			}
			if !yield(binary.NativeEndian.Uint16(b[2:])&attributeType, b[attributeSize:size]) {
				return
			}
			b = b[min(align(size), len(b)):]
		}
	}
}

// align is n up to the next multiple of 4.
func align(n int) int { return (n + 3) &^ 3 }

// number is the number in network order that an attribute has, of 4 or 8 octets; 0 for others.
func number(b []byte) uint64 {
	switch len(b) {
	case 4:
		return uint64(binary.BigEndian.Uint32(b))
	case 8:
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

// word is the text of an attribute.
func word(b []byte) string { return strings.TrimRight(string(b), "\x00") }

// millis is the time in milliseconds that an attribute has.
func millis(b []byte) time.Duration {
	const most = uint64(100 * 365 * 24 * time.Hour / time.Millisecond)
	return time.Duration(min(number(b), most)) * time.Millisecond
}

// attribute is one attribute.
func attribute(typ uint16, value []byte) []byte {
	b := binary.NativeEndian.AppendUint16(nil, uint16(attributeSize+len(value)))
	b = binary.NativeEndian.AppendUint16(b, typ)
	return append(b, append(value, make([]byte, align(len(value))-len(value))...)...)
}

// text is an attribute of text.
func text(typ uint16, s string) []byte { return attribute(typ, append([]byte(s), 0)) }

// names is the attributes that say which set is meant, of a question about it or its elements.
func names(set policy.Set) []byte {
	return append(text(unix.NFTA_SET_TABLE, set.Table), text(unix.NFTA_SET_NAME, set.Name)...)
}

// key is the attribute that asks for one element.
func key(addr netip.Addr) []byte {
	const nested = unix.NLA_F_NESTED
	value := attribute(unix.NFTA_DATA_VALUE, addr.AsSlice())
	element := attribute(unix.NFTA_LIST_ELEM|nested, attribute(unix.NFTA_SET_ELEM_KEY|nested, value))
	return attribute(unix.NFTA_SET_ELEM_LIST_ELEMENTS|nested, element)
}

// parseTable reads the handle of a table.
func parseTable(b []byte) uint64 {
	for t, v := range attributes(b) {
		if t == tableHandle {
			return number(v)
		}
	}
	return 0
}

// parseSet reads what a set is.
func parseSet(b []byte) (found, error) {
	var f found
	var typ uint32
	for t, v := range attributes(b) {
		switch t {
		case unix.NFTA_SET_FLAGS:
			flags := number(v)
			f.isMap = flags&(unix.NFT_SET_MAP|unix.NFT_SET_OBJECT) != 0
			f.constant = flags&unix.NFT_SET_CONSTANT != 0
			f.interval = flags&unix.NFT_SET_INTERVAL != 0
			f.timeout = flags&unix.NFT_SET_TIMEOUT != 0
		case unix.NFTA_SET_KEY_TYPE:
			typ = uint32(number(v))
		case setHandle:
			f.handle = number(v)
		case unix.NFTA_SET_TIMEOUT:
			f.usual = millis(v)
		case unix.NFTA_SET_DESC:
			f.size = parseSize(v)
		}
	}
	f.typ, f.is4, f.is6 = typeName(typ), typ == typeIPv4, typ == typeIPv6
	if typ == 0 {
		return f, &fault{state: stateType, cause: "its type is unknown", fix: "make it of type ipv4_addr or ipv6_addr"}
	}
	return f, nil
}

// parseSize reads the size in the description of a set.
func parseSize(b []byte) uint32 {
	for t, v := range attributes(b) {
		if t == unix.NFTA_SET_DESC_SIZE {
			return uint32(number(v))
		}
	}
	return 0
}

// typeName is the type of a number as nft writes it (include/datatype.h of nftables), for those that
// firewalls have sets of.
func typeName(number uint32) string {
	known := map[uint32]string{
		4: "integer", 5: "string", typeIPv4: "ipv4_addr", typeIPv6: "ipv6_addr", 9: "ether_addr", 10: "ether_type", 12: "inet_proto",
		13: "inet_service", 19: "mark", 20: "iface_index", 26: "ct_state", 41: "ifname",
	}
	var words []string
	for n := number; n > 0 && len(words) < maxConcat; n >>= concatBits {
		w, ok := known[n&(1<<concatBits-1)]
		if !ok {
			w = fmt.Sprintf("type %d", n&(1<<concatBits-1))
		}
		words = append(words, w)
	}
	slices.Reverse(words)
	return strings.Join(words, " . ")
}

// A point is an element as the kernel has it: a range is two, its first address and the one after its
// last.
type point struct {
	addr               netip.Addr
	last               netip.Addr // of a range in one piece; zero otherwise
	end                bool       // the address after the last
	timeout, remaining time.Duration
}

// permanent reports whether p never ends. An element with the timeout of its set, which does not come
// with it, has something left.
func (p point) permanent() bool { return p.timeout == 0 && p.remaining == 0 }

// elements ranges over those of a message about elements.
func elements(b []byte) iter.Seq[point] {
	return func(yield func(point) bool) {
		for t, list := range attributes(b) {
			if t != unix.NFTA_SET_ELEM_LIST_ELEMENTS {
				continue
			}
			for _, v := range attributes(list) {
				if p := parsePoint(v); p.addr.IsValid() && !yield(p) {
					return
				}
			}
		}
	}
}

// parsePoint reads one element; without an address it is none that matters here.
func parsePoint(b []byte) point {
	var p point
	for t, v := range attributes(b) {
		switch t {
		case unix.NFTA_SET_ELEM_KEY:
			p.addr = parseKey(v)
		case elemKeyEnd:
			p.last = parseKey(v)
		case unix.NFTA_SET_ELEM_FLAGS:
			p.end = number(v)&unix.NFT_SET_ELEM_INTERVAL_END != 0
		case unix.NFTA_SET_ELEM_TIMEOUT:
			p.timeout = millis(v)
		case unix.NFTA_SET_ELEM_EXPIRATION:
			p.remaining = millis(v)
		}
	}
	return p
}

// parseKey reads an address.
func parseKey(b []byte) netip.Addr {
	for t, v := range attributes(b) {
		if addr, ok := netip.AddrFromSlice(v); ok && t == unix.NFTA_DATA_VALUE {
			return addr
		}
	}
	return netip.Addr{}
}

// parsePresence reads the answer to the question for addr.
func parsePresence(b []byte, addr netip.Addr) (presence, error) {
	for p := range elements(b) {
		if p.end {
			continue
		}
		return presence{in: true, permanent: p.permanent(), exact: p.addr == addr, remaining: p.remaining, timeout: p.timeout}, nil
	}
	return presence{}, errShort
}

// parseGeneration reads the number of the ruleset.
func parseGeneration(b []byte) (uint32, error) {
	for t, v := range attributes(b) {
		if t == genID && len(v) == 4 {
			return binary.BigEndian.Uint32(v), nil
		}
	}
	return 0, errShort
}

// parseDump adds the elements of one datagram of a dump to points; done: it was the last.
func parseDump(points []point, b []byte) (_ []point, done bool, err error) {
	whole := true
	for t, body := range messages(b, &whole) {
		switch {
		case t == unix.NLMSG_DONE:
			return points, true, nil
		case t == unix.NLMSG_ERROR:
			return points, true, parseError(body)
		case len(body) < headerSize:
			return points, true, errShort
		case t == unix.NFNL_SUBSYS_NFTABLES<<8|unix.NFT_MSG_NEWSETELEM:
			points = slices.AppendSeq(points, elements(body[headerSize:]))
		}
	}
	if !whole {
		return points, true, errShort
	}
	return points, false, nil
}

// parseAnswer reads the one message of an answer, down to its attributes.
func parseAnswer(b []byte) ([]byte, error) {
	whole := true
	for t, body := range messages(b, &whole) {
		switch {
		case t == unix.NLMSG_ERROR:
			return nil, parseError(body)
		case len(body) >= headerSize:
			return body[headerSize:], nil
		}
		break
	}
	return nil, errShort
}

// parseError reads the number of an error.
func parseError(b []byte) error {
	if len(b) < 4 {
		return errShort
	}
	if n := int32(binary.NativeEndian.Uint32(b)); n < 0 && n > -4096 {
		return unix.Errno(-n)
	}
	return errShort
}

// parseEvents tells what a datagram of the monitor says.
func parseEvents(b []byte, tell func(event)) error {
	whole := true
	for t, body := range messages(b, &whole) {
		if t>>8 != unix.NFNL_SUBSYS_NFTABLES {
			continue
		}
		if len(body) < headerSize {
			return errShort
		}
		parseEvent(uint8(t), body, tell)
	}
	if !whole {
		return errShort
	}
	return nil
}

// parseEvent tells what one message says. Rules are of no interest.
func parseEvent(kind uint8, body []byte, tell func(event)) {
	switch kind {
	case unix.NFT_MSG_NEWSET, unix.NFT_MSG_DELSET:
		tell(event{kind: changedSet, set: setOf(body, unix.NFTA_SET_TABLE, unix.NFTA_SET_NAME)})
	case unix.NFT_MSG_DELSETELEM:
		e := event{kind: removed, set: setOf(body, unix.NFTA_SET_ELEM_LIST_TABLE, unix.NFTA_SET_ELEM_LIST_SET)}
		for p := range elements(body[headerSize:]) {
			if len(e.addrs) == mostEvents {
				e.addrs = nil
				break
			}
			e.addrs = append(e.addrs, p.addr)
		}
		tell(e)
	case unix.NFT_MSG_NEWSETELEM:
		set := setOf(body, unix.NFTA_SET_ELEM_LIST_TABLE, unix.NFTA_SET_ELEM_LIST_SET)
		tell(event{kind: added, set: set, added: starts(body[headerSize:])})
	case unix.NFT_MSG_NEWGEN:
		tell(event{kind: committed})
	}
}

// starts ranges over the elements of a message, and what each has left; 0: it is permanent. The ends
// of ranges are left out.
func starts(b []byte) iter.Seq2[netip.Addr, time.Duration] {
	return func(yield func(netip.Addr, time.Duration) bool) {
		for p := range elements(b) {
			if !p.end && !yield(p.addr, cmp.Or(p.remaining, p.timeout)) {
				return
			}
		}
	}
}

// setOf is the set that a message is about.
func setOf(body []byte, table, name uint16) policy.Set {
	var set policy.Set
	for word, family := range families {
		if byte(family) == body[0] {
			set.Family = word
		}
	}
	for t, v := range attributes(body[headerSize:]) {
		switch t {
		case table:
			set.Table = word(v)
		case name:
			set.Name = word(v)
		}
	}
	return set
}
