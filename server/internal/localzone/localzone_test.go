package localzone_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"splitdns/matcher"
	"splitdns/server/internal/localzone"
	"splitdns/server/internal/wire"
)

// name reads a name.
func name(t testing.TB, s string) matcher.Name {
	t.Helper()
	n, err := matcher.ParseName(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// zone reads a zone file that must be in order.
func zone(t testing.TB, origin, text string) *localzone.Zone {
	t.Helper()
	z, problems := localzone.ParseZone(strings.ReplaceAll(origin, ".", "-"), "file", name(t, origin), []byte(text))
	if z == nil {
		t.Fatalf("problems with %s:\n%v", origin, problems)
	}
	return z
}

// hosts reads a hosts file that must be in order.
func hosts(t testing.TB, table, text string) *localzone.Hosts {
	t.Helper()
	h, problems := localzone.ParseHosts(table, "file", []byte(text))
	if h == nil {
		t.Fatalf("problems with %s:\n%v", table, problems)
	}
	return h
}

// ask says in words what s answers to "NAME TYPE".
func ask(t testing.TB, s *localzone.Set, words string) string {
	t.Helper()
	qname, qtype, _ := strings.Cut(words, " ")
	typ, err := wire.ParseType(qtype)
	if err != nil {
		t.Fatal(err)
	}
	a, ok, err := s.Answer(wire.Question{Name: name(t, qname), Type: typ, Class: wire.ClassIN})
	switch {
	case !ok:
		return "elsewhere"
	case err != nil:
		return err.Error()
	}
	said := []string{a.Zone + ":", a.Message.Rcode().String()}
	packet, _ := wire.Response{Query: wire.Query{Question: a.Message.Question()}, Message: a.Message, Limit: 65535}.AppendWhole(nil)
	var m dns.Msg
	if err := m.Unpack(packet); err != nil {
		t.Fatalf("%s: %v", words, err)
	}
	for _, rr := range slices.Concat(m.Answer, m.Ns) {
		said = append(said, strings.Join(strings.Fields(strings.Replace(rr.String(), "IN", "", 1)), " "))
	}
	if !a.Next.IsZero() {
		said = append(said, "-> "+a.Next.String())
	}
	return strings.Join(said, "|")
}

// corp is a zone with one of everything.
const corp = `
$TTL 300
@            IN SOA ns hostmaster 7 3600 1200 604800 60
             IN NS  ns
             IN MX  10 mail
ns           IN A   192.0.2.1
www     600  IN A   192.0.2.2
        500  IN A   192.0.2.3 ; RFC 2181, section 5.2: all have the shorter TTL
www          IN AAAA 2001:db8::2
WWW2         IN CNAME Www
alias        IN CNAME alias2
alias2       IN CNAME www
away         IN CNAME www.example.net.
loop         IN CNAME loop2
loop2        IN CNAME loop
dangling     IN CNAME nothing
a.b.c        IN A   192.0.2.4
*.wild       IN A   192.0.2.5
*.wild       IN MX  20 mail
host.wild    IN TXT "here"
x.y.wild     IN A   192.0.2.6
*.alias.wild IN CNAME www
sub          IN NS  ns.sub
             IN DS  12345 13 2 49FD46E6C4B45C55D4AC69CBD3CD34AC1AFE51DE7F2F4C7D3BE5B9F4DA0C6D4A
ns.sub       IN A   192.0.2.7
moved        IN DNAME new.corp.example.
gone         IN DNAME example.net.
host.new     IN A   192.0.2.8
odd          IN TYPE65280 \# 4 0A000001
_svc         IN SVCB 1 www port=8443
tsub         IN CNAME host.sub
`

// negative is the SOA record of corp in a negative answer (RFC 2308, section 5: the lesser of its TTL and MINIMUM).
const negative = "corp.example. 60 SOA ns.corp.example. hostmaster.corp.example. 7 3600 1200 604800 60"

func TestZoneAnswers(t *testing.T) {
	s := localzone.NewSet([]*localzone.Zone{
		zone(t, "corp.example", corp),
		zone(t, "deep.corp.example", "@ 60 SOA ns h 1 2 3 4 5\nwww 60 A 192.0.2.99\nback 60 CNAME www.corp.example.\n"),
	}, nil)
	for words, want := range map[string]string{
		"www.corp.example A":         "NOERROR|www.corp.example. 500 A 192.0.2.2|www.corp.example. 500 A 192.0.2.3",
		"WWW.Corp.Example AAAA":      "NOERROR|www.corp.example. 300 AAAA 2001:db8::2",
		"www.corp.example TXT":       "NOERROR|" + negative,
		"corp.example SOA":           "NOERROR|corp.example. 300 SOA ns.corp.example. hostmaster.corp.example. 7 3600 1200 604800 60",
		"corp.example NS":            "NOERROR|corp.example. 300 NS ns.corp.example.",
		"corp.example A":             "NOERROR|" + negative,
		"nothing.corp.example A":     "NXDOMAIN|" + negative,
		"a.www.corp.example A":       "NXDOMAIN|" + negative,
		"odd.corp.example TYPE65280": `NOERROR|odd.corp.example. 300 CLASS1 TYPE65280 \# 4 0a000001`,
		"_svc.corp.example SVCB":     `NOERROR|_svc.corp.example. 300 SVCB 1 www.corp.example. port="8443"`,

		// RFC 1034, section 3.6.2.
		"www2.corp.example A":      "NOERROR|www2.corp.example. 300 CNAME Www.corp.example.|Www.corp.example. 500 A 192.0.2.2|Www.corp.example. 500 A 192.0.2.3",
		"alias.corp.example AAAA":  "NOERROR|alias.corp.example. 300 CNAME alias2.corp.example.|alias2.corp.example. 300 CNAME www.corp.example.|www.corp.example. 300 AAAA 2001:db8::2",
		"alias.corp.example MX":    "NOERROR|alias.corp.example. 300 CNAME alias2.corp.example.|alias2.corp.example. 300 CNAME www.corp.example.|" + negative,
		"alias.corp.example CNAME": "NOERROR|alias.corp.example. 300 CNAME alias2.corp.example.",
		"away.corp.example A":      "NOERROR|away.corp.example. 300 CNAME www.example.net.|-> www.example.net",
		"dangling.corp.example A":  "NXDOMAIN|dangling.corp.example. 300 CNAME nothing.corp.example.|" + negative,
		"loop.corp.example A":      "the CNAME chain in the local zone is a loop, or too long",
		"tsub.corp.example A":      "NOERROR|tsub.corp.example. 300 CNAME host.sub.corp.example.|-> host.sub.corp.example",

		// RFC 4592, section 2.2.2, and RFC 8020: an empty non-terminal exists.
		"b.c.corp.example A":   "NOERROR|" + negative,
		"c.corp.example TXT":   "NOERROR|" + negative,
		"d.b.c.corp.example A": "NXDOMAIN|" + negative,
		"a.b.c.corp.example A": "NOERROR|a.b.c.corp.example. 300 A 192.0.2.4",

		// RFC 4592, section 2.2.1: a wildcard covers names without data below it, and no others.
		"any.wild.corp.example A":         "NOERROR|any.wild.corp.example. 300 A 192.0.2.5",
		"any.wild.corp.example MX":        "NOERROR|any.wild.corp.example. 300 MX 20 mail.corp.example.",
		"any.wild.corp.example AAAA":      "NOERROR|" + negative,
		"deep.any.wild.corp.example A":    "NOERROR|deep.any.wild.corp.example. 300 A 192.0.2.5",
		"*.wild.corp.example A":           "NOERROR|*.wild.corp.example. 300 A 192.0.2.5",
		"wild.corp.example A":             "NOERROR|" + negative,
		"host.wild.corp.example A":        "NOERROR|" + negative,
		"host.wild.corp.example TXT":      `NOERROR|host.wild.corp.example. 300 TXT "here"`,
		"a.host.wild.corp.example A":      "NXDOMAIN|" + negative,
		"y.wild.corp.example A":           "NOERROR|" + negative, // an empty non-terminal keeps the wildcard away
		"z.y.wild.corp.example A":         "NXDOMAIN|" + negative,
		"q.alias.wild.corp.example AAAA":  "NOERROR|q.alias.wild.corp.example. 300 CNAME www.corp.example.|www.corp.example. 300 AAAA 2001:db8::2",
		"q.alias.wild.corp.example CNAME": "NOERROR|q.alias.wild.corp.example. 300 CNAME www.corp.example.",

		// RFC 8482, section 4.2.
		"www.corp.example ANY":     `NOERROR|www.corp.example. 60 HINFO "RFC8482" ""`,
		"c.corp.example ANY":       "NOERROR|" + negative,
		"nothing.corp.example ANY": "NXDOMAIN|" + negative,

		// Delegations: RFC 4035, section 3.1.4.1, for DS.
		"sub.corp.example A":     "elsewhere",
		"sub.corp.example NS":    "elsewhere",
		"ns.sub.corp.example A":  "elsewhere",
		"a.b.sub.corp.example A": "elsewhere",
		"sub.corp.example DS":    "NOERROR|sub.corp.example. 300 DS 12345 13 2 49FD46E6C4B45C55D4AC69CBD3CD34AC1AFE51DE7F2F4C7D3BE5B9F4DA0C6D4A",

		// RFC 6672, sections 2.2 and 3.2.
		"host.moved.corp.example A": "NOERROR|moved.corp.example. 300 DNAME new.corp.example.|host.moved.corp.example. 300 CNAME host.new.corp.example.|host.new.corp.example. 300 A 192.0.2.8",
		"moved.corp.example DNAME":  "NOERROR|moved.corp.example. 300 DNAME new.corp.example.",
		"moved.corp.example A":      "NOERROR|" + negative,
		"www.gone.corp.example A":   "NOERROR|gone.corp.example. 300 DNAME example.net.|www.gone.corp.example. 300 CNAME www.example.net.|-> www.example.net",

		"corp.example.net A": "elsewhere",
		"xcorp.example A":    "elsewhere",
		"example A":          "elsewhere",
	} {
		if !strings.HasPrefix(want, "elsewhere") && !strings.HasPrefix(want, "the ") {
			want = "corp-example:|" + want
		}
		if got := ask(t, s, words); got != want {
			t.Errorf("%s:\n%s, want\n%s", words, got, want)
		}
	}
	for words, want := range map[string]string{
		// The longest zone wins, and what it does not have does not exist.
		"www.deep.corp.example A":     "deep-corp-example:|NOERROR|www.deep.corp.example. 60 A 192.0.2.99",
		"x.deep.corp.example A":       "deep-corp-example:|NXDOMAIN|deep.corp.example. 5 SOA ns.deep.corp.example. h.deep.corp.example. 1 2 3 4 5",
		"back.deep.corp.example AAAA": "deep-corp-example:|NOERROR|back.deep.corp.example. 60 CNAME www.corp.example.|www.corp.example. 300 AAAA 2001:db8::2",
	} {
		if got := ask(t, s, words); got != want {
			t.Errorf("%s:\n%s, want\n%s", words, got, want)
		}
	}
}

func TestDNAMEThatMakesTooLongANameIsYXDOMAIN(t *testing.T) {
	long := strings.Repeat("a23456789.", 11)
	s := localzone.NewSet([]*localzone.Zone{zone(t, "corp.example", "@ 60 SOA ns h 1 2 3 4 5\nd 60 DNAME "+strings.Repeat("b23456789.", 15)+"\n")}, nil)
	if got := ask(t, s, long+"d.corp.example A"); !strings.Contains(got, "YXDOMAIN") {
		t.Errorf("%s, want YXDOMAIN (RFC 6672, section 2.2)", got)
	}
}

func TestHostsAnswer(t *testing.T) {
	s := localzone.NewSet(
		[]*localzone.Zone{zone(t, "corp.example", corp)},
		[]*localzone.Hosts{
			hosts(t, "first", "# the office\n192.0.2.20 Printer.corp.example printer\n2001:db8::20\tprinter # IPv6\n192.0.2.20 other.corp.example\n::ffff:192.0.2.21 mapped\n"),
			hosts(t, "second", "192.0.2.22 printer\n192.0.2.20 copy.example\n"),
		})
	for words, want := range map[string]string{
		"printer A":                   "first:|NOERROR|printer. 60 A 192.0.2.20|printer. 60 A 192.0.2.22",
		"printer AAAA":                "first:|NOERROR|printer. 60 AAAA 2001:db8::20",
		"printer.corp.example A":      "first:|NOERROR|printer.corp.example. 60 A 192.0.2.20",
		"printer.corp.example MX":     "first:|NOERROR|printer.corp.example. 60 SOA printer.corp.example. nobody.invalid. 1 3600 1200 604800 60",
		"printer ANY":                 `first:|NOERROR|printer. 60 HINFO "RFC8482" ""`,
		"a.printer A":                 "elsewhere",
		"20.2.0.192.in-addr.arpa PTR": "first:|NOERROR|20.2.0.192.in-addr.arpa. 60 PTR printer.corp.example.",
		"20.2.0.192.in-addr.arpa A":   "first:|NOERROR|20.2.0.192.in-addr.arpa. 60 SOA 20.2.0.192.in-addr.arpa. nobody.invalid. 1 3600 1200 604800 60",
		"22.2.0.192.in-addr.arpa PTR": "second:|NOERROR|22.2.0.192.in-addr.arpa. 60 PTR printer.",
		"99.2.0.192.in-addr.arpa PTR": "elsewhere",
		"mapped A":                    "first:|NOERROR|mapped. 60 A 192.0.2.21",
		"0.2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa PTR": "first:|NOERROR|0.2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa. 60 PTR printer.",
		"www.corp.example AAAA": "corp-example:|NOERROR|www.corp.example. 300 AAAA 2001:db8::2",
	} {
		if got := ask(t, s, words); got != want {
			t.Errorf("%s:\n%s, want\n%s", words, got, want)
		}
	}
}

func TestZoneProblems(t *testing.T) {
	const soa = "@ 60 SOA ns h 1 2 3 4 5\n"
	for text, want := range map[string]string{
		"":                                     `file: no SOA record for corp.example; begin the file with one, such as "@ 3600 IN SOA ns hostmaster 1 3600 1200 604800 300"`,
		soa + "@ 60 SOA other h 1 2 3 4 5\n":   "file:2: corp.example has 2 SOA records; want one",
		soa + "www SOA ns h 1 2 3 4 5\n":       "file:2: www.corp.example has a SOA record; only the zone's own name, corp.example, has one",
		soa + "www A 192.0.2\n":                `file:2: "192.0.2" is no IPv4 address; want data such as "192.0.2.1"`,
		soa + "\n\n; a comment\nwww WHAT 5\n":  `file:5: "WHAT" is neither a record type nor a TTL; want a line such as "www 3600 IN A 192.0.2.1"`,
		soa + "www.example.net. A 192.0.2.1\n": "file:2: www.example.net is outside of the zone corp.example; a relative name ends without a dot",
		soa + "a (\nA\n192.0.2.1\n)\nb CNAME c\n\nb A 192.0.2.1\nc CNAME a\nc CNAME b\n": "file:8: b.corp.example has a CNAME record and others; a CNAME record stands alone (RFC 2181, section 10.1)\n" +
			"file:10: c.corp.example has 2 CNAME records; want one (RFC 2181, section 10.1)",
		soa + "a CH TXT x\n":                         "file:2: a.corp.example: class CH; want IN",
		soa + "a TYPE250 \\# 0\n":                    "file:2: a.corp.example.: TSIG is no type that a record can have",
		soa + "\n$generate 0-65535 h$ A 192.0.2.1\n": "file:3: $GENERATE is not supported; write the records out",
		soa + "$INCLUDE /etc/passwd\n":               "file:2: $INCLUDE is not supported; put the records into this file, or into a local zone of their own",
		soa + "d DNAME example.\nd DNAME example.net.\nx.d A 192.0.2.1\n": "file:3: d.corp.example has 2 DNAME records; want one (RFC 6672, section 2.4)\n" +
			"file:4: x.d.corp.example stands below the DNAME record of d.corp.example and is never found (RFC 6672, section 2.4)",
		soa + "a TYPE1 \\# 3 0A0000\n":                   `file:2: A: dns: overflow unpacking a: " "`,
		soa + "; " + strings.Repeat("x", 600<<10) + "\n": "file:2: the line has more than 524288 octets",
	} {
		z, problems := localzone.ParseZone("corp", "file", name(t, "corp.example"), []byte(text))
		if z != nil {
			t.Errorf("%.80q is accepted", text)
		}
		if got := strings.TrimSpace(problems.String()); !strings.HasPrefix(got, want) {
			t.Errorf("%.80q:\n%s, want\n%s", text, got, want)
		}
	}
}

func TestZoneWarnings(t *testing.T) {
	text := corp + "www RRSIG A 13 3 300 20300101000000 20200101000000 1 corp.example. AAAA\n"
	z, problems := localzone.ParseZone("corp", "file", name(t, "corp.example"), []byte(text))
	want := "warning: RRSIG, NSEC, NSEC3 and NSEC3PARAM records are left out"
	if z == nil || !strings.Contains(problems.String(), want) {
		t.Errorf("problems %v, want %s", problems, want)
	}
}

func TestHostsProblems(t *testing.T) {
	for text, want := range map[string]string{
		"192.0.2.1\n":               `file:1: "192.0.2.1" has no name; add one behind it, or leave out the line`,
		"\nprinter 192.0.2.1\n":     `file:2: "printer" is no address; want lines such as "192.0.2.1 printer.example"`,
		"fe80::1%eth0 printer\n":    `file:1: "fe80::1%eth0": an interface has no place here; write "fe80::1"`,
		"192.0.2.1 a..b\n":          `file:1: name "a..b": empty label: two dots with nothing between them, or a dot too many at an end`,
		"192.0.2.1 .\n":             `file:1: ".": the root is no host`,
		strings.Repeat("x", 70_000): "file:1: the line has more than 65536 octets; want an address and its names",
	} {
		h, problems := localzone.ParseHosts("corp", "file", []byte(text))
		if got := strings.TrimSpace(problems.String()); h != nil || got != want {
			t.Errorf("%.80q: %s, want %s", text, got, want)
		}
	}
}

func TestManyRecordsAreRefused(t *testing.T) {
	text := "@ 60 SOA ns h 1 2 3 4 5\n" + strings.Repeat("a A 192.0.2.1\n", 500_001)
	z, problems := localzone.ParseZone("corp", "file", name(t, "corp.example"), []byte(text))
	if want := "file:500001: more than 500000 records"; z != nil || strings.TrimSpace(problems.String()) != want {
		t.Errorf("%v, want %s", problems, want)
	}
}

func TestLookingForLocalZonesDoesNotAllocate(t *testing.T) {
	s := localzone.NewSet([]*localzone.Zone{zone(t, "corp.example", corp)}, []*localzone.Hosts{hosts(t, "a", "192.0.2.1 printer\n")})
	q := wire.Question{Name: name(t, "www.apple.com"), Type: wire.TypeA, Class: wire.ClassIN}
	for _, set := range []*localzone.Set{s, nil} {
		if n := testing.AllocsPerRun(1000, func() { _, _, _ = set.Answer(q) }); n != 0 {
			t.Errorf("looking for a name allocates %v times, want 0", n)
		}
	}
}

// FuzzZone holds that no zone file makes the parser fail other than by saying so, and that
// what it accepts can be asked for anything.
func FuzzZone(f *testing.F) {
	f.Add([]byte(corp), "a.www.corp.example", uint16(1))
	f.Add([]byte("@ SOA ns h 1 2 3 4 5\n* CNAME *\n"), "x.corp.example", uint16(255))
	f.Add([]byte("@ SOA ns h 1 2 3 4 5\n@ DNAME x\n"), "a.b.corp.example", uint16(28))
	f.Fuzz(func(t *testing.T, data []byte, qname string, qtype uint16) {
		z, problems := localzone.ParseZone("corp", "file", name(t, "corp.example"), data)
		if z == nil {
			if !problems.Errors() {
				t.Error("no zone, and no problem")
			}
			return
		}
		n, err := matcher.ParseName(qname)
		if err != nil {
			return
		}
		a, ok, err := localzone.NewSet([]*localzone.Zone{z}, nil).Answer(wire.Question{Name: n, Type: wire.Type(qtype), Class: wire.ClassIN})
		if !ok || err != nil {
			return
		}
		packet, _ := wire.Response{Query: wire.Query{Question: a.Message.Question()}, Message: a.Message, Limit: 65535}.AppendWhole(nil)
		if m := new(dns.Msg); m.Unpack(packet) != nil {
			t.Errorf("the response to %v cannot be read: %x", n, packet)
		}
	})
}

// FuzzHosts holds that no hosts file makes the parser fail other than by saying so, and that
// every name that it accepts has an answer.
func FuzzHosts(f *testing.F) {
	f.Add([]byte("192.0.2.1 printer.corp.example printer # here\n::1 localhost\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		h, problems := localzone.ParseHosts("a", "file", data)
		if h == nil && !problems.Errors() {
			t.Error("no hosts, and no problem")
		}
		if h == nil {
			return
		}
		s := localzone.NewSet(nil, []*localzone.Hosts{h})
		for line := range strings.Lines(string(data)) {
			line, _, _ = strings.Cut(line, "#")
			if words := strings.Fields(line); len(words) > 1 {
				if n, err := matcher.ParseName(words[1]); err == nil {
					if _, ok, _ := s.Answer(wire.Question{Name: n, Type: wire.TypeA, Class: wire.ClassIN}); !ok {
						t.Errorf("%v has no answer", n)
					}
				}
			}
		}
	})
}
