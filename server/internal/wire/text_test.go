package wire_test

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"splitdns/server/internal/wire"
)

// written is the response to the question "NAME TYPE" with records in its answer.
func written(t *testing.T, asked string, records ...string) wire.Message {
	t.Helper()
	m, err := wire.NewMessage(question(t, asked), wire.NoError).WithRecords(wire.Answer, records...)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestWithRecordsBuildsAChain(t *testing.T) {
	m := written(t, "www.example.com A",
		"www.example.com. 300 IN CNAME cdn.example.net.",
		"cdn.example.net. 60 IN A 192.0.2.1",
		"cdn.example.net. 60 IN A 192.0.2.2",
	)
	if got, want := m.End(), name(t, "cdn.example.net"); got != want {
		t.Errorf("End() = %v, want %v", got, want)
	}
	if m.Empty() {
		t.Error("Empty() of an answer with addresses")
	}
	want := []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")}
	if got := m.Addresses(); !slices.Equal(got, want) {
		t.Errorf("Addresses() = %v, want %v", got, want)
	}
	if got, want := m.Lifetime(time.Hour, time.Hour), time.Minute; got != want {
		t.Errorf("Lifetime() = %v, want %v", got, want)
	}
	if got := len(shown(t, m).Answer); got != 3 {
		t.Errorf("%d records go out, want 3", got)
	}
}

func TestWithRecordsReadsEveryForm(t *testing.T) {
	for asked, line := range map[string]string{
		"example.com HTTPS":     `example.com. 300 IN HTTPS 1 . alpn="h2,h3" ipv4hint="192.0.2.1" ipv6hint="2001:db8::1"`,
		"example.com TXT":       `example.com. 300 IN TXT "one" "two three"`,
		"example.com MX":        `example.com. 300 IN MX 10 mail.example.com.`,
		"example.com TYPE65280": `example.com. 300 CLASS1 TYPE65280 \# 2 abcd`,
		`a\.b.example.com A`:    `a\.b.example.com. 300 IN A 192.0.2.1`,
	} {
		m := written(t, asked, line)
		if got := strings.Join(strings.Fields(m.Text()), " "); got != line {
			t.Errorf("%s: Text() = %s, want %s", asked, got, line)
		}
		if m.Empty() {
			t.Errorf("%s: Empty() with its record", asked)
		}
	}
}

func TestWithRecordsInOtherSections(t *testing.T) {
	m := written(t, "example.com MX")
	m, err := m.WithRecords(wire.Authority, "com. 900 IN SOA ns.example. nobody.invalid. 1 3600 1200 604800 180")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := m.Lifetime(time.Hour, time.Hour), 3*time.Minute; got != want {
		t.Errorf("Lifetime() of a NODATA = %v, want the MINIMUM, %v", got, want)
	}
	if got := m.WithSOA(1).Lifetime(time.Hour, time.Hour); got != time.Second {
		t.Errorf("with another SOA, Lifetime() = %v, want that of the other, 1s", got)
	}
	m, err = m.WithRecords(wire.Additional, "mail.example.com. 300 IN A 192.0.2.25")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := m.Addresses(), netip.MustParseAddr("192.0.2.25"); !slices.Equal(got, []netip.Addr{want}) {
		t.Errorf("Addresses() = %v, want [%v]", got, want)
	}
	if !m.Empty() || m.Text() != "" {
		t.Errorf("records of other sections stand in the answer: %s", m.Text())
	}
}

func TestWithRecordsLeavesItHonest(t *testing.T) {
	const signature = "example.com. 300 IN RRSIG A 13 2 300 20300101000000 20200101000000 1 example.com. YWJj"
	signed := response{ad: true, answer: []string{"example.com. 300 IN A 192.0.2.1", signature}}.parse(t, "example.com A")
	before := signed.Text()
	edited, err := signed.WithRecords(wire.Answer, "example.com. 300 IN A 192.0.2.2")
	if err != nil {
		t.Fatal(err)
	}
	if edited.AD() || strings.Contains(edited.Text(), "RRSIG") {
		t.Errorf("AD %v and answer\n%s\nafter a record was added, want neither AD nor a signature", edited.AD(), edited.Text())
	}
	if !signed.AD() || signed.Text() != before {
		t.Errorf("the message that records were added to has changed to\n%s", signed.Text())
	}
	if same, err := signed.WithRecords(wire.Answer); err != nil || !same.AD() || same.Text() != before {
		t.Errorf("no records added: AD %v, %v and\n%s", same.AD(), err, same.Text())
	}
}

func TestWithRecordsRefuses(t *testing.T) {
	for why, text := range map[string]string{
		"nothing":        "",
		"a comment":      "; example.com. 300 IN A 192.0.2.1",
		"no data":        "example.com. 300 IN A",
		"a bad address":  "example.com. 300 IN A 192.0.2.256",
		"an odd type":    "example.com. 300 IN NONSENSE 1",
		"a long name":    strings.Repeat("a.", 128) + " 300 IN A 192.0.2.1",
		"an empty label": "a..example.com. 300 IN A 192.0.2.1",
	} {
		m, err := wire.NewMessage(question(t, "example.com A"), wire.NoError).WithRecords(wire.Answer, text)
		if err == nil {
			t.Errorf("%s: taken, as\n%s", why, m.Text())
			continue
		}
		if text != "" && !strings.Contains(err.Error(), "example.com") && !strings.Contains(err.Error(), "a.a.") {
			t.Errorf("%s: error %q does not quote the record", why, err)
		}
	}
}
