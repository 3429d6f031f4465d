package importer_test

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"splitdns/matcher"
	"splitdns/zones"
	"splitdns/zones/importer"
)

// page is a page in testdata.
func page(t testing.TB, name string) importer.Document {
	t.Helper()
	data, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return importer.Document{Name: name, Data: data}
}

// read reads documents, which must be good.
func read(t testing.TB, documents ...importer.Document) importer.Result {
	t.Helper()
	result, err := importer.Read(documents, importer.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// table is a page with a table of a row; cells stand between bars.
func table(row string) importer.Document {
	return importer.Document{Name: "page.md", Data: []byte("---\nms.date: 03/24/2026\n---\n\n| A | B | C |\n|---|---|---|\n" + row + "\n")}
}

// published is what a row publishes, in one line.
func published(r *zones.Row) string {
	var words []string
	for p := range r.Patterns.All() {
		words = append(words, p.String())
	}
	for _, p := range r.Prefixes {
		words = append(words, zones.PrefixText(p))
	}
	for _, p := range r.Ports {
		words = append(words, p.String())
	}
	if !r.Required {
		words = append(words, "optional")
	}
	if r.CarveOut {
		words = append(words, "carved-out")
	}
	slices.Sort(words)
	return strings.Join(words, " ")
}

// rowsOf are the rows of zones: the zone, and what a row publishes; sorted.
func rowsOf(list []*zones.Zone) []string {
	var rows []string
	for _, z := range list {
		for i := range z.Rows {
			rows = append(rows, z.Name+": "+published(&z.Rows[i]))
		}
	}
	slices.Sort(rows)
	return rows
}

// said are the texts of the notes of a kind, with their lines.
func said(result importer.Result, kind importer.Kind) []string {
	var texts []string
	for _, n := range result.Notes {
		if n.Kind == kind {
			texts = append(texts, fmt.Sprintf("%d: %s", n.Line, n.Text))
		}
	}
	return texts
}

// Importing either document of 2020 gives the zones that the bundled edition takes from
// them, row by row.
func TestLearnOf2020IsTheBundledEdition(t *testing.T) {
	bundled, err := zones.Bundled("2020-09-08")
	if err != nil {
		t.Fatal(err)
	}
	bundled = slices.DeleteFunc(bundled, func(z *zones.Zone) bool { return z.Name == "fcm" || z.Name == "wns" })
	for _, name := range []string{"ja-jp.md", "zh-cn.md"} {
		t.Run(name, func(t *testing.T) {
			got := read(t, page(t, name))
			if diff := cmp.Diff(rowsOf(bundled), rowsOf(got.Zones)); diff != "" {
				t.Errorf("bundled -, imported +:\n%s", diff)
			}
			want := importer.Summary{Name: name, Format: "ms-learn", Edition: "2020-09-08", Rows: 30, Patterns: 101, Prefixes: 77}
			if got.Read[0] != want {
				t.Errorf("summary %+v, want %+v", got.Read[0], want)
			}
			for _, z := range got.Zones {
				if z.Edition != "2020-09-08" || z.Rows[0].Date != "2020-09-08" {
					t.Errorf("zone %s is of %q, its first row of %q", z.Name, z.Edition, z.Rows[0].Date)
				}
			}
		})
	}
}

// Both documents give the same, in the same order, with the same names of zones and rows;
// but for what is prose.
func TestLearnIsTheSameInEveryLanguage(t *testing.T) {
	text := func(name string) string {
		var b strings.Builder
		for _, z := range read(t, page(t, name)).Zones {
			for i := range z.Rows {
				z.Rows[i].Purpose = ""
			}
			fmt.Fprintf(&b, "[%s]\n%s", z.Name, zones.AppendFile(nil, z))
		}
		return b.String()
	}
	if diff := cmp.Diff(text("ja-jp.md"), text("zh-cn.md")); diff != "" {
		t.Errorf("ja-jp -, zh-cn +:\n%s", diff)
	}
}

// Tables may be written without the bars in front of their lines: the header and the rule
// below it, too.
func TestLearnWithoutBarsInFront(t *testing.T) {
	for _, name := range []string{"ja-jp.md", "zh-cn.md", "present.md"} {
		t.Run(name, func(t *testing.T) {
			document := page(t, name)
			want := rowsOf(read(t, document).Zones)
			document.Data = regexp.MustCompile(`(?m)^\s*\|\s*`).ReplaceAll(document.Data, nil)
			if diff := cmp.Diff(want, rowsOf(read(t, document).Zones)); diff != "" {
				t.Errorf("with bars -, without +:\n%s", diff)
			}
		})
	}
}

// Both documents together are one: what the second repeats is noted.
func TestLearnRowsOfBothDocumentsStandOnce(t *testing.T) {
	one, both := read(t, page(t, "ja-jp.md")), read(t, page(t, "ja-jp.md"), page(t, "zh-cn.md"))
	if diff := cmp.Diff(rowsOf(one.Zones), rowsOf(both.Zones)); diff != "" {
		t.Errorf("one -, both +:\n%s", diff)
	}
	if n := strings.Count(strings.Join(said(both, importer.Normalised), "\n"), "of ja-jp.md already"); n != 30 {
		t.Errorf("%d rows are said to stand in the first document, want 30", n)
	}
}

// Tokens as anybody would find them, who knows nothing of Markdown.
var (
	crudeName   = regexp.MustCompile(`[A-Za-z0-9*#_-]+(?:[.。．｡][A-Za-z0-9*_-]+)*[.。．｡][A-Za-z][A-Za-z0-9-]*[A-Za-z0-9]`)
	crudePrefix = regexp.MustCompile(`\p{Nd}+[.。．｡]\p{Nd}+[.。．｡]\p{Nd}+[.。．｡]\p{Nd}+(?:[/／]\p{Nd}+)?|[0-9a-f]+:[0-9a-f:]+:(?:/\d+)?`)
	crudeQuad   = regexp.MustCompile(`\d+\.\d+\.\d+\.\d+(?:/\d+)?`)
)

// 0 silent losses: every name and every prefix of a page, also in its comments, links and
// sentences, is in a zone, or in a note.
func TestLearnLosesNothingInSilence(t *testing.T) {
	for _, name := range []string{"ja-jp.md", "zh-cn.md", "present.md", "usgov.md"} {
		t.Run(name, func(t *testing.T) {
			document := page(t, name)
			losesNothing(t, document)
			for _, wide := range []*strings.Replacer{
				strings.NewReplacer(".", "。"), strings.NewReplacer(".", "．", "/", "／"), strings.NewReplacer(".", "｡", "1", "１", "2", "２"),
			} {
				losesNothing(t, importer.Document{Name: name, Data: crudeQuad.ReplaceAllFunc(document.Data, func(quad []byte) []byte {
					return []byte(wide.Replace(string(quad)))
				})})
			}
		})
	}
}

// losesNothing checks that every name and every prefix of a document is in a zone, or in a note.
func losesNothing(t *testing.T, document importer.Document) {
	t.Helper()
	result := read(t, document)
	kept := keptTexts(result)
	tokens := append(crudeName.FindAllString(string(document.Data), -1), crudePrefix.FindAllString(string(document.Data), -1)...)
	if len(tokens) < 30 {
		t.Fatalf("found only %d tokens", len(tokens))
	}
	plain := strings.NewReplacer("１", "1", "２", "2", "／", "/")
	for _, token := range tokens {
		clean, _ := matcher.Normalise(plain.Replace(token))
		clean = strings.Replace(clean, "#-", "{0..50}-", 1)
		if !kept[clean] && !isQuoted(result, token) {
			t.Errorf("%q is in no zone, and in no note", token)
		}
	}
}

// keptTexts are all names and prefixes of a result.
func keptTexts(result importer.Result) map[string]bool {
	kept := make(map[string]bool)
	for _, z := range result.Zones {
		for _, r := range z.Rows {
			for p := range r.Patterns.All() {
				kept[p.String()] = true
			}
			for _, p := range r.Prefixes {
				kept[zones.PrefixText(p)] = true
			}
		}
	}
	return kept
}

// isQuoted says whether a note quotes token.
func isQuoted(result importer.Result, token string) bool {
	return slices.ContainsFunc(result.Notes, func(n importer.Note) bool { return strings.Contains(n.Text, token) })
}

// What the report says of the dirt of the documents of 2020.
func TestLearnReportOf2020(t *testing.T) {
	result := read(t, page(t, "zh-cn.md"))
	for _, n := range result.Notes {
		if n.File != "zh-cn.md" || n.Line < 1 || n.Kind.String() == "" {
			t.Errorf("%+v: want the document, a line and a kind", n)
		}
	}
	for _, want := range []string{
		`zh-cn.md:56: normalised: "enterpriseregistration。windows。net": replaced an ideographic full stop (U+3002) by a dot`,
		`zh-cn.md:59: normalised: "Manage.microsoft.com": made upper case lower case`,
		`zh-cn.md:106: normalised: "\*.do.dsp.mp.microsoft.com": replaced \* by *`,
		`zh-cn.md:117: normalised: "#-courier.push.apple.com": read as "{0..50}-courier.push.apple.com", by the sentence `,
		`zh-cn.md:40: skipped: ports in a sentence, of no name: 444`,
		`zh-cn.md:96: skipped: ports in a sentence, of no name: 7680, 3544`,
		`zh-cn.md:41: skipped: in a sentence: manage.microsoft.com; the row of line 59 has it`,
		`zh-cn.md:46: skipped: a comment of lines 46 to 47, without names and prefixes`,
		`zh-cn.md:56: skipped: a reference, no endpoint: "https://support.office.com/`,
		`zh-cn.md:84: skipped: single labels, no host names: AMSUA0601, AMSUA0602,`,
		`zh-cn.md:86: skipped: single labels, no host names: approdimedatapri, approdimedatasec, approdimedatahotifx`,
		`zh-cn.md:86: doubted: "approdimedatahotifx" and the name that begins with "approdimedatahotfix": one of them may be a typing error`,
	} {
		if !slices.ContainsFunc(result.Notes, func(n importer.Note) bool { return strings.HasPrefix(n.String(), want) }) {
			t.Errorf("no note %s", want)
		}
	}
	if doubts := said(result, importer.Doubted); len(doubts) != 1 {
		t.Errorf("doubts %q, want one", doubts)
	}
}

// Row names come from the content: an administrator's rules hold on to them.
func TestLearnRowNames(t *testing.T) {
	names := make(map[string]bool)
	for _, z := range read(t, page(t, "ja-jp.md")).Zones {
		for _, r := range z.Rows {
			names[z.Name+"/"+r.Name] = true
		}
	}
	for _, want := range []string{
		"intune/any-manage-microsoft-com", "intune/portal-manage-microsoft-com", "m365-auth/login-microsoftonline-com",
		"m365-auth/enterpriseregistration-windows-net", "apple-push/0-50-courier-push-apple-com",
	} {
		if !names[want] {
			t.Errorf("no row %s", want)
		}
	}
}

// What cannot be a page is refused, and said so.
func TestLearnRefuses(t *testing.T) {
	for name, c := range map[string]struct{ data, want string }{
		"a web page":     {"<!DOCTYPE html>\n<html><body>| a |</body></html>", "HTML"},
		"octets":         {"---\nms.date: 03/24/2026\n---\n\x00\x01", "UTF-8"},
		"no endpoint":    {"---\nms.date: 03/24/2026\n---\nNothing but words.\n", "no name and no prefix"},
		"far too much":   {"---\nms.date: 03/24/2026\n---\n" + strings.Repeat("words ", 1<<19), "larger than 2 MiB"},
		"only a comment": {"<!--\n|a.example|192.0.2.1|\n-->\n", "no name and no prefix"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := importer.Read([]importer.Document{{Name: "x", Data: []byte(c.data), Format: "ms-learn"}}, importer.Options{})
			if err == nil || !strings.HasPrefix(err.Error(), "x: ") || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one of x with %q", err, c.want)
			}
		})
	}
}

// The format is found by its shape: front matter of Learn, or a table.
func TestLearnIsFound(t *testing.T) {
	for name, data := range map[string]string{
		"front matter": "---\ntitle: x\nms.topic: reference\n---\n- `a.example`\n",
		"table":        "text\r\n\r\n|Domain|IP|\r\n|---|---|\r\n|a.example|192.0.2.1|\r\n",
		"no first":     "Domain |IP |\n-|-|\na.example |192.0.2.1 |\n",
		"no bars":      "Domain | IP\n--- | ---\na.example | 192.0.2.1\n",
	} {
		t.Run(name, func(t *testing.T) {
			result := read(t, importer.Document{Name: "x", Data: []byte(data)})
			if got := result.Read[0].Format; got != "ms-learn" || result.Read[0].Patterns != 1 {
				t.Errorf("read as %s: %+v", got, result.Read[0])
			}
		})
	}
}
