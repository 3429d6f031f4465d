package policy

import "net/netip"

// A Verdict is what holding an answer against the published ranges found.
type Verdict uint8

// The verdicts. NotAsked is a name whose answer nobody has seen; the others
// are those of a judged answer.
const (
	NotAsked  Verdict = iota
	Inside            // every judged address is published
	Mixed             // some are, some are not
	Outside           // none is
	NoRange           // nothing is published for the name
	NoFamily          // something is published, but for the other IP version only
	NoAddress         // there was no address to judge: NODATA, other types
)

// verdictWords are the verdicts as they are printed.
var verdictWords = [...]string{"not-asked", "inside", "mixed", "outside", "no-range", "no-family", "no-address"}

// String is the word that dig, the log and explain show.
func (v Verdict) String() string { return verdictWords[v] }

// Judged is one address with its own verdict: Inside, Outside, NoRange or
// NoFamily.
type Judged struct {
	Addr    netip.Addr // as the upstream sent it, not unmapped
	Verdict Verdict
}

// A Judgement is a verdict with the addresses it rests on.
type Judgement struct {
	Verdict   Verdict
	Addresses []Judged
}

// Judge holds addrs, all addresses of one answer, against what is published
// for the name that d was made for. IPv4-mapped and NAT64 addresses are
// unmapped first.
func (p *Policy) Judge(d Decision, addrs []netip.Addr) Judgement {
	j := Judgement{Verdict: NoAddress}
	var count [len(verdictWords)]int
	for _, addr := range addrs {
		v := d.Published.judge(p.unmap(addr), p.strictFamilies)
		count[v]++
		j.Addresses = append(j.Addresses, Judged{Addr: addr, Verdict: v})
	}
	switch {
	case len(addrs) == 0:
	case count[Inside] > 0 && count[Outside] > 0:
		j.Verdict = Mixed
	case count[Inside] > 0:
		j.Verdict = Inside
	case count[Outside] > 0:
		j.Verdict = Outside
	case count[NoFamily] > 0:
		j.Verdict = NoFamily
	default:
		j.Verdict = NoRange
	}
	return j
}

// Outside returns the addresses that lie outside the published ranges.
func (j Judgement) Outside() []netip.Addr {
	var addrs []netip.Addr
	for _, a := range j.Addresses {
		if a.Verdict == Outside {
			addrs = append(addrs, a.Addr)
		}
	}
	return addrs
}

// unmap strips what stands around an IPv4 address: the IPv4-mapped form
// (RFC 4291, section 2.5.5.2) and NAT64 prefixes (RFC 6052, section 2.2).
func (p *Policy) unmap(addr netip.Addr) netip.Addr {
	addr = addr.Unmap().WithZone("")
	if addr.Is4() {
		return addr
	}
	for _, prefix := range p.nat64 {
		if prefix.Contains(addr) {
			return embedded(addr, prefix.Bits())
		}
	}
	return addr
}

// embedded reads the IPv4 address behind a NAT64 prefix of the given length.
// Bits 64 to 71 are zero and not part of it (RFC 6052, section 2.2).
func embedded(addr netip.Addr, bits int) netip.Addr {
	b := addr.As16()
	var v4 [4]byte
	for i, at := 0, bits/8; i < len(v4); at++ {
		if at == 8 {
			continue
		}
		v4[i] = b[at]
		i++
	}
	return netip.AddrFrom4(v4)
}
