package wire_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"splitdns/server/internal/wire"
)

// withOptions is a query with these EDNS options, in hexadecimal digits.
func withOptions(t testing.TB, options string) []byte {
	t.Helper()
	size := len(octets(t, options))
	return octets(t, ednsQ+"00 0029 04d0 00 00 0000"+fmt.Sprintf("%04x", size)+options)
}

// RFC 7873, section 5.2.2: "If the COOKIE option is too short to contain a Client Cookie, then FORMERR is
// generated." Sections 4 and 5.2.2: so it is between the two sizes, and above the largest.
func TestCookieLengths(t *testing.T) {
	for size := range 50 {
		packet := withOptions(t, fmt.Sprintf("000a %04x", size)+strings.Repeat("7f", size))
		q, refusal := wire.ParseQuery(packet)
		_, glanced := wire.ReadGlance(packet)
		good := size == 8 || size >= 16 && size <= 40
		if (refusal == nil) != good || glanced != good {
			t.Errorf("%d octets: refusal %+v, glanced %v", size, refusal, glanced)
		}
		switch {
		case good && !bytes.Equal([]byte(q.Cookie), bytes.Repeat([]byte{0x7f}, size)):
			t.Errorf("%d octets: cookie %x", size, []byte(q.Cookie))
		case !good && refusal != nil && refusal.Rcode != wire.FormErr:
			t.Errorf("%d octets: %v, want FORMERR", size, refusal.Rcode)
		}
	}
}

// RFC 7873, section 5.2: of several COOKIE options "only the first (the one closest to the DNS header) is
// considered. All others are ignored."
func TestFirstCookieCounts(t *testing.T) {
	const first = "000a 0008 1122334455667788"
	for _, second := range []string{"000a 0008 aabbccddeeff0011", "000a 0003 aabbcc"} {
		q, refusal := wire.ParseQuery(withOptions(t, first+second))
		if refusal != nil || !bytes.Equal([]byte(q.Cookie), octets(t, "1122334455667788")) {
			t.Errorf("%s: %+v, cookie %x", second, refusal, []byte(q.Cookie))
		}
	}
	if _, refusal := wire.ParseQuery(withOptions(t, "000a 0003 aabbcc"+first)); refusal == nil {
		t.Error("a malformed first cookie is accepted")
	}
}

func TestSentOptions(t *testing.T) {
	tests := map[string]struct{ keepalive, padding bool }{
		"":                              {},
		"000b 0000":                     {keepalive: true},
		"000b 0002 0001":                {keepalive: true},
		"000c 0003 000000":              {padding: true},
		"000c 0000 000b 0000 fde9 0000": {keepalive: true, padding: true},
	}
	for options, want := range tests {
		packet := withOptions(t, options)
		q, refusal := wire.ParseQuery(packet)
		if refusal != nil {
			t.Fatalf("%s: %s", options, refusal.Why)
		}
		if s := q.Sent; s.Keepalive != want.keepalive || s.Padding != want.padding {
			t.Errorf("%s: %+v, want %+v", options, s, want)
		}
		if _, ok := wire.ReadGlance(packet); !ok {
			t.Errorf("%s: not glanced", options)
		}
	}
}

// allOptions says everything that a response can say.
var allOptions = wire.Options{
	Cookie: [24]byte([]byte("abcdefghijklmnopqrstuvwx")), HasCookie: true,
	Keepalive: 10 * time.Second, HasKeepalive: true, Block: wire.MaxBlock,
}

// optionsOf are the EDNS options of a packet, each as the library prints it.
func optionsOf(t *testing.T, packet []byte) (all []string) {
	t.Helper()
	if o := unpack(t, packet).IsEdns0(); o != nil {
		for _, option := range o.Option {
			all = append(all, fmt.Sprintf("%d %s", option.Option(), option))
		}
	}
	return all
}

func TestOptionsOfAResponse(t *testing.T) {
	q := question(t, "www.example A")
	r := wire.Response{
		Query: wire.Query{Question: q, EDNS: true}, Message: wire.NewMessage(q, wire.NoError),
		EDEs: []wire.EDE{{Code: 15, Text: "x"}}, Limit: 65535, Options: allOptions,
	}
	packet := r.Append([]byte("before"))[len("before"):]
	if len(packet) != wire.MaxBlock {
		t.Errorf("%d octets, want %d", len(packet), wire.MaxBlock)
	}
	got := optionsOf(t, packet)
	if len(got) != 4 || !strings.HasPrefix(got[0], "15 ") || got[1] != "10 6162636465666768696a6b6c6d6e6f707172737475767778" ||
		!strings.HasPrefix(got[2], "11 ") || !strings.Contains(got[2], "10s") && !strings.Contains(got[2], "100") || !strings.HasPrefix(got[3], "12 ") {
		t.Errorf("options %q", got)
	}
	r.Query.EDNS = false
	if packet := r.Append(nil); unpack(t, packet).IsEdns0() != nil {
		t.Errorf("options without an OPT record in the query: % x", packet)
	}
}

// RFC 8467, section 4.1: responses are padded "to a multiple of 468 octets", and section 4.1 again: never
// beyond the largest message.
func TestPaddingIsAMultiple(t *testing.T) {
	q := question(t, "www.example TXT")
	for _, strings := range []int{0, 1, 2, 3, 7, 40, 200, 255} {
		m := manyTexts(t, q, strings)
		for _, limit := range []int{512, 1232, 65535} {
			r := wire.Response{Query: wire.Query{Question: q, EDNS: true}, Message: m, Limit: limit}
			bare := len(r.Append(nil))
			r.Options.Block = wire.MaxBlock
			packet := r.Append(nil)
			unpack(t, packet)
			want := min((bare+4+467)/468*468, limit)
			if bare+4 > limit {
				want = bare
			}
			if len(packet) != want {
				t.Errorf("%d strings, limit %d: %d octets of %d, want %d", strings, limit, len(packet), bare, want)
			}
		}
	}
}

// manyTexts is a response to q with n records of 255 octets.
func manyTexts(t *testing.T, q wire.Question, n int) wire.Message {
	t.Helper()
	var r response
	for i := range n {
		r.answer = append(r.answer, fmt.Sprintf("www.example. TXT %0240d", i))
	}
	m, err := wire.ParseResponse(r.pack(t, q), q)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestFinishedOptions holds a finished answer with options against one that is made.
func TestFinishedOptions(t *testing.T) {
	q := question(t, "www.example TXT")
	r := wire.Response{Query: wire.Query{Question: q, EDNS: true}, Message: manyTexts(t, q, 2), Limit: 65535, UDPSize: 1232}
	f := r.Finish()
	m := new(dns.Msg)
	m.SetQuestion("www.example.", dns.TypeTXT)
	m.SetEdns0(1232, false)
	packet, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	for name, o := range map[string]wire.Options{
		"all": allOptions, "none": {}, "a cookie": {HasCookie: true}, "padding": {Block: 100}, "keepalive": {HasKeepalive: true, Keepalive: 700 * time.Millisecond},
	} {
		g, ok := wire.ReadGlance(packet)
		if !ok {
			t.Fatal("no glance")
		}
		g.Options, r.Options = o, o
		r.Query.ID, r.Query.RD = m.Id, true
		if got, want := f.Append(nil, &g, 0, 1<<31), r.Append(nil); !bytes.Equal(got, want) {
			t.Errorf("%s:\n% x\nwant\n% x", name, got, want)
		}
	}
}
