package wire

import (
	"math"
	"slices"
)

// Response is a message as it goes out to one client.
type Response struct {
	Query              Query
	Message            Message
	Authoritative      bool
	RecursionAvailable bool
	EDEs               []EDE // sent if the query had an OPT record, as far as they fit
	Limit              int   // octets; 512 to 65,535, what lies outside counts as the nearer one
	UDPSize            int   // the datagram that our OPT promises to take, 512 at least
	Options            Options
}

// Append packs the response behind dst, where it takes Limit octets at most.
//
// The question stands as the client spelled it. There is an OPT record if and
// only if the query had one. AD is set if the message has it and the client asked
// with DO or AD (RFC 6840, section 5.8). Without DO the records of DNSSEC go that
// were not asked for (RFC 4035, section 3.2.1).
//
// What does not fit goes in this order: the text of EDEs and the EDEs, the last
// first, the additional section, then whole RRsets from the end, and for those TC
// is set (RFC 2181, section 9).
func (r Response) Append(dst []byte) []byte {
	packet, _ := r.AppendWhole(dst)
	return packet
}

// AppendWhole is Append, and reports whether the answer and authority sections are
// whole. Over TCP nothing larger can be asked for, so a client is better told that
// the answer is too large: that happens to one that came compressed to its limit
// in names that must not be compressed again (RFC 3597, section 4).
func (r Response) AppendWhole(dst []byte) (packet []byte, whole bool) {
	p := packer{buf: dst, base: len(dst)}
	h := header{id: r.Query.ID, flags: r.flags(), questions: 1}
	p.buf = h.append(p.buf)
	p.question(r.Query.Question, r.spelled())
	limit := min(max(r.Limit, minUDPSize), math.MaxUint16)
	room := limit - r.optSize()
	full := true
	h.answers, full = p.section(r.visible(r.Message.answer), room)
	if full {
		h.authorities, full = p.section(r.visible(r.Message.authority), room)
	}
	if full {
		h.more, _ = p.section(r.visible(r.Message.additional), room)
	}
	if !full {
		h.flags |= flagTC
	}
	if r.Query.EDNS {
		h.more++
		at := len(p.buf)
		p.buf = r.opt().append(p.buf, fitEDEs(r.EDEs, room-p.size()))
		p.buf = r.Options.append(p.buf, p.base, at, limit)
	}
	h.append(p.buf[:p.base]) // over the first one, now that the counts are known
	return p.buf, full
}

// spelled is the name of the question as the client wrote it.
func (r *Response) spelled() string {
	if len(r.Query.Spelled) == 0 {
		return r.Query.Name.Wire()
	}
	return r.Query.Spelled
}

// flags are the flags of the response. TC is among them only if the upstream cut
// the message short.
func (r *Response) flags() uint16 {
	flags := uint16(flagQR) | uint16(r.rcode()&0xF)
	for _, f := range []struct {
		flag uint16
		set  bool
	}{
		{flagAA, r.Authoritative},
		{flagTC, r.Message.tc},
		{flagRD, r.Query.RD},
		{flagRA, r.RecursionAvailable},
		{flagAD, r.Message.ad && (r.Query.DO || r.Query.AD)},
		{flagCD, r.Query.CD},
	} {
		if f.set {
			flags |= f.flag
		}
	}
	return flags
}

// rcode is the rcode of the message. One that needs an OPT record is SERVFAIL to
// a client that did not send one.
func (r *Response) rcode() Rcode {
	if r.Message.rcode > 0xF && !r.Query.EDNS {
		return ServFail
	}
	return r.Message.rcode
}

// optSize is the room that the OPT record needs, without extended errors and padding.
func (r *Response) optSize() int {
	if r.Query.EDNS {
		return optSize + r.Options.Size()
	}
	return 0
}

// opt is our OPT record; DO is repeated (RFC 3225, section 3).
func (r *Response) opt() opt {
	return opt{size: udpSize(r.UDPSize), extended: uint8(r.rcode() >> 4), do: r.Query.DO}
}

// visible are the records of section that the client gets to see.
func (r *Response) visible(section []record) []record {
	if r.Query.DO || r.Query.Type == TypeANY || !slices.ContainsFunc(section, func(v record) bool { return v.typ.isProof() }) {
		return section
	}
	seen := make([]record, 0, len(section))
	for _, v := range section {
		if !v.typ.isProof() || v.typ == r.Query.Type {
			seen = append(seen, v)
		}
	}
	return seen
}

// section writes as many whole RRsets of list as fit in room octets, each with
// its signatures, and says how many records these are; full if that is all.
func (p *packer) section(list []record, room int) (n uint16, full bool) {
	for len(list) > 0 {
		size := together(list)
		mark := len(p.buf)
		for _, r := range list[:size] {
			p.record(r)
			if p.size() > room {
				// Later names may point into what is cut off here, but none
				// follows: the root, the owner of OPT, is never compressed.
				p.buf = p.buf[:mark]
				return n, false
			}
		}
		n += uint16(size)
		list = list[size:]
	}
	return n, true
}

// together is the number of records that list begins with and that belong to one
// RRset.
func together(list []record) int {
	n := 1
	for n < len(list) && list[n].rrset() == list[0].rrset() {
		n++
	}
	return n
}

// UpstreamQuery is a query to an upstream.
type UpstreamQuery struct {
	Question
	DO, CD  bool
	UDPSize int // what our OPT promises to take; 0: no OPT record, and so no DO
}

// AppendQuery packs a query to an upstream behind dst. RD is set, and AD, which
// asks for the AD bit of the response (RFC 6840, section 5.7).
func AppendQuery(dst []byte, id uint16, q UpstreamQuery) []byte {
	h := header{id: id, flags: flagRD | flagAD, questions: 1}
	if q.CD {
		h.flags |= flagCD
	}
	if q.UDPSize > 0 {
		h.more = 1
	}
	p := packer{buf: dst, base: len(dst)}
	p.buf = h.append(p.buf)
	p.question(q.Question, q.Name.Wire())
	if q.UDPSize > 0 {
		p.buf = opt{size: udpSize(q.UDPSize), do: q.DO}.append(p.buf, nil)
	}
	return p.buf
}
