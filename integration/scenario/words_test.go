package scenario_test

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"github.com/miekg/dns"
)

// rcodes are the names of RCODEs that the library has otherwise.
var rcodes = map[string]int{"BADVERS": dns.RcodeBadVers, "NOTIMP": dns.RcodeNotImplemented}

// lookupRcode reads an RCODE.
func lookupRcode(word string) (int, bool) {
	if n, ok := rcodes[word]; ok {
		return n, true
	}
	n, ok := dns.StringToRcode[word]
	return n, ok
}

// rcodeName is the name of an RCODE.
func rcodeName(n int) string {
	for name, code := range rcodes {
		if n == code {
			return name
		}
	}
	if name, ok := dns.RcodeToString[n]; ok {
		return name
	}
	return "RCODE" + strconv.Itoa(n)
}

// parseRcode reads the RCODE in the rest of a line.
func parseRcode(n *node) (int, error) {
	code, ok := lookupRcode(n.rest())
	if !ok {
		return 0, n.errorf("unknown RCODE %q", n.rest())
	}
	return code, nil
}

// setFlags sets flags, or clears those with a minus before them.
func setFlags(h *dns.MsgHdr, n *node) error {
	for _, word := range n.words()[1:] {
		name, cleared := strings.CutPrefix(word, "-")
		f := flag(h, name)
		if f == nil {
			return n.errorf("unknown flag %q", name)
		}
		*f = !cleared
	}
	return nil
}

// flag is a flag of h by its name.
func flag(h *dns.MsgHdr, name string) *bool {
	return map[string]*bool{
		"qr": &h.Response, "aa": &h.Authoritative, "tc": &h.Truncated, "rd": &h.RecursionDesired,
		"ra": &h.RecursionAvailable, "z": &h.Zero, "ad": &h.AuthenticatedData, "cd": &h.CheckingDisabled,
	}[name]
}

// parseHex reads the hex in the rest of a line.
func parseHex(n *node) ([]byte, error) { return decodeHex(n, n.rest()) }

// decodeHex reads hex digits with spaces between them. "x*30" after a group repeats it.
func decodeHex(n *node, text string) ([]byte, error) {
	var b strings.Builder
	for _, word := range strings.Fields(text) {
		digits, times, repeated := strings.Cut(word, "*")
		count := 1
		if repeated {
			var err error
			if count, err = strconv.Atoi(times); err != nil {
				return nil, n.errorf("%q: want HEX*COUNT", word)
			}
		}
		b.WriteString(strings.Repeat(digits, count))
	}
	octets, err := hex.DecodeString(b.String())
	if err != nil {
		return nil, n.errorf("%v", err)
	}
	return octets, nil
}

// parseOption reads an EDNS option such as "10:0123456789abcdef", or with a space.
func parseOption(n *node, text string) (dns.EDNS0, error) {
	code, data, _ := strings.Cut(strings.Replace(text, " ", ":", 1), ":")
	number, err := strconv.ParseUint(code, 10, 16)
	if err != nil {
		return nil, n.errorf("option %q: want CODE:HEX", text)
	}
	octets, err := decodeHex(n, data)
	return &dns.EDNS0_LOCAL{Code: uint16(number), Data: octets}, err
}

// parseNumber reads a number that may be hexadecimal.
func parseNumber(n *node, word string, bits int) (uint64, error) {
	v, err := strconv.ParseUint(word, 0, bits)
	if err != nil {
		return 0, n.errorf("%q: want a number of %d bits", word, bits)
	}
	return v, nil
}

// parseType reads a record type, also as TYPE65280.
func parseType(word string) (uint16, bool) {
	if t, ok := dns.StringToType[word]; ok {
		return t, true
	}
	return parseUnknown(word, "TYPE")
}

// parseClass reads a class, also as CLASS42.
func parseClass(word string) (uint16, bool) {
	if c, ok := dns.StringToClass[word]; ok {
		return c, true
	}
	return parseUnknown(word, "CLASS")
}

// parseUnknown reads a number behind prefix (RFC 3597, section 5).
func parseUnknown(word, prefix string) (uint16, bool) {
	digits, ok := strings.CutPrefix(word, prefix)
	n, err := strconv.ParseUint(digits, 10, 16)
	return uint16(n), ok && err == nil
}

// question is a question as a scenario writes it.
func questionText(q dns.Question) string {
	return fmt.Sprint(q.Name, " ", dns.Type(q.Qtype), " ", dns.Class(q.Qclass))
}
