package localzone_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"splitdns/server/internal/localzone"
)

const soa = "@ 60 SOA ns.example. h 1 2 3 4 5\n"

// problemsOf are the problems of a zone file about corp.example, one a line.
func problemsOf(t *testing.T, text string) string {
	t.Helper()
	_, problems := localzone.ParseZone("corp", "file", name(t, "corp.example"), []byte(text))
	return problems.String()
}

func TestEveryProblemOfAFileIsFound(t *testing.T) {
	text := "$ORIGIN corp.example.\n" + soa + "a A 10.0.0.300\n" + // line 3
		"b A (\n\n10.0.0.400\n) ; behind\n" + // 4 to 7
		"  A 10.0.0.500\n" + // 8: of b
		"c MX mail\nd WHAT 5\n" + // 9, 10
		"b CNAME c\n  A 192.0.2.1\n" + // 11, 12
		"e A\nf A 192.0.2.1 rest\n" + // 13, 14
		"g TXT \"open\nh AAAA 192.0.2.1\n" + // 15, 16
		"i 4294967295 A 192.0.2.1\nwww.example.net. A 192.0.2.1\n$GENERATE 1-2 a$ A 192.0.2.1\nj IN\n" + // 17 to 20
		"k A 1.2.3"
	want := `file:3: "10.0.0.300" is no IPv4 address; want data such as "192.0.2.1"
file:6: "10.0.0.400" is no IPv4 address; want data such as "192.0.2.1"
file:8: "10.0.0.500" is no IPv4 address; want data such as "192.0.2.1"
file:9: "mail" is out of place in an MX record; want data such as "10 mail"
file:10: "WHAT" is neither a record type nor a TTL; want a line such as "www 3600 IN A 192.0.2.1"
file:12: b.corp.example has a CNAME record and others; a CNAME record stands alone (RFC 2181, section 10.1)
file:13: an A record ends too early; want data such as "192.0.2.1"
file:14: "rest" stands behind the end of the record; leave it out, or put a ; before it if it is a comment
`
	got := problemsOf(t, text)
	if head, _, _ := strings.Cut(got, "file:15:"); head != want {
		t.Errorf("problems (-want +got):\n%s", cmp.Diff(want, head))
	}
	for _, want := range []string{
		"file:15: the text of a TXT record is more than one can have, or in quotes that do not end",
		`file:16: "192.0.2.1" is no IPv6 address`, "file:17: the TTL is 4294967295 seconds, and 2147483647 are the most",
		"file:18: www.example.net is outside of the zone", "file:19: $GENERATE is not supported", "file:20: ",
		`file:21: "1.2.3" is no IPv4 address`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
}

func TestFaultsAreBounded(t *testing.T) {
	got := problemsOf(t, soa+strings.Repeat("a A 1\n", 1000))
	if want := "file:21: the rest of the file is not read: so many problems are enough for once\n"; strings.Count(got, "\n") != 21 || !strings.HasSuffix(got, want) {
		t.Errorf("%s, want 20 problems and %s", got, want)
	}
}

func TestOtherFormatsAreNamed(t *testing.T) {
	for line, want := range map[string]string{
		"address=/printer.corp.example/10.0.0.9": "a line of dnsmasq's configuration, and this is a zone file",
		"host-record=printer,10.0.0.9":           "a line of dnsmasq's configuration, and this is a zone file",
		"10.0.0.9 printer":                       "looks like a line of a hosts file, and this is a zone file; set format = \"hosts\"",
		"local-data: \"printer A 10.0.0.9\"":     "a line of another server's configuration",
		"a SRV 1 2 sip":                          `"sip" is out of place in an SRV record; want data such as "10 5 5060 sip"`,
		"a TYPE":                                 `"a TYPE": the record type is not known; want a line such as`,
		"$TTL week":                              `"week" is neither a record type nor a TTL`,
	} {
		got := problemsOf(t, soa+line+"\n")
		if line == "$TTL week" {
			want = `"week" is no TTL; want a line such as "$TTL 3600"`
		}
		if !strings.Contains(got, want) {
			t.Errorf("%s: %s, want %s", line, got, want)
		}
	}
}

func TestZoneAdvice(t *testing.T) {
	for records, want := range map[string]string{
		"a CNAME 192.0.2.1\n":                        `the CNAME record of a.corp.example leads to "192.0.2.1", which is a name and looks like an address; an A or AAAA record has one`,
		"a CNAME 192.0.2.1.\n":                       `the CNAME record of a.corp.example leads to "192.0.2.1", which is a name and looks like an address; an A or AAAA record has one`,
		"a MX 10 192.0.2.1\n":                        `the MX record of a.corp.example leads to "192.0.2.1", which is a name and looks like an address; an A or AAAA record has one`,
		"a MX 10 mail\n":                             "the MX record of a.corp.example leads to mail.corp.example, which has no address in this zone",
		"a SRV 1 2 3 b\nb TXT x\n":                   "the SRV record of a.corp.example leads to b.corp.example, which has no address in this zone",
		"a SRV 1 2 3 b\nb AAAA 2001:db8::1\n":        "",
		"sub NS ns.sub\n":                            "",
		"a MX 10 mail.example.\nb MX 0 .\n":          "",
		"@ NS ns\n":                                  "the NS record of corp.example leads to ns.corp.example, which has no address in this zone",
		"a CNAME b\nb CNAME c\nc CNAME b\n":          "the CNAME records of b.corp.example lead back to it: nobody gets an answer",
		"a CNAME b\nb CNAME c\nc A 192.0.2.1\n":      "",
		"* CNAME 1.2.3.4.in-addr.arpa.\n":            "",
		"b\u00fcro A 192.0.2.1\n":                    "has letters outside of ASCII, which clients do not ask for: they ask for its form that begins with xn--",
		"a TXT \"b\u00fcro\"\nxn--bro-hoa CNAME a\n": "",
	} {
		got := problemsOf(t, soa+records)
		if n := strings.Count(got, "\n"); want == "" && got != "" || want != "" && n != 1 || !strings.Contains(got, want) || n == 1 && !strings.Contains(got, ": warning: ") {
			t.Errorf("%q: %s, want %s", records, got, fmt.Sprintf("the warning %q", want))
		}
	}
}
