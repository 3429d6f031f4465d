package importer_test

import (
	"fmt"
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

// TestHolesMakeNoFlood takes hundreds of thousands of single addresses out of all of IPv6: that would
// be some hundred prefixes for each.
func TestHolesMakeNoFlood(t *testing.T) {
	var b strings.Builder
	for i := range 100_000 {
		fmt.Fprintf(&b, `,{"ipv6Prefix":"2%03x:%x::%x:1/128","service":"x"}`, i%4096, i*2654435761%65536, i%251)
	}
	_, err := importer.Read([]importer.Document{
		{Name: "goog.json", Data: []byte(`{"prefixes":[{"ipv6Prefix":"2000::/3"}]}`)},
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
