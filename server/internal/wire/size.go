package wire

import (
	"net/netip"
	"unsafe"

	"splitdns/matcher"
)

// Size is about how many octets m holds in memory, good to 20 percent or so: for
// bounds on what is kept. Owner names that records share count once.
func (m Message) Size() int {
	n := int(unsafe.Sizeof(m)) + allocated(len(m.question.Name.Wire()))
	owner := m.question.Name
	for _, section := range m.sections() {
		n += cap(section) * int(unsafe.Sizeof(record{}))
		for _, r := range section {
			if r.name != owner && r.name != m.question.Name {
				owner = r.name
				n += allocated(len(owner.Wire()))
			}
			n += allocated(len(r.data))
		}
	}
	n += cap(m.chain)*int(unsafe.Sizeof(matcher.Name{})) + cap(m.addresses)*int(unsafe.Sizeof(netip.Addr{}))
	for _, name := range m.chain {
		n += allocated(len(name.Wire()))
	}
	n += cap(m.edes) * int(unsafe.Sizeof(EDE{}))
	for _, e := range m.edes {
		n += allocated(len(e.Text))
	}
	return n
}

// allocated is what a string of size octets takes: small ones share blocks of 16,
// the others have a multiple of it.
func allocated(size int) int {
	if size < 16 {
		return (size + 3) &^ 3
	}
	return (size + 15) &^ 15
}
