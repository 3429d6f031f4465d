package wire

import (
	"fmt"
	"slices"

	"github.com/miekg/dns"
)

// Section is a part of a message that holds records.
type Section uint8

// The sections that hold records (RFC 1035, section 4.1).
const (
	Answer Section = iota
	Authority
	Additional
)

// WithRecords is m with records behind those that a section has, in the order
// given. Each is one line as it stands in a zone file (RFC 1035, section 5.1), with
// its TTL and with absolute names. They are taken as they are: a chain in the answer
// section must come in order. What was signed of the RRsets that grow no longer is.
func (m Message) WithRecords(section Section, records ...string) (Message, error) {
	added := make([]record, 0, len(records))
	changed := make(map[rrset]bool)
	for _, text := range records {
		r, err := parseRecord(text)
		if err != nil {
			return Message{}, err
		}
		changed[r.rrset()] = true
		added = append(added, r)
	}
	if len(added) == 0 {
		return m, nil
	}
	list := m.section(section)
	*list = append(withoutSignatures(slices.Clone(*list), changed), added...)
	m.ad = false
	return m.settled(), nil
}

// section is where m keeps the records of s.
func (m *Message) section(s Section) *[]record {
	switch s {
	case Authority:
		return &m.authority
	case Additional:
		return &m.additional
	}
	return &m.answer
}

// parseRecord reads a record in presentation form.
func parseRecord(text string) (record, error) {
	rr, err := dns.NewRR(text)
	if err != nil {
		return record{}, fmt.Errorf("record %q: %w", text, err)
	}
	if rr == nil {
		return record{}, fmt.Errorf("record %q: there is none", text)
	}
	packet := make([]byte, dns.Len(rr)+1)
	end, err := dns.PackRR(rr, packet, 0, nil, false)
	if err != nil {
		return record{}, fmt.Errorf("record %q: %w", text, err)
	}
	u := unpacker{reader: reader{packet: packet[:end]}}
	list := u.records(1, nil) // as strictly as from an upstream
	if u.err != nil {
		return record{}, fmt.Errorf("record %q: %w", text, u.err)
	}
	return list[0], nil
}
