package zones_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
)

// seedDir holds the two source documents of edition 2020-09-08. They are kept
// beside a checkout, not in it.
const seedDir = "../../shared/seeds"

// places2020 says where the lines of a source document went, top to bottom.
// One line spans three rows, and two lines share the last of delivery-optimization.
var places2020 = []string{
	"m365-auth/auth office-customization/customization m365-auth/registration",
	"intune/portal",
	"intune/sts",
	"intune/manage",
	"intune/fei-a",
	"intune/fei-b",
	"intune/fei-c",
	"intune/fei-d",
	"intune/fef-msua01",
	"intune/fef-msua02",
	"intune/fef-msua04",
	"intune/fef-msua06",
	"intune/fef-msub05",
	"intune/fef-msuc03",
	"intune/fef-amsua0502",
	"intune/fef-amsua0602",
	"intune/admin",
	"intune/wip-mam",
	"intune/mam",
	"intune/manage-wildcard",
	"intune-cdn/ime-cdn-a",
	"intune-cdn/ime-cdn-b",
	"intune-cdn/ime-cdn-c",
	"delivery-optimization/service",
	"delivery-optimization/metadata",
	"delivery-optimization/metadata",
	"apple/itunes",
	"apple-push/courier",
	"apple/phobos",
}

func TestEdition2020RecountsTheDocuments(t *testing.T) {
	files, _ := filepath.Glob(filepath.Join(seedDir, "*.md"))
	if len(files) == 0 {
		t.Skipf("the source documents are not beside this checkout: no *.md in %s", seedDir)
	}
	if len(files) != 2 {
		t.Fatalf("%d source documents in %s, want 2", len(files), seedDir)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			lines := readDocument(string(data))
			if len(lines) != len(places2020) {
				t.Fatalf("%d lines with endpoints, want %d", len(lines), len(places2020))
			}
			all := entries(t, edition2020, "fcm", "wns")
			compareLines(t, lines, all)
			want := documentCounts{Patterns: 101, Exact: 91, Wildcards: 9, Ranges: 1, Addresses: 55, Prefixes: 15}
			if got := countLines(lines); got != want {
				t.Errorf("the document prints %+v, want %+v", got, want)
			}
			if got := countEntries(all); got != want {
				t.Errorf("the edition holds %+v, want %+v", got, want)
			}
		})
	}
}

// compareLines holds each printed line against the rows that it went to: the
// same names in the same order, and on each row the addresses of the line.
func compareLines(t *testing.T, lines []printedLine, all []entry) {
	t.Helper()
	rest := slices.Clone(all)
	for i, line := range lines {
		var places []string
		for _, name := range line.names {
			at := slices.IndexFunc(rest, func(e entry) bool { return e.pattern.String() == name })
			if at < 0 {
				t.Errorf("%s is printed, and in no row or in fewer than printed", name)
				continue
			}
			e := rest[at]
			rest = slices.Delete(rest, at, at+1)
			if !slices.Contains(places, e.place()) {
				places = append(places, e.place())
			}
			compareRow(t, name, line, e)
		}
		if got := strings.Join(places, " "); got != places2020[i] {
			t.Errorf("line of %s is in %s, want %s", line.names[0], got, places2020[i])
		}
	}
	for _, e := range rest {
		t.Errorf("%s holds %s, which is not printed", e.place(), e.pattern)
	}
}

// compareRow holds what line prints beside name against the row of e.
func compareRow(t *testing.T, name string, line printedLine, e entry) {
	t.Helper()
	if diff := gocmp.Diff(line.addresses, e.prefixes()); diff != "" {
		t.Errorf("addresses of %s in %s (-printed +bundled):\n%s", name, e.place(), diff)
	}
	if diff := gocmp.Diff(line.ports, ports(e.row)); line.ports != nil && diff != "" {
		t.Errorf("ports of %s in %s (-printed +bundled):\n%s", name, e.place(), diff)
	}
}

// documentCounts is what both documents and the edition must agree on.
type documentCounts struct {
	Patterns, Exact, Wildcards, Ranges, Addresses, Prefixes int
}

