package nftset

import (
	"net/netip"
	"time"

	"splitdns/server/policy"
)

// Writer puts an address into a set again and again, on the real kernel, by one of the recipes.
func Writer(set policy.Set, addr netip.Addr) (write func(timeout time.Duration, replace bool) error, end func()) {
	k := dialKernel()
	return func(timeout time.Duration, replace bool) error {
		f, err := k.describe(set)
		if err != nil {
			return err
		}
		return k.put(f, []change{{addr, timeout}}, replace)
	}, k.close
}

// Parsed is what all parsers make of a message, for the fuzz test.
type Parsed struct {
	Events int
	Ranges [][2]netip.Addr
}

// ParseAll gives b to everything that reads what the kernel sends.
func ParseAll(b []byte, interval bool) (Parsed, error) {
	var p Parsed
	err := parseEvents(b, func(event) { p.Events++ })
	points, _, _ := parseDump(nil, b)
	for _, l := range (found{interval: interval}).ranges(points) {
		p.Ranges = append(p.Ranges, [2]netip.Addr{l.first, l.last})
	}
	_, _ = parseAnswer(b)
	whole := true
	for _, body := range messages(b, &whole) {
		if len(body) < headerSize {
			continue
		}
		_, _ = parseSet(body[headerSize:])
		_, _ = parsePresence(body[headerSize:], netip.Addr{})
		_, _ = parseGeneration(body[headerSize:])
		_ = parseTable(body[headerSize:])
		_ = parseError(body)
	}
	return p, err
}

// Question is the message that asks for an element, whose shape is that of the kernel's answers.
func Question(kind uint8, set policy.Set, addr netip.Addr) []byte {
	m := request10(kind, set.Family, append(names(set), key(addr)...))
	m.Header.Length = uint32(messageHeader + len(m.Data))
	b, err := m.MarshalBinary()
	if err != nil {
		panic(err)
	}
	return b
}
