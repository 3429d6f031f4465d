package export_test

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"splitdns/zones"
)

// A document is a JSON export as a program reads it.
type document struct {
	Editions []string
	Entries  int
	Zones    []struct {
		Name, Title, Vendor, Edition, Source string
		CatchAll                             bool `json:"catch_all"`
		Rows                                 []struct {
			Name, Purpose, Source, Date string
			Ports, Names, Prefixes      []string
			Required                    bool
			CarveOut                    bool `json:"carve_out"`
		}
	}
}

// Everything that the bundled zones say is in the JSON.
func TestJSONHasEverything(t *testing.T) {
	for _, edition := range zones.Editions() {
		loaded, err := zones.Bundled(edition)
		if err != nil {
			t.Fatal(err)
		}
		o := options("json")
		for _, z := range loaded {
			o.Zones = append(o.Zones, z.Name)
		}
		text, _ := written(t, loaded, o)
		var got document
		if err := json.Unmarshal([]byte(text), &got); err != nil {
			t.Fatal(err)
		}
		var back []*zones.Zone
		for _, z := range got.Zones {
			back = append(back, zoneOf(t, got, z.Name))
		}
		if diff := cmp.Diff(texts(loaded), texts(back)); diff != "" {
			t.Errorf("edition %s (-zones +JSON):\n%s", edition, diff)
		}
	}
}

// zoneOf makes a zone of what the document says, by way of a zone file.
func zoneOf(t *testing.T, d document, name string) *zones.Zone {
	t.Helper()
	z := &zones.Zone{Name: name}
	for _, said := range d.Zones {
		if said.Name != name {
			continue
		}
		z.Title, z.Vendor, z.Edition, z.Source, z.CatchAll = said.Title, said.Vendor, said.Edition, said.Source, said.CatchAll
		for _, r := range said.Rows {
			text, err := json.Marshal(map[string][]string{"names": r.Names, "prefixes": r.Prefixes, "ports": r.Ports})
			if err != nil {
				t.Fatal(err)
			}
			row := rowOf(t, text)
			row.Name, row.Purpose, row.Source, row.Date = r.Name, r.Purpose, r.Source, r.Date
			row.Required, row.CarveOut = r.Required, r.CarveOut
			z.Rows = append(z.Rows, row)
		}
	}
	return z
}

// rowOf reads the lists of a row, whose values are written alike in JSON and in TOML.
func rowOf(t *testing.T, text []byte) zones.Row {
	t.Helper()
	var lists map[string]json.RawMessage
	if err := json.Unmarshal(text, &lists); err != nil {
		t.Fatal(err)
	}
	file := "[row.a]\n"
	for _, key := range []string{"names", "prefixes", "ports"} {
		if list := string(lists[key]); list != "[]" && list != "null" {
			file += key + " = " + list + "\n"
		}
	}
	z, problems := zones.Parse("z", "z.toml", []byte(file))
	if z == nil {
		t.Fatalf("%s\n%s", problems, file)
	}
	return z.Rows[0]
}

// texts are zones as zone files, by name.
func texts(all []*zones.Zone) map[string]string {
	files := map[string]string{}
	for _, z := range all {
		files[z.Name] = string(zones.AppendFile(nil, z))
	}
	return files
}

func TestJSONKeepsTheOrder(t *testing.T) {
	text, _ := written(t, samples(t), options("json"))
	var got document
	if err := json.Unmarshal([]byte(text), &got); err != nil {
		t.Fatal(err)
	}
	want := []string{"portal.example", "*.portal.example", "deep.er.portal.example", ".apps.example", "{1..3}-push.example"}
	if !slices.Equal(got.Zones[0].Rows[0].Names, want) || got.Entries != 16 || !slices.Equal(got.Editions, []string{"2026-03-24", "2026-04"}) {
		t.Errorf("%d entries of %q, names %q, want 16 and %q", got.Entries, got.Editions, got.Zones[0].Rows[0].Names, want)
	}
}
