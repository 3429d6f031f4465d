package feed

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"splitdns/matcher"
	"splitdns/zones"
	"splitdns/zones/importer"
)

// contents is what the documents of a copy say.
type contents struct {
	zone    *zones.Zone // without kept rows
	formats []string    // as which each document was read
	notes   string      // how much was normalised, skipped and doubted, in words; "" is nothing
}

// ReadZone makes the zone of c: what its documents publish, and the rows that are kept. The
// formats are those as which the documents were read when the copy was made.
func (c *Copy) ReadZone() (*zones.Zone, error) {
	in, err := c.contents()
	if err != nil {
		return nil, err
	}
	kept, err := c.keptZones()
	if err != nil {
		return nil, err
	}
	for _, z := range kept {
		for i := range z.Rows {
			z.Rows[i].Line = 0 // in no document
		}
		in.add(z)
	}
	return in.zone, nil
}

// contents reads the documents of c.
func (c *Copy) contents() (*contents, error) {
	in := &contents{zone: &zones.Zone{Name: c.Zone, File: Shown(c.Documents[0].URL)}}
	var foreign []importer.Document
	notes := make(map[string]int)
	for i := range c.Documents {
		d := &c.Documents[i]
		if isHTML(d.Data) {
			return nil, errorf(HTML, "%s: a web page (HTML) in the place of data", Shown(d.URL))
		}
		format := d.Format
		if format == "" && isZoneFile(d.Data) {
			format = FormatZone
		}
		in.formats = append(in.formats, format)
		if format != FormatZone && format != FormatList {
			foreign = append(foreign, importer.Document{Name: Shown(d.URL), Data: d.Data, Format: format})
			continue
		}
		z, warnings, err := readOwn(c.Zone, format, d)
		if err != nil {
			return nil, err
		}
		notes["normalised"] += warnings
		in.add(z)
	}
	if err := in.readForeign(foreign, notes); err != nil {
		return nil, err
	}
	in.notes = inWords(notes)
	if names, prefixes := count(in.zone); names+prefixes == 0 {
		return nil, errorf(Empty, "%s: neither a name nor a prefix is in it", in.zone.File)
	}
	return in, nil
}

// readOwn reads a document of a format of ours, and says how much was normalised.
func readOwn(zone, format string, d *Document) (z *zones.Zone, warnings int, err error) {
	if len(bytes.TrimSpace(d.Data)) == 0 {
		return nil, 0, errorf(Empty, "%s: the document is empty", Shown(d.URL))
	}
	if format == FormatZone {
		z, problems := zones.Parse(zone, Shown(d.URL), d.Data)
		if z == nil {
			return nil, 0, errorf(Shape, "read as a zone file: %s", firstLine(problems.String()))
		}
		return z, len(problems), nil
	}
	z, problems, err := zones.ParseList(zone, Shown(d.URL), bytes.NewReader(d.Data), int64(len(d.Data)))
	switch {
	case err != nil:
		return nil, 0, asError(Shape, err)
	case z == nil:
		return nil, 0, errorf(Shape, "read as a list: %s", firstLine(problems.String()))
	}
	return z, len(problems), nil
}

// readForeign adds the documents that the importer reads.
func (in *contents) readForeign(documents []importer.Document, notes map[string]int) error {
	if len(documents) == 0 {
		return nil
	}
	for _, d := range documents {
		if len(bytes.TrimSpace(d.Data)) == 0 {
			return errorf(Empty, "%s: the document is empty", d.Name)
		}
	}
	result, z, err := importZone(documents, in.zone.Name)
	if err != nil {
		return asError(kindOf(err), err)
	}
	next := 0
	for i, format := range in.formats {
		if format != FormatZone && format != FormatList && next < len(result.Read) {
			in.formats[i] = result.Read[next].Format
			next++
		}
	}
	for _, n := range result.Notes {
		notes[n.Kind.String()]++
	}
	in.add(z)
	return nil
}

