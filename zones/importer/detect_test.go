package importer_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"splitdns/zones/importer"
)

// TestEachDocumentHasOneFormat shows every document of the archives to every format: one
// takes it for its own, after which the archive is called.
func TestEachDocumentHasOneFormat(t *testing.T) {
	for name, data := range archived(t) {
		archive, _, _ := strings.Cut(name, ".")
		want, _, _ := strings.Cut(archive, "-")
		got := importer.LooksLike(data)
		if want == "apple" && strings.Contains(string(data), "|---|") && len(got) == 2 && got[1] == "ms-learn" {
			got = got[:1] // its table is Markdown as well, and Apple's columns are asked for first
		}
		if !slices.Equal(got, []string{want}) {
			t.Errorf("%s looks like %q, want %s", name, got, want)
		}
	}
	for i, page := range testdataPages(t) {
		if got := importer.LooksLike(page); !slices.Equal(got, []string{"ms-learn"}) {
			t.Errorf("page %d looks like %q, want ms-learn", i, got)
		}
	}
}

// archived are the documents of testdata/formats by the name of their archive.
func archived(t testing.TB) map[string][]byte {
	files, err := filepath.Glob("testdata/formats/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	documents := make(map[string][]byte)
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		read, _, _ := asked(archive)
		for _, d := range read {
			documents[filepath.Base(file)+"/"+d.Name] = d.Data
		}
	}
	return documents
}

// TestOtherTextsHaveNoFormat shows texts that are no lists of endpoints.
func TestOtherTextsHaveNoFormat(t *testing.T) {
	for name, text := range map[string]string{
		"JSON of another shape":     `{"records": [{"name": "a.example"}]}`,
		"a list in JSON":            `["a.example", "b.example"]`,
		"objects of another shape":  `[{"id": 1, "name": "a.example"}]`,
		"prose":                     "This page lists hosts.\nThey are a.example and b.example.\n",
		"answers of dig":            "a.example. 60 IN CNAME b.example.\nb.example. 60 IN A 192.0.2.1\n",
		"a zone without a policy":   "@ SOA ns. admin. 1 1 1 1 1\n@ NS ns.\nwww A 192.0.2.1\n",
		"TOML":                      "title = \"x\"\n[rule.a]\nnames = [\"a.example\"]\n",
		"other XML":                 "<?xml version=\"1.0\"?><feed><a/></feed>",
		"another RSS feed":          "<rss version=\"2.0\"><channel><guid>7</guid></channel></rss>",
		"CSV":                       "id,name,ports\n1,a.example,443\n2,b.example,443\n",
		"a table of something else": "| a.example | yes | no |\n| b.example | yes | no |\n",
		"options without names":     "no-resolv\ncache-size=1000\n",
		"comments":                  "# nothing\n! at all\n",
	} {
		t.Run(name, func(t *testing.T) {
			if got := importer.LooksLike([]byte(text)); len(got) > 0 {
				t.Errorf("it looks like %q", got)
			}
			_, err := importer.Read([]importer.Document{{Name: "x", Data: []byte(text)}}, importer.Options{})
			if err == nil || !strings.Contains(err.Error(), "x: the shape of no known format") {
				t.Errorf("error %v", err)
			}
		})
	}
}

// TestFormatsByTheirOrder holds the order in which formats are tried.
func TestFormatsByTheirOrder(t *testing.T) {
	all := importer.Formats()
	for _, pair := range [][2]string{{"adguard", "v2fly"}, {"adguard", "hosts"}, {"v2fly", "names"}, {"hosts", "names"}, {"apple", "hosts"}} {
		if slices.Index(all, pair[0]) < 0 || slices.Index(all, pair[0]) > slices.Index(all, pair[1]) {
			t.Errorf("%s does not come before %s in %q", pair[0], pair[1], all)
		}
	}
}

