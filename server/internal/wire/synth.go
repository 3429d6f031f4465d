package wire

import (
	"net/netip"
	"slices"

	"splitdns/matcher"
)

// WithAnswerAddresses is m with addresses as the answer, at the end of the chain:
// IPv4 ones to a question about A, IPv6 ones to one about AAAA, none to others.
func (m Message) WithAnswerAddresses(addresses []netip.Addr, ttl uint32) Message {
	var data []string
	for _, a := range addresses {
		a = a.Unmap()
		if m.question.Type == TypeA && a.Is4() || m.question.Type == TypeAAAA && a.Is6() {
			data = append(data, string(a.AsSlice()))
		}
	}
	return m.withAnswer(m.question.Type, m.question.Class, ttl, data...)
}

// WithCNAME is m with a CNAME record at the end of the chain.
func (m Message) WithCNAME(target matcher.Name, ttl uint32) Message {
	return m.withAnswer(TypeCNAME, m.question.Class, ttl, target.Wire())
}

// WithTXT is m with a TXT record for each of texts at the end of the chain. A
// string of more than 255 octets is continued in the next one.
func (m Message) WithTXT(ttl uint32, class Class, texts [][]string) Message {
	data := make([]string, 0, len(texts))
	for _, t := range texts {
		data = append(data, packTexts(t))
	}
	return m.withAnswer(TypeTXT, class, ttl, data...)
}

// maxText is the length of the longest character-string (RFC 1035, section 3.3).
const maxText = 255

// packTexts is texts as character-strings, one at least.
func packTexts(texts []string) string {
	var b []byte
	for _, t := range texts {
		for first := true; first || t != ""; first = false {
			size := min(len(t), maxText)
			b = append(append(b, byte(size)), t[:size]...)
			t = t[size:]
		}
	}
	if b == nil {
		return "\x00"
	}
	return string(b)
}

// withAnswer is m with records at the end of the chain. What was signed there no
// longer is.
func (m Message) withAnswer(t Type, class Class, ttl uint32, data ...string) Message {
	if len(data) == 0 {
		return m
	}
	end := m.End()
	m.answer = withoutSignatures(slices.Clone(m.answer), map[rrset]bool{{end, t}: true})
	for _, d := range data {
		m.answer = append(m.answer, record{end, t, class, ttl, d})
	}
	m.ad = false
	return m.settled()
}

// WithSOA is m with a SOA record that lets a negative answer be kept for ttl,
// owned by the end of the chain. It takes the place of the authority section: what
// stood there went with another answer, and may hold for longer.
func (m Message) WithSOA(ttl uint32) Message {
	return m.WithAuthority(SOARecord(m.End(), m.question.Class, ttl))
}

// Prepend is m as the answer to head's question: the answer of head, then that of
// m, which answers the name that head leads to.
func (m Message) Prepend(head Message) Message {
	m.answer = slices.Concat(head.answer, m.answer)
	m.question = head.question
	m.ad = false
	return m.settled()
}
