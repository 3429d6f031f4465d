package wire

import (
	"net/netip"
)

// Bearing is m with addresses, of which only the addresses are known, where a message of
// its type may have them: those that are asked for as A or AAAA records at the end of the
// chain, for a question about a service binding as the hints of one, all others in the
// additional section. They stay as they are: an IPv4-mapped one is an IPv6 address.
func (m Message) Bearing(addresses []netip.Addr, ttl uint32) Message {
	var data []string
	var beside []record
	for _, a := range addresses {
		switch t := m.question.Type; {
		case t == TypeA && a.Is4(), t == TypeAAAA && a.Is6(), t.isService():
			data = append(data, string(a.AsSlice()))
		default:
			beside = append(beside, record{m.End(), familyOf(a), m.question.Class, ttl, string(a.AsSlice())})
		}
	}
	if m.question.Type.isService() && len(data) > 0 {
		data = []string{hinting(data)}
	}
	m = m.withAnswer(m.question.Type, m.question.Class, ttl, data...)
	if len(beside) == 0 {
		return m
	}
	m.additional = beside
	return m.settled()
}

// familyOf is the type of the record that holds a.
func familyOf(a netip.Addr) Type {
	if a.Is4() {
		return TypeA
	}
	return TypeAAAA
}

// hinting is the RDATA of a service binding for the owner itself with addresses as its hints.
func hinting(addresses []string) string {
	var ipv4, ipv6 string
	for _, a := range addresses {
		if len(a) == len(netip.IPv4Unspecified().AsSlice()) {
			ipv4 += a
			continue
		}
		ipv6 += a
	}
	var list []svcParam
	if ipv4 != "" {
		list = append(list, svcParam{keyIPv4Hint, ipv4})
	}
	if ipv6 != "" {
		list = append(list, svcParam{keyIPv6Hint, ipv6})
	}
	return "\x00\x01\x00" + packParams(list)
}
