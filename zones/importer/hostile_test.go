package importer_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"splitdns/zones/importer"
)

// patience is many times what each of the documents takes, and a fraction of what they took
// while the time grew with the square of their size.
const patience = 15 * time.Second

func TestHostileDocumentsTakeLinearTime(t *testing.T) {
	const n = 40_000
	members := func(prefix string) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, `,"%s%d":"1"`, prefix, i)
		}
		return b.String()[1:]
	}
	for name, texts := range map[string][]string{
		"labels beside names": {"| a | b |\n|---|---|\n|" + strings.Repeat("a.bc ", n) + "|" + strings.Repeat("abc|", n) + "\n"},
		"relative origins":    {"@ SOA a b 1 1 1 1 1\na CNAME .\n" + strings.Repeat("$ORIGIN a\n", 3*n)},
		"long origins":        {"@ SOA a b 1 1 1 1 1\na CNAME .\n" + strings.Repeat("$ORIGIN "+strings.Repeat("a", 4000)+"\n", n/4)},
		"properties of sets": {
			`[{"id":1,"serviceArea":"Exchange","urls":["a.example"]}]`,
			`[{"id":1,"endpointSetId":1,"disposition":"Change","previous":{` + members("a") + `},"current":{` + members("b") + `}}]`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			var documents []importer.Document
			for _, text := range texts {
				documents = append(documents, importer.Document{Name: "d", Data: []byte(text)})
			}
			start := time.Now()
			if _, err := importer.Read(documents, importer.Options{}); err != nil {
				t.Error(err)
			}
			if took := time.Since(start); took > patience {
				t.Errorf("took %v", took)
			}
		})
	}
}

// TestHolesMakeNoFlood takes hundreds of thousands of single addresses out of a wide prefix: that would
// be some hundred prefixes for each.
func TestHolesMakeNoFlood(t *testing.T) {
	var b strings.Builder
	for i := range 100_000 {
		fmt.Fprintf(&b, `,{"ipv6Prefix":"2000:%x:%x::%x:1/128","service":"x"}`, i%8192, i*2654435761%65536, i%251)
	}
	_, err := importer.Read([]importer.Document{
		{Name: "goog.json", Data: []byte(`{"prefixes":[{"ipv6Prefix":"2000::/19"}]}`)},
		{Name: "cloud.json", Data: []byte(`{"prefixes":[` + b.String()[1:] + `]}`)},
	}, importer.Options{})
	if err == nil || !strings.Contains(err.Error(), "goog.json: less those of the cloud: more than 2000000 names and prefixes") {
		t.Errorf("%v", err)
	}
}

func TestLargeXMLIsRefused(t *testing.T) {
	text := "<WNSPublicIpAddresses><a " + strings.Repeat(`a="" `, 1<<20) + "/></WNSPublicIpAddresses>"
	_, err := importer.Read([]importer.Document{{Name: "d", Data: []byte(text)}}, importer.Options{})
	if err == nil || !strings.Contains(err.Error(), "XML of more than 4 MiB") {
		t.Errorf("%v", err)
	}
}

// TestWhatWouldOpenPinsIsDoubted has documents that slip in what no list of endpoints has.
func TestWhatWouldOpenPinsIsDoubted(t *testing.T) {
	for text, want := range map[string]string{
		"a.example\n0.0.0.0/0\n":       "d:2: doubted: 0.0.0.0/0: not taken over: wider than /8: so much nobody has",
		"a.example\n8000::/1\n":        "d:2: doubted: 8000::/1: not taken over: wider than /19: so much nobody has",
		"a.example\n127.0.0.1\n":       "d:2: doubted: 127.0.0.1: not taken over: loopback addresses",
		"a.example\n169.254.169.254\n": "d:2: doubted: 169.254.169.254: not taken over: link-local addresses",
		"a.example\n10.0.0.0/8\n":      "d:2: doubted: 10.0.0.0/8: private addresses, which nobody has on the internet: with them a pin lets names lead into one's own network",
		"a.example\n*.co.uk\n":         `d:2: doubted: "*.co.uk" takes in names of everybody`,
		`[{"id":1,"serviceArea":"Exchange","urls":["7-courier.push.apple.com"],"ips":["198.51.100.0/24"]}]`: `d:1: doubted: "7-courier.push.apple.com" is of zone apple-push of Apple: a pin of it would let these ranges through, too`,
		`[{"id":1,"serviceArea":"Exchange","urls":["*.com"],"ips":["198.51.100.0/24"]}]`:                    `d:1: doubted: "*.com" is of zone apple-push of Apple: a pin of it would let these ranges through, too`,
	} {
		result, err := importer.Read([]importer.Document{{Name: "d", Data: []byte(text)}}, importer.Options{Zone: "z"})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, n := range result.Notes {
			got = append(got, n.String())
		}
		if !slices.Contains(got, want) {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
