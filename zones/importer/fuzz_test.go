package importer_test

import (
	"testing"

	"splitdns/zones/importer"
)

// FuzzRead reads any octets as any format: without a panic, and what is read is in files that
// are read again without a problem, as the same zones.
func FuzzRead(f *testing.F) {
	names := importer.Formats()
	f.Add(uint8(0), []byte("a.example\n"), []byte(""))
	for _, data := range archived(f) {
		for i, name := range append(importer.LooksLike(data), "") {
			f.Add(formatNumber(names, name), data, []byte(nil))
			if i == 0 {
				f.Add(uint8(0), data, data)
			}
		}
	}
	for _, page := range testdataPages(f) {
		f.Add(uint8(0), page, []byte(nil))
	}
	f.Fuzz(func(t *testing.T, format uint8, first, second []byte) {
		name := ""
		if n := int(format) % (len(names) + 1); n > 0 {
			name = names[n-1]
		}
		documents := []importer.Document{{Name: "first_20260615.json", Data: first, Format: name}}
		if len(second) > 0 {
			documents = append(documents, importer.Document{Name: "second", Data: second})
		}
		result, err := importer.Read(documents, importer.Options{})
		if err != nil {
			return
		}
		if len(result.Zones) == 0 {
			t.Error("neither a zone nor an error")
		}
		wellFormed(t, result)
	})
}

// formatNumber is how the fuzz test says a format; 0 for none.
func formatNumber(names []string, name string) uint8 {
	for i, n := range names {
		if n == name {
			return uint8(i + 1)
		}
	}
	return 0
}
