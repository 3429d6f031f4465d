package importer_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/rogpeppe/go-internal/txtar"

	"splitdns/matcher"
	"splitdns/zones"
	"splitdns/zones/importer"
)

// update writes what is read into the files of testdata/formats. Who uses it reads them again.
var update = flag.Bool("update", false, "write testdata/formats anew")

// Files of an archive that are no documents.
const (
	wantZones = "zones"
	wantNotes = "notes"
)

// TestFormats reads the documents of each archive together, and compares the zones, each
// as its file, and the notes.
func TestFormats(t *testing.T) {
	files, err := filepath.Glob("testdata/formats/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no archive: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			documents, options, want := asked(archive)
			result, err := importer.Read(documents, options)
			if err != nil {
				t.Fatal(err)
			}
			got := map[string]string{wantZones: zoneText(result.Zones), wantNotes: noteText(result.Notes)}
			if *update {
				rewrite(t, file, archive, got)
				return
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			wellFormed(t, result)
		})
	}
}

// asked is what an archive holds: documents, options in its comment, and what is expected.
func asked(archive *txtar.Archive) (documents []importer.Document, o importer.Options, want map[string]string) {
	for line := range strings.Lines(string(archive.Comment)) {
		if zone, ok := strings.CutPrefix(line, "zone: "); ok {
			o.Zone = strings.TrimSpace(zone)
		}
		if only, ok := strings.CutPrefix(line, "only: "); ok {
			o.Only = strings.Fields(only)
		}
	}
	want = make(map[string]string)
	for _, f := range archive.Files {
		if f.Name == wantZones || f.Name == wantNotes {
			want[f.Name] = string(f.Data)
			continue
		}
		documents = append(documents, importer.Document{Name: f.Name, Data: f.Data})
	}
	return documents, o, want
}

// zoneText is all zones as their files.
func zoneText(all []*zones.Zone) string {
	var b strings.Builder
	for _, z := range all {
		fmt.Fprintf(&b, "# %s\n%s\n", z.Name, zones.AppendFile(nil, z))
	}
	return b.String()
}

// noteText is one note a line.
func noteText(notes []importer.Note) string {
	var b strings.Builder
	for _, n := range notes {
		fmt.Fprintf(&b, "%s:%d: %s: %s\n", n.File, n.Line, n.Kind, n.Text)
	}
	return b.String()
}

// rewrite writes an archive with other expectations.
func rewrite(t *testing.T, file string, archive *txtar.Archive, got map[string]string) {
	t.Helper()
	var files []txtar.File
	for _, f := range archive.Files {
		if f.Name != wantZones && f.Name != wantNotes {
			files = append(files, f)
		}
	}
	for _, name := range []string{wantZones, wantNotes} {
		files = append(files, txtar.File{Name: name, Data: []byte(got[name])})
	}
	archive.Files = files
	if err := os.WriteFile(file, txtar.Format(archive), 0o600); err != nil {
		t.Fatal(err)
	}
}

// wellFormed fails unless every zone, written to a file, is the same zone without any problem.
func wellFormed(t *testing.T, result importer.Result) {
	t.Helper()
	for _, z := range result.Zones {
		file := zones.AppendFile(nil, z)
		again, problems := zones.Parse(z.Name, z.File, file)
		if len(problems) > 0 {
			t.Fatalf("%s of zone %s:\n%s", problems, z.Name, file)
		}
		if diff := cmp.Diff(z, again, cmpopts.IgnoreFields(zones.Row{}, "Line"), cmpopts.EquateEmpty(), sameAddresses, samePatterns); diff != "" {
			t.Fatalf("zone %s read again (-want +got):\n%s", z.Name, diff)
		}
	}
}

// sameAddresses and samePatterns let cmp look at what it cannot see into.
var (
	sameAddresses = cmp.Comparer(func(a, b interface{ String() string }) bool { return a.String() == b.String() })
	samePatterns  = cmp.Transformer("patterns", func(l matcher.List) []string {
		var texts []string
		for p := range l.All() {
			texts = append(texts, p.String())
		}
		return texts
	})
)
