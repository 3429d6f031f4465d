package wire_test

import (
	"encoding/hex"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"splitdns/server/internal/wire"
)

// The first octets of queries, without and with a question for www.example A, and two COOKIE options.
const (
	noQuestion   = "1234 0100 0000 0000 0000 0001"
	oneQuestion  = "1234 0100 0001 0000 0000 0001 03777777 076578616d706c65 00 0001 0001"
	clientOnly   = "000a 0008 2464c4abcf10c957"
	clientServer = "000a 0018 2464c4abcf10c957 010000005cf79f111f8130c3eee29480"
)

// optOf is an OPT record of a version with options.
func optOf(version, options string) string {
	size := len(strings.ReplaceAll(options, " ", "")) / 2
	return "00 0029 04d0 00" + version + "0000 " + hex.EncodeToString([]byte{byte(size >> 8), byte(size)}) + options
}

func TestRefusalsAnswerCookies(t *testing.T) {
	for name, c := range map[string]struct {
		query string
		good  bool
		asks  bool
		rcode int
	}{
		"RFC 7873, section 5.4: a client cookie alone": {noQuestion + optOf("00", clientOnly), false, true, dns.RcodeSuccess},
		"a good server cookie":                         {noQuestion + optOf("00", clientServer), true, true, dns.RcodeSuccess},
		"a bad server cookie":                          {noQuestion + optOf("00", clientServer), false, true, dns.RcodeBadCookie},
		"no cookie, no question":                       {query: noQuestion + optOf("00", "")},
		"a malformed cookie, no question":              {query: noQuestion + optOf("00", "000a 0003 aabbcc")},
		"another version":                              {oneQuestion + optOf("01", clientServer), false, false, dns.RcodeBadVers},
		"another version, no question":                 {noQuestion + optOf("01", clientOnly), false, false, dns.RcodeBadVers},
		"another version, other options":               {query: oneQuestion + optOf("01", "ff")},
		"a malformed subnet":                           {oneQuestion + optOf("00", "0008 0000"+clientOnly), false, false, dns.RcodeFormatError},
		"trailing octets":                              {oneQuestion + optOf("00", clientOnly) + "00", false, false, dns.RcodeFormatError},
	} {
		t.Run(name, func(t *testing.T) {
			_, refusal := wire.ParseQuery(octets(t, c.query))
			if refusal == nil || refusal.Asks != c.asks {
				t.Fatalf("%+v, want one that asks %v", refusal, c.asks)
			}
			if (refusal.Cookie != nil) != (c.rcode != 0 || c.asks) {
				t.Fatalf("cookie %x", refusal.Cookie)
			}
			if refusal.Cookie == nil {
				return
			}
			m := new(dns.Msg)
			packet := refusal.AppendCookie([]byte("before"), wire.Options{HasCookie: true}, c.good)
			if err := m.Unpack(packet[len("before"):]); err != nil || m.Rcode != c.rcode || refusal.Rcode != wire.Rcode(c.rcode) {
				t.Fatalf("%v, rcode %d and %v, want %d", err, m.Rcode, refusal.Rcode, c.rcode)
			}
			if o := m.IsEdns0(); o == nil || len(o.Option) != 1 || o.Option[0].Option() != dns.EDNS0COOKIE {
				t.Errorf("options %v, want a cookie", o)
			}
		})
	}
}

func FuzzRefusal(f *testing.F) {
	for _, query := range []string{
		noQuestion + optOf("00", clientServer), oneQuestion + optOf("01", clientOnly), oneQuestion + optOf("00", clientOnly) + "00",
	} {
		f.Add(octets(f, query), true)
	}
	f.Fuzz(func(t *testing.T, packet []byte, good bool) {
		_, refusal := wire.ParseQuery(packet)
		if refusal == nil || refusal.Cookie == nil {
			return
		}
		var m dns.Msg
		response := refusal.AppendCookie(nil, wire.Options{HasCookie: true}, good)
		if err := m.Unpack(response); err != nil {
			t.Fatalf("%x: %v", response, err)
		}
		if o := m.IsEdns0(); o == nil || len(o.Option) != 1 {
			t.Errorf("%x: options %v, want a cookie", response, o)
		}
	})
}
