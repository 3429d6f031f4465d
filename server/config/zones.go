package config

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"fmt"
	"io"
	"slices"
	"strings"

	"splitdns/matcher"
	"splitdns/zones"
	"splitdns/zones/tomlfile"
)

// edition reads [zones] and loads the bundled zones.
func (l *loader) edition() {
	l.cfg.Edition = zones.DefaultEdition
	if text, ok := l.file.Table("zones").Text("edition"); ok {
		if slices.Contains(zones.Editions(), text.Value) {
			l.cfg.Edition = text.Value
		} else {
			text.Problem("no edition %q; have %s", text.Value, strings.Join(zones.Editions(), ", "))
		}
	}
	l.cfg.Edition = cmp.Or(l.instead.edition, l.cfg.Edition)
	l.hash([]byte(l.cfg.Edition))
	bundled, err := zones.Bundled(l.cfg.Edition)
	if err != nil {
		l.file.Table("zones").Problem("edition", "%v", err)
	}
	l.cfg.Zones = bundled
	l.zones.add(zones.BundledNames(l.cfg.Edition)...)
	for _, edition := range zones.Editions() {
		for _, zone := range zones.BundledNames(edition) {
			l.elsewhere[zone] = append(l.elsewhere[zone], edition)
		}
	}
}

// ownZones reads every [zone.NAME]. One with a bundled name takes its place.
func (l *loader) ownZones() {
	for _, t := range l.named("zone", maxZones) {
		checkName(t)
		if t.Has("url") {
			l.subscribe(t)
			continue
		}
		l.withoutURL(t)
		if l.zones.has[t.Name()] {
			t.Warn("", "replaces the bundled zone of this name, with all its rows")
			l.cfg.Zones = slices.DeleteFunc(l.cfg.Zones, func(z *zones.Zone) bool { return z.Name == t.Name() })
		} else {
			l.zones.add(t.Name())
		}
		if z := l.ownZone(t); z != nil {
			l.cfg.Zones = append(l.cfg.Zones, z)
			l.own = append(l.own, z)
		}
	}
	slices.SortFunc(l.cfg.Zones, func(a, b *zones.Zone) int { return strings.Compare(a.Name, b.Name) })
	slices.Sort(l.zones.names)
}

// ownZone reads one zone, or gives nil where it has problems.
func (l *loader) ownZone(t *tomlfile.Table) *zones.Zone {
	before := l.file.Failed()
	isList := t.OneOf("format", "zone", "list") == 1
	formatKnown := l.file.Failed() == before
	row := zones.Row{
		Name:     "inline",
		Line:     t.Line(),
		Patterns: matcher.ListOf(zones.Patterns(t.SomeTexts("names"))...),
		Prefixes: zones.Prefixes(t.SomeTexts("prefixes")),
		Ports:    zones.Ports(t.SomeTexts("ports")),
		Required: true,
	}
	if t.Has("file") {
		for _, key := range []string{"names", "prefixes", "ports"} {
			if t.Has(key) {
				t.Problem(key, "the zone is in a file; add this there, or leave out %s.file", "zone."+t.Name())
			}
		}
		if !formatKnown {
			return nil
		}
		return l.zoneFile(t, isList)
	}
	if !t.Has("names") {
		t.Problem("", "a zone needs names, a file or a url")
	}
	if t.Has("format") {
		t.Problem("format", "stands without a file")
	}
	return &zones.Zone{Name: t.Name(), File: l.cfg.Path, Rows: []zones.Row{row}}
}

// zoneFile reads the file of a zone.
func (l *loader) zoneFile(t *tomlfile.Table, isList bool) *zones.Zone {
	text, ok := t.Text("file")
	if !ok {
		return nil
	}
	path := l.resolve(text.Value)
	read := l.readZone
	if isList {
		read = l.readList
	}
	z, problems, err := read(t.Name(), path)
	if err != nil {
		text.Problem("%v", err)
		return nil
	}
	if z == nil && isOtherFormat(path, isList) {
		text.Problem("%s", otherFormat(path, isList))
		return nil
	}
	l.addOthers(path, problems)
	if err := l.addPatterns(path, z); err != nil {
		text.Problem("%v", err)
		return nil
	}
	return z
}

// readZone reads a zone file.
func (l *loader) readZone(name, path string) (*zones.Zone, tomlfile.Problems, error) {
	l.tried(path)
	data, err := readFile(path, tomlfile.MaxSize)
	if err != nil {
		return nil, nil, fmt.Errorf("reading %s: %w", path, err)
	}
	if err := l.addOctets(path, int64(len(data))); err != nil {
		return nil, nil, err
	}
	l.hash(data)
	z, problems := zones.Parse(name, path, data)
	return z, problems, nil
}

// readList reads a list, which is never in memory as a whole.
func (l *loader) readList(name, path string) (*zones.Zone, tomlfile.Problems, error) {
	l.tried(path)
	f, size, err := openFile(path)
	if err != nil {
		return nil, nil, fmt.Errorf("reading %s: %w", path, err)
	}
	defer f.Close()
	if err := l.addOctets(path, min(size, zones.MaxListSize+1)); err != nil {
		return nil, nil, err
	}
	digest := sha256.New()
	z, problems, err := zones.ParseList(name, path, io.TeeReader(f, digest), size)
	if err != nil {
		return nil, nil, fmt.Errorf("reading %s: %w", path, reason(err))
	}
	l.hash(digest.Sum(nil))
	return z, problems, nil
}

// tried notes the file at path, as it is before it is read: so no later change is missed.
func (l *loader) tried(path string) {
	f := Stat(path)
	if !slices.ContainsFunc(l.files, func(have File) bool { return have.Path == f.Path }) {
		l.files = append(l.files, f)
	}
}

// addOctets counts the octets of a zone's file.
func (l *loader) addOctets(path string, size int64) error {
	if l.octets += size; l.octets > maxOctets {
		return fmt.Errorf("with %s, the files of all zones are larger than %d MiB", path, maxOctets>>20)
	}
	return nil
}

// Bounds of all zone files together.
const (
	maxOctets   = 256 << 20
	maxPatterns = 2 * zones.MaxListPatterns
)

// addPatterns counts the patterns of a zone from a file, which is nil where that
// has problems.
func (l *loader) addPatterns(path string, z *zones.Zone) error {
	if z == nil {
		return nil
	}
	for i := range z.Rows {
		l.patterns += z.Rows[i].Patterns.Len()
	}
	if l.patterns > maxPatterns {
		return fmt.Errorf("with %s, the files of all zones have more than %d patterns", path, maxPatterns)
	}
	return nil
}

// isOtherFormat says whether a file with problems was hardly meant to be read as
// it was. A line of a zone file is a header or has a key; a list has neither.
func isOtherFormat(path string, isList bool) bool {
	data, err := readFile(path, zones.MaxListSize)
	if err != nil {
		return false
	}
	content := false
	for line := range bytes.Lines(data) {
		line = bytes.TrimSpace(line)
		switch {
		case len(line) == 0 || line[0] == '#':
			continue
		case line[0] == '[':
			return isList
		case !isList && bytes.Contains(line, []byte("=")):
			return false
		}
		content = true
	}
	return content && !isList
}

// otherFormat says that a file was read in the wrong format.
func otherFormat(path string, isList bool) string {
	if isList {
		return path + ` is read as a list and looks like a zone file; leave out format = "list"`
	}
	return path + ` is read as a zone file and does not look like TOML; if it is a list, add format = "list"`
}