// TestRefusals shows documents that are refused whole, and what is said.
func TestRefusals(t *testing.T) {
	long := func(n int, line string) string { return strings.Repeat(line, n) }
	for name, test := range map[string]struct{ format, text, want string }{
		"a page":                {"", "\ufeff \n<!DOCTYPE html><html><body>a.example</body></html>", "web page"},
		"a page with a comment": {"servicetags", "<!-- x --><html>", "web page"},
		"a page as JSON":        {"servicetags", "<html>gone</html>", "web page"},
		"a PAC file":            {"", "function FindProxyForURL(url, host) { return \"DIRECT\"; }", "PAC file"},
		"packed":                {"", "\x1f\x8b\x08\x00rest", "compressed"},
		"a zone file":           {"", "title = \"x\"\n[row.a]\nnames = [\"a.example\"]\n", "zone file already"},
		"a row at once":         {"", "[row.a]\nnames = [\"a.example\"]\n", "zone file already"},
		"UTF-16":                {"", "a\x00.\x00b\x00", "not text in UTF-8"},
		"no JSON":               {"servicetags", "gone", "line 1: invalid character"},
		"JSON cut off":          {"", "{\"changeNumber\": 1, \"values\": [\n{\"name\": \"A\", \"properties\": {\"addressPrefixes\": [\"192.0.2.0/24\"\n,\n", "line 3: the document ends in the middle"},
		"JSON with a mistake":   {"", "{\"prefixes\": [{\"ipv4Prefix\": \"192.0.2.0/24\"},\n\n,]}", "line 3: invalid character"},
		"JSON with a rest":      {"", "{\"prefixes\": [{\"ipv4Prefix\": \"192.0.2.0/24\"}]}\n{}", "line 2: there is more"},
		"deep JSON":             {"google", "{\"prefixes\": " + long(100, "["), "deep"},
		"deep JSON to the end":  {"m365", long(5000, "[\n"), "line 13: values within values"},
		"a tag without a name":  {"", "{\"values\": [{\"properties\": {\"addressPrefixes\": []}}]}", "line 1: want a tag"},
		"a set without a number": {
			"", "[{\"id\": 1, \"serviceArea\": \"x\"},\n{\"serviceArea\": \"x\"}]", "line 2: want a set with an id",
		},
		"sets that are an object":    {"m365", "{}", "want a list of sets"},
		"changes alone":              {"", "[{\"endpointSetId\": 1, \"disposition\": \"Change\"}]", "together with the document of /endpoints"},
		"no changes, alone":          {"", " [\n]\n", "together with the document of /endpoints"},
		"a change without a set":     {"", "[{\"endpointSetId\": \"x\", \"disposition\": \"Change\"}]", "want a change with an endpointSetId"},
		"a version alone":            {"", "{\"instance\": \"Worldwide\", \"latest\": \"2026063000\"}", "together with the document of /endpoints"},
		"no version":                 {"", "{\"instance\": \"Worldwide\", \"latest\": \"2026993000\"}", "ten digits"},
		"a feed cut off":             {"", "<rss><channel><item>\n<guid>2026063000</guid>", "line 2: the document ends in the middle"},
		"a cloud alone":              {"", "{\"prefixes\": [{\"ipv4Prefix\": \"192.0.2.0/24\", \"scope\": \"x\"}]}", "goog.json"},
		"no prefix at all":           {"", "{\"prefixes\": [{\"ipv4Prefix\": \"x\"}]}", "no name and no prefix"},
		"prefixes that are no list":  {"google", "{\"prefixes\": 1}", "line 1: want an object"},
		"XML cut off":                {"", "<WNSPublicIpAddresses>\n<ClientDNS>\n", "line 2: the document ends in the middle"},
		"XML with entities":          {"", "<!DOCTYPE x [<!ENTITY a \"b\">]>\n<WNSPublicIpAddresses>&a;</WNSPublicIpAddresses>", "document type declaration"},
		"XML with an unknown entity": {"", "<WNSPublicIpAddresses>&a;</WNSPublicIpAddresses>", "invalid character entity"},
		"deep XML":                   {"", "<WNSPublicIpAddresses>" + long(100, "<a>"), "deep"},
		"XML in an odd encoding":     {"", "<?xml version=\"1.0\" encoding=\"EBCDIC\"?><WNSPublicIpAddresses/>", "want UTF-8"},
		"XML of something else":      {"wns", "<a><WNSPublicIpAddresses/></a>", "want WNSPublicIpAddresses"},
		"no XML":                     {"wns", "text", "no element of XML"},
		"hosts of the machine only":  {"", "127.0.0.1 localhost\n0.0.0.0 !.example\n", "the shape of no known"},
		"only comments as a list":    {"names", "# a\n", "no name and no prefix"},
		"entries that are no list":   {"apple", "{\"entries\": {}}", "want an object with a list of entries"},
		"too many rows":              {"", long(10_100, "a.example 443 TCP x\n"), "more than 10000 rows"},
		"too many lines":             {"names", "a.example\n" + long(4_000_001, "\n"), "more than 4000000 lines"},
		"a row that nobody has":      {"", "a.example\nb.example\n", "no row is called"},
	} {
		t.Run(name, func(t *testing.T) {
			o := importer.Options{}
			if name == "a row that nobody has" {
				o.Only = []string{"lost"}
			}
			_, err := importer.Read([]importer.Document{{Name: "x", Data: []byte(test.text), Format: test.format}}, o)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want one with %q", err, test.want)
			}
		})
	}
}