// kindOf is the kind of an error of the importer.
func kindOf(err error) Kind {
	if errors.Is(err, importer.ErrEmptyList) {
		return Empty
	}
	return Shape
}

// importZone reads documents as the zone called name: the rows of that zone, or all rows
// where the documents tell no zones apart.
func importZone(documents []importer.Document, name string) (importer.Result, *zones.Zone, error) {
	result, err := importer.Read(documents, importer.Options{})
	if err != nil {
		return result, nil, err
	}
	var have []string
	isOwn := false // the documents name zones
	for _, z := range result.Zones {
		if z.Name == name {
			return result, z, nil
		}
		have = append(have, z.Name)
		isOwn = isOwn || !slices.ContainsFunc(result.Read, func(s importer.Summary) bool { return s.Format == z.Name })
	}
	if isOwn {
		return result, nil, fmt.Errorf("%s: there is no zone %q in it; call the table [zone.NAME] by one of %s", documents[0].Name, name, strings.Join(have, ", "))
	}
	if result, err = importer.Read(documents, importer.Options{Zone: name}); err != nil {
		return result, nil, err
	}
	if len(result.Zones) == 0 {
		return result, nil, errorf(Empty, "%s: neither a name nor a prefix is in it", documents[0].Name)
	}
	return result, result.Zones[0], nil
}

// add adds the rows of z, under names that are free.
func (in *contents) add(z *zones.Zone) {
	to := in.zone
	to.Title, to.Vendor = cmp.Or(to.Title, z.Title), cmp.Or(to.Vendor, z.Vendor)
	to.Edition, to.Source = max(to.Edition, z.Edition), cmp.Or(to.Source, z.Source)
	to.CatchAll = to.CatchAll || z.CatchAll
	taken := make(map[string]bool, len(to.Rows))
	for i := range to.Rows {
		taken[to.Rows[i].Name] = true
	}
	for _, r := range z.Rows {
		r.Name = freeName(taken, r.Name)
		to.Rows = append(to.Rows, r)
	}
}

// freeName takes name, or name with a number where that is taken already.
func freeName(taken map[string]bool, name string) string {
	free := name
	for n := 2; taken[free]; n++ {
		free = fmt.Sprintf("%.58s-%d", name, n)
	}
	taken[free] = true
	return free
}

// isHTML says whether data is a web page, such as those that servers and portals show in
// the place of what was asked for.
func isHTML(data []byte) bool {
	data = bytes.TrimPrefix(data[:min(len(data), 4096)], []byte("\ufeff"))
	start := strings.ToLower(string(bytes.TrimSpace(data)))
	for _, tag := range []string{"<!doctype html", "<html", "<head", "<body"} {
		if strings.HasPrefix(start, tag) {
			return true
		}
	}
	return false
}

// isZoneFile says whether data looks like a zone file.
func isZoneFile(data []byte) bool {
	return bytes.HasPrefix(data, []byte("[row.")) || bytes.Contains(data, []byte("\n[row."))
}

// count is how many names and prefixes z has in its rows.
func count(z *zones.Zone) (names, prefixes int) {
	for i := range z.Rows {
		names += z.Rows[i].Patterns.Len()
		prefixes += len(z.Rows[i].Prefixes)
	}
	return names, prefixes
}

// inWords lists counts: "normalised 3, skipped 1".
func inWords(counts map[string]int) string {
	var words []string
	for kind := importer.Normalised; kind <= importer.Doubted; kind++ {
		if n := counts[kind.String()]; n > 0 {
			words = append(words, fmt.Sprintf("%s %d", kind, n))
		}
	}
	return strings.Join(words, ", ")
}

// firstLine is the first of the problems in text.
func firstLine(text string) string {
	first, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return first
}

// eachPattern calls do with the text of every pattern of z.
func eachPattern(z *zones.Zone, do func(row int, p matcher.Pattern)) {
	for i := range z.Rows {
		for p := range z.Rows[i].Patterns.All() {
			do(i, p)
		}
	}
}