func countLines(lines []printedLine) documentCounts {
	var names, addresses []string
	for _, l := range lines {
		names = append(names, l.names...)
		addresses = append(addresses, l.addresses...)
	}
	return count(names, addresses)
}

func countEntries(all []entry) documentCounts {
	var names, addresses []string
	for _, e := range all {
		names = append(names, e.pattern.String())
		addresses = append(addresses, e.prefixes()...)
	}
	return count(names, addresses)
}

// count counts what is distinct.
func count(names, addresses []string) documentCounts {
	var c documentCounts
	for _, name := range distinct(names) {
		c.Patterns++
		switch {
		case strings.Contains(name, "{"):
			c.Ranges++
		case strings.Contains(name, "*"):
			c.Wildcards++
		default:
			c.Exact++
		}
	}
	for _, address := range distinct(addresses) {
		if strings.Contains(address, "/") {
			c.Prefixes++
			continue
		}
		c.Addresses++
	}
	return c
}

func distinct(words []string) []string {
	return slices.Compact(slices.Sorted(slices.Values(words)))
}

// printedLine is a table row or list item of a source document that names
// endpoints, in the spelling of zone files.
type printedLine struct {
	names, addresses []string
	ports            []string // nil where the table has no column for them
}

var (
	htmlComment    = regexp.MustCompile(`(?s)<!--.*?-->`)
	printedName    = regexp.MustCompile(`^(\*\.|#-)?([a-z0-9-]+\.)+[a-z]{2,}$`)
	printedAddress = regexp.MustCompile(`^\d+\.\d+\.\d+\.\d+(/\d+)?$`)
	printedNumber  = regexp.MustCompile(`\d+`)
	// printedRange is the sentence that says what # stands for.
	printedRange = regexp.MustCompile(`#\D+(\d+)\D+(\d+)`)
)

// readDocument reads the lines of a source document that name endpoints. It
// shares nothing with the reader of zone files, so that the two can disagree.
func readDocument(text string) []printedLine {
	var lines []printedLine
	for line := range strings.Lines(htmlComment.ReplaceAllString(text, "")) {
		var l printedLine
		switch line = strings.TrimSpace(line); {
		case strings.HasPrefix(line, "|"):
			l = readTableRow(strings.Split(strings.Trim(line, "|"), "|"))
		case strings.HasPrefix(line, "- "):
			l.names = readNames(line[2:])
		}
		if len(l.names) > 0 {
			lines = append(lines, l)
		}
	}
	return lines
}

// readTableRow knows the three tables by their width: names and addresses;
// scale units, storage names and CDN names; purpose, names, protocol and port.
func readTableRow(cells []string) printedLine {
	var l printedLine
	switch len(cells) {
	case 2:
		l.names, l.addresses = readNames(cells[0]), readAddresses(cells[1])
	case 3:
		l.names = readNames(cells[2])
	case 4:
		l.names = readNames(cells[1])
		for _, number := range printedNumber.FindAllString(cells[3], -1) {
			l.ports = append(l.ports, "tcp/"+number)
		}
	}
	return l
}

// readNames reads the names of a cell and passes over its prose.
func readNames(cell string) []string {
	var names []string
	for part := range strings.SplitSeq(cell, "<br>") {
		part = strings.NewReplacer("\u3002", ".", `\*`, "*").Replace(strings.TrimSpace(part))
		name := strings.ToLower(part)
		if !printedName.MatchString(name) {
			continue
		}
		if rest, ok := strings.CutPrefix(name, "#"); ok {
			bounds := printedRange.FindStringSubmatch(strings.ReplaceAll(cell, "#-", ""))
			if bounds == nil {
				continue
			}
			name = "{" + bounds[1] + ".." + bounds[2] + "}" + rest
		}
		names = append(names, name)
	}
	return names
}

func readAddresses(cell string) []string {
	var addresses []string
	for part := range strings.SplitSeq(cell, "<br>") {
		if part = strings.TrimSpace(part); printedAddress.MatchString(part) {
			addresses = append(addresses, part)
		}
	}
	return addresses
}