// TestNotesAreBounded counts what is noted of a list that is wrong throughout.
func TestNotesAreBounded(t *testing.T) {
	text := "a.example\n" + strings.Repeat("!.example x\n", 3) + strings.Repeat("two words\n", 20_000) + strings.Repeat("a.example\n", 20_000)
	r, err := importer.Read([]importer.Document{{Name: "x", Data: []byte(text), Format: "names"}}, importer.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Notes) > 600 {
		t.Errorf("%d notes", len(r.Notes))
	}
	all := noteText(r.Notes)
	for _, want := range []string{"and 19500 more of the kind, the last in line 20004", "further up already (20000 times, the last in line 40004)"} {
		if !strings.Contains(all, want) {
			t.Errorf("no note says %q", want)
		}
	}
}

// TestRowsOfOneName reads thousands of rows of one name, which must not take time with their square.
func TestRowsOfOneName(t *testing.T) {
	var text []byte
	for port := range 9_000 {
		text = fmt.Appendf(text, "a.example %d TCP x\n", port+1)
	}
	r, err := importer.Read([]importer.Document{{Name: "x", Data: text}}, importer.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if last := r.Zones[0].Rows[8_999].Name; last != "a-example-9000" {
		t.Errorf("the last row is called %s", last)
	}
}

// TestSourceIsTheAddress shows what of an address a zone keeps.
func TestSourceIsTheAddress(t *testing.T) {
	for name, want := range map[string]string{
		"https://user:secret@lists.example/a.txt?token=1#x": "https://lists.example/a.txt",
		"lists/a.txt":               "",
		"ftp://lists.example/a.txt": "",
	} {
		r, err := importer.Read([]importer.Document{{Name: name, Data: []byte("a.example\n")}}, importer.Options{})
		if err != nil || r.Zones[0].Source != want {
			t.Errorf("%s: source %q, %v, want %q", name, r.Zones[0].Source, err, want)
		}
	}
}

// TestLongLines shows that a line without end is left out.
func TestLongLines(t *testing.T) {
	text := "a.example\n" + strings.Repeat("x", 5000) + "\n" + strings.Repeat("y", 1000) + "\n"
	r, err := importer.Read([]importer.Document{{Name: "x", Data: []byte(text), Format: "names"}}, importer.Options{})
	if err != nil || len(r.Notes) != 2 || len(noteText(r.Notes)) > 800 {
		t.Errorf("%v\n%s", err, noteText(r.Notes))
	}
}

// testdataPages are documents of the page of Intune, if they are there.
func testdataPages(t testing.TB) [][]byte {
	files, _ := filepath.Glob("testdata/*.md")
	var pages [][]byte
	for _, f := range files {
		if filepath.Base(f) == "README.md" {
			continue
		}
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		pages = append(pages, data)
	}
	return pages
}

// TestEncodedAsWindowsDoes reads texts with a byte order mark and the line ends of Windows.
func TestEncodedAsWindowsDoes(t *testing.T) {
	for name, data := range archived(t) {
		windows := append([]byte("\ufeff"), bytes.ReplaceAll(data, []byte("\n"), []byte("\r\n"))...)
		formats := importer.LooksLike(data)
		if got := importer.LooksLike(windows); !slices.Equal(got, formats) {
			t.Errorf("%s looks like %q, want %q", name, got, formats)
			continue
		}
		want, err := importer.Read([]importer.Document{{Name: name, Data: data}}, importer.Options{})
		got, errWindows := importer.Read([]importer.Document{{Name: name, Data: windows}}, importer.Options{})
		if fmt.Sprint(err) != fmt.Sprint(errWindows) {
			t.Errorf("%s: %v, want %v", name, errWindows, err)
		}
		if diff := cmp.Diff(zoneText(want.Zones)+noteText(want.Notes), zoneText(got.Zones)+noteText(got.Notes)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// Lists without entries are called so, in whichever format they were asked for; beside sets of
// Microsoft 365 a list of nothing says that nothing changed.
func TestEmptyLists(t *testing.T) {
	for _, text := range []string{"[]", "\ufeff[ ]\n", `{"prefixes":[]}`, `{"values":[]}`, `{"syncToken":"1","prefixes":[]}`} {
		for _, format := range []string{"", "google", "m365"} {
			_, err := importer.Read([]importer.Document{{Name: "x", Data: []byte(text), Format: format}}, importer.Options{})
			if !errors.Is(err, importer.ErrEmptyList) || !strings.HasPrefix(err.Error(), "x: ") {
				t.Errorf("%q as %q: error %v, want that it is empty", text, format, err)
			}
		}
	}
	sets := `[{"id":1,"serviceArea":"Common","urls":["a.example"],"tcpPorts":"443"}]`
	if _, err := importer.Read([]importer.Document{{Name: "sets", Data: []byte(sets)}, {Name: "changes", Data: []byte("[]")}}, importer.Options{}); err != nil {
		t.Error(err)
	}
}
