package export_test

import (
	"fmt"
	"io"
	"testing"

	"splitdns/matcher"
	"splitdns/zones/export"
)

// BenchmarkMillionNames exports a list of a million names, a fifth of them wildcards.
func BenchmarkMillionNames(b *testing.B) {
	var list matcher.ListBuilder
	for i := range 1_000_000 {
		star := ""
		if i%5 == 0 {
			star = "*."
		}
		list.AddPlain(fmt.Appendf(nil, "%shost%d.net%d.example", star, i, i%5000))
	}
	loaded := patternsOf()
	loaded[0].Rows[0].Patterns = list.List()
	for _, f := range export.Formats() {
		o := options(f.Name)
		x, err := export.New(loaded, o)
		if err != nil {
			continue // it has no names
		}
		b.Run(f.Name, func(b *testing.B) {
			for b.Loop() {
				if x, err = export.New(loaded, o); err != nil {
					b.Fatal(err)
				}
				if err := x.Write(io.Discard); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
