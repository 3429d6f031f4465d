package integration_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"testing"

	"github.com/miekg/dns"
)

// compressedNames are where names that may be compressed stand in the RDATA of the
// types that have some (RFC 3597, section 4): after how many octets, how many, and
// how many octets follow. In all other RDATA a packer must find the same octets again.
var compressedNames = map[uint16]struct{ skip, names, more int }{
	dns.TypeNS: {0, 1, 0}, dns.TypeCNAME: {0, 1, 0}, dns.TypePTR: {0, 1, 0}, dns.TypeSOA: {0, 2, 20}, dns.TypeMX: {2, 1, 0},
}

// strict says what is wrong with a response. It knows less than the program's own
// decoder and is written without it: every count is right, every name ends, pointers
// lead back, each record has all fields of its type and nothing else, at most one OPT
// record, and nothing behind the end.
func strict(packet []byte) error {
	if len(packet) < atName {
		return errors.New("shorter than a header")
	}
	count := func(at int) int { return int(binary.BigEndian.Uint16(packet[at:])) }
	off := atName
	for range count(atQuestions) {
		end, err := nameEnd(packet, off)
		if err != nil || end+4 > len(packet) {
			return fmt.Errorf("question: %w", errors.Join(err, errCut))
		}
		off = end + 4
	}
	opts := 0
	for i := range count(atAnswers) + count(atAuthority) + count(atMore) {
		end, typ, err := strictRecord(packet, off)
		if err != nil {
			return fmt.Errorf("record %d of type %s: %w", i+1, dns.Type(typ), err)
		}
		if typ == dns.TypeOPT {
			opts++
		}
		off = end
	}
	if off != len(packet) || opts > 1 {
		return fmt.Errorf("%d octets behind the end, %d OPT records", len(packet)-off, opts)
	}
	return nil
}

// errCut is what ends too early.
var errCut = errors.New("ends too early")

// nameEnd is where a name at off ends. All its pointers must lead back.
func nameEnd(packet []byte, off int) (end int, err error) {
	size := 0
	for at := off; at < len(packet); {
		length := int(packet[at])
		switch {
		case length == 0:
			return max(end, at+1), nil
		case length < 0x40:
			at += 1 + length
			if size += 1 + length; size > 254 {
				return 0, errors.New("a name over 255 octets")
			}
		case length >= 0xC0 && at+1 < len(packet):
			to := int(binary.BigEndian.Uint16(packet[at:])) & 0x3FFF
			if to >= at || to < atName {
				return 0, fmt.Errorf("a pointer from %d to %d", at, to)
			}
			if end == 0 {
				end = at + 2
			}
			at = to
			continue
		default:
			return 0, errors.New("a label of no known kind")
		}
		if end == 0 && at >= len(packet) {
			return 0, errCut
		}
	}
	return 0, errCut
}

// strictRecord is where the record at off ends, and what is wrong with it.
func strictRecord(packet []byte, off int) (end int, typ uint16, err error) {
	at, err := nameEnd(packet, off)
	if err != nil {
		return 0, 0, err
	}
	if at+10 > len(packet) {
		return 0, 0, errCut
	}
	typ = binary.BigEndian.Uint16(packet[at:])
	begin := at + 10
	end = begin + int(binary.BigEndian.Uint16(packet[at+8:]))
	if end > len(packet) {
		return 0, typ, errCut
	}
	if names, ok := compressedNames[typ]; ok {
		at = begin + names.skip
		for range names.names {
			if at, err = nameEnd(packet[:end], at); err != nil {
				return 0, typ, err
			}
		}
		if at+names.more != end {
			return 0, typ, fmt.Errorf("%d octets, want %d", end-begin, at+names.more-begin)
		}
		return end, typ, nil
	}
	if typ == dns.TypeTXT && begin == end {
		return 0, typ, errCut // the library lets it pass
	}
	return end, typ, sameAgain(packet[begin:end], typ)
}

// sameAgain says whether the library makes the same RDATA of what it reads. It is enough
// that an OPT record can be read, and one with a bitmap of types, which may end in
// octets of zero that the library leaves out.
func sameAgain(data []byte, typ uint16) error {
	h := dns.RR_Header{Name: ".", Rrtype: typ, Class: dns.ClassINET, Rdlength: uint16(len(data))}
	rr, end, err := dns.UnpackRRWithHeader(h, data, 0)
	if err != nil || end != len(data) {
		return fmt.Errorf("read to %d of %x: %w", end, data, err)
	}
	switch typ {
	case dns.TypeCAA: // the library loses a backslash in a tag
		if len(data) < 2 || len(data)-2 < int(data[1]) {
			return errCut
		}
		return nil
	case dns.TypeURI: // nor does it keep one at the end of a target
		if len(data) < 5 {
			return errCut
		}
		return nil
	case dns.TypeOPT, dns.TypeNSEC, dns.TypeNSEC3, dns.TypeCSYNC:
		return nil
	}
	const fixed = 11 // what comes before RDATA when the owner is the root
	out := make([]byte, fixed+2*len(data)+512)
	end, err = dns.PackRR(rr, out, 0, nil, false)
	if err != nil || !bytes.Equal(out[fixed:end], data) {
		return fmt.Errorf("%x comes back as %x: %w", data, out[fixed:max(fixed, end)], err)
	}
	return nil
}

// The check finds what it is for.
func TestStrict(t *testing.T) {
	q := new(dns.Msg).SetQuestion("x.example.", dns.TypeMX)
	good := new(dns.Msg).SetReply(q)
	rr, _ := dns.NewRR("x.example. 300 MX 1 mail.example.")
	good.Answer = append(forged("x.example."), rr)
	good.Compress = true
	packet := mustPack(good.SetEdns0(1232, false))
	if err := strict(packet); err != nil {
		t.Errorf("a good response: %v", err)
	}
	a := rawRecord(dns.TypeA, 4, "\xC0\x00\x02\x01")
	for what, body := range map[string]rawBody{
		"long A":         {answers: 1, octets: rawRecord(dns.TypeA, 5, "\xC0\x00\x02\x01\x05")},
		"short A":        {answers: 1, octets: rawRecord(dns.TypeA, 3, "\xC0\x00\x02")},
		"empty MX":       {answers: 1, octets: rawRecord(dns.TypeMX, 0, "")},
		"MX with a tail": {answers: 1, octets: rawRecord(dns.TypeMX, 4, "\x00\x01\x00x")},
		"empty TXT":      {answers: 1, octets: rawRecord(dns.TypeTXT, 0, "")},
		"short SOA":      {answers: 1, octets: rawRecord(dns.TypeSOA, 3, "\x00\x00\x01")},
		"a loop":         {answers: 1, octets: rawRecord(dns.TypePTR, 2, "\xC0\x27")},
		"count":          {answers: 2, octets: a},
		"tail":           {answers: 1, octets: a + "\x00"},
		"two OPTs":       {more: 2, octets: "\x00\x00\x29\x04\xD0\x00\x00\x00\x00\x00\x00\x00\x00\x29\x04\xD0\x00\x00\x00\x00\x00\x00"},
	} {
		if strict(rawResponse(q, body)) == nil {
			t.Errorf("%s passes", what)
		}
	}
}
