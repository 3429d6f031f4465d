package wire

import (
	"encoding/binary"
	"net/netip"
	"slices"
)

// The keys of SvcParams that have a format here (RFC 9460, section 14.3.2).
const (
	keyMandatory     = 0
	keyALPN          = 1
	keyNoDefaultALPN = 2
	keyPort          = 3
	keyIPv4Hint      = 4
	keyIPv6Hint      = 6
	keyInvalid       = 65535 // reserved as no key (RFC 9460, section 14.3.2)
)

// svcParam is one key and its value; mandatory and the hints are lists of
// elements of one size.
type svcParam struct {
	key   uint16
	value string
}

// readParams reads SvcParams that are known to be valid.
func readParams(s string) (list []svcParam) {
	for len(s) > 0 {
		p, size, _ := readParam(s)
		list = append(list, p)
		s = s[size:]
	}
	return list
}

// readParam reads the key and value that s begins with, and says how many octets
// they take.
func readParam(s string) (p svcParam, size int, ok bool) {
	if len(s) < 4 {
		return p, 0, false
	}
	size = 4 + int(be16(s[2:]))
	if len(s) < size {
		return p, 0, false
	}
	return svcParam{be16(s), s[4:size]}, size, true
}

// validParams reports whether s is SvcParams: keys in strictly ascending order, each
// value whole (RFC 9460, section 2.2) and in the format of its key (sections 7 and
// 8). Other keys hold any octets.
func validParams(s string) bool {
	for before := -1; len(s) > 0; {
		p, size, ok := readParam(s)
		if !ok || int(p.key) <= before || !p.valid() {
			return false
		}
		before = int(p.key)
		s = s[size:]
	}
	return true
}

// valid reports whether the value has the format of its key.
func (p svcParam) valid() bool {
	size := len(p.value)
	switch p.key {
	case keyMandatory:
		return validMandatory(p.value)
	case keyALPN:
		return validALPN(p.value)
	case keyNoDefaultALPN:
		return size == 0
	case keyPort:
		return size == 2
	case keyIPv4Hint:
		return size > 0 && size%4 == 0
	case keyIPv6Hint:
		return size > 0 && size%16 == 0
	case keyInvalid:
		return false
	}
	return true
}

// validMandatory reports whether s is keys in strictly ascending order, without
// mandatory itself (RFC 9460, section 8).
func validMandatory(s string) bool {
	if s == "" || len(s)%2 != 0 {
		return false
	}
	for before := keyMandatory; s != ""; s = s[2:] {
		key := int(be16(s))
		if key <= before {
			return false
		}
		before = key
	}
	return true
}

// validALPN reports whether s is one or more protocol names, none of them empty
// (RFC 9460, section 7.1.1).
func validALPN(s string) bool {
	if s == "" {
		return false
	}
	for s != "" {
		size := int(s[0])
		if size == 0 || len(s) < 1+size {
			return false
		}
		s = s[1+size:]
	}
	return true
}

// elements splits a list of elements of one size.
func elements(s string, size int) []string {
	var list []string
	for ; len(s) >= size; s = s[size:] {
		list = append(list, s[:size])
	}
	return list
}

// hintSize is the length of an address in p, 0 if p is not a hint.
func (p svcParam) hintSize() int {
	switch p.key {
	case keyIPv4Hint:
		return 4
	case keyIPv6Hint:
		return 16
	}
	return 0
}

// hints calls f for each address in p.
func (p svcParam) hints(f func(netip.Addr)) {
	size := p.hintSize()
	if size == 0 {
		return
	}
	for s := p.value; len(s) >= size; s = s[size:] {
		a, _ := netip.AddrFromSlice([]byte(s[:size]))
		f(a)
	}
}

// params are the SvcParams of a service binding, and what stands before them.
func (r record) params() (head string, list []svcParam) {
	size := 2 + nameSize(r.data[2:])
	return r.data[:size], readParams(r.data[size:])
}

// hints calls f for each address in a service binding: ipv4hint, then ipv6hint.
func (r record) hints(f func(netip.Addr)) {
	for s := r.data[2+nameSize(r.data[2:]):]; len(s) > 0; {
		p, size, _ := readParam(s)
		p.hints(f)
		s = s[size:]
	}
}

// withoutHints is the service binding r without the hint addresses that drop
// names, and their number. A key that has none left goes, with its entry in
// mandatory, and so does a mandatory that is empty then.
func (r record) withoutHints(drop func(netip.Addr) bool) (record, int) {
	head, list := r.params()
	removed := 0
	var gone []uint16
	for i, p := range list {
		kept := p.withoutHints(drop)
		if kept == p.value {
			continue
		}
		removed += (len(p.value) - len(kept)) / p.hintSize()
		list[i].value = kept
		if kept == "" {
			gone = append(gone, p.key)
		}
	}
	if removed == 0 {
		return r, 0
	}
	r.data = head + packParams(withoutKeys(list, gone))
	return r, removed
}

// withoutHints is the value of p without the addresses that drop names.
func (p svcParam) withoutHints(drop func(netip.Addr) bool) string {
	if p.hintSize() == 0 {
		return p.value
	}
	kept := make([]byte, 0, len(p.value))
	p.hints(func(a netip.Addr) {
		if !drop(a) {
			kept = append(kept, a.AsSlice()...)
		}
	})
	return string(kept)
}

// withoutKeys is list without the keys gone, in mandatory too.
func withoutKeys(list []svcParam, gone []uint16) []svcParam {
	if len(list) > 0 && list[0].key == keyMandatory {
		var kept string
		for _, e := range elements(list[0].value, 2) {
			if !slices.Contains(gone, be16(e)) {
				kept += e
			}
		}
		list[0].value = kept
		if kept == "" {
			list = list[1:]
		}
	}
	return slices.DeleteFunc(list, func(p svcParam) bool { return slices.Contains(gone, p.key) })
}

// packParams is list as octets.
func packParams(list []svcParam) string {
	var b []byte
	for _, p := range list {
		b = binary.BigEndian.AppendUint16(b, p.key)
		b = binary.BigEndian.AppendUint16(b, uint16(len(p.value)))
		b = append(b, p.value...)
	}
	return string(b)
}
