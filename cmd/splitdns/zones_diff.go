package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"splitdns/server"
	"splitdns/zones"
	"splitdns/zones/compare"
	"splitdns/zones/tomlfile"
)

// zonesDiffCommand is `splitdns zones diff`.
func zonesDiffCommand() *cobra.Command {
	var o diffOptions
	c := &cobra.Command{
		Use:   "diff OLD NEW",
		Short: "Say how two editions differ, and what a pin would do otherwise",
		Long: `Say how two editions differ, and what a pin would do otherwise.

OLD and NEW are each a bundled edition (` + strings.Join(zones.Editions(), ", ") + `), a zone file or a folder of
zone files. A zone file is compared with the zone of its name, and stands for the
other side with that one zone replaced, as it would be in a configuration; two
zone files are compared as one zone, whatever their names.

What is published for a name is taken from all zones together, as the server does.
Titles, sources and dates make no difference. With --exit-code, the exit code is 1
if anything differs, as with git diff.`,
		Args: arguments(2, 2, "OLD and NEW, each an edition, a zone file or a folder of zone files"),
		RunE: func(c *cobra.Command, args []string) error { return o.run(c.OutOrStdout(), args[0], args[1]) },
	}
	c.Flags().BoolVar(&o.json, "json", false, "print JSON")
	c.Flags().BoolVar(&o.all, "all", false, "shorten no list")
	c.Flags().BoolVar(&o.exitCode, "exit-code", false, "exit with 1 if there is a difference")
	c.Flags().StringSliceVar(&o.zones, "zone", nil, "only what concerns the zone `NAME`; may be given again")
	return c
}

// diffOptions say what to show of a comparison.
type diffOptions struct {
	json, all, exitCode bool
	zones               []string
}

// run compares old with current.
func (o *diffOptions) run(w io.Writer, old, current string) error {
	before, err := loadState(old)
	if err != nil {
		return err
	}
	after, err := loadState(current)
	if err != nil {
		return err
	}
	only := complete(&before, &after)
	if len(o.zones) > 0 {
		only = o.zones
	}
	if err := haveZones(only, before.zones, after.zones); err != nil {
		return err
	}
	d := compare.Compare(before.zones, after.zones)
	if len(only) > 0 {
		d.Only(only...)
	}
	if err := o.write(w, &d, before.name, after.name); err != nil {
		return err
	}
	if o.exitCode && !d.IsEmpty() {
		return errSaid{}
	}
	return nil
}

// write prints d.
func (o *diffOptions) write(w io.Writer, d *compare.Diff, old, current string) error {
	if o.json {
		return writeJSON(w, d)
	}
	return writeDiff(w, d, diffText{old: old, current: current, all: o.all, isPart: len(o.zones) > 0})
}

// writeJSON prints v as JSON for people to read, too.
func writeJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// zoneSet is one side of a comparison.
type zoneSet struct {
	name   string // as it was given
	zones  []*zones.Zone
	isFile bool // one zone file, and no whole state
}

// loadState loads an edition, a zone file or a folder of zone files. A name that is an
// edition is one, whatever files there are.
func loadState(name string) (zoneSet, error) {
	if slices.Contains(zones.Editions(), name) {
		bundled, err := zones.Bundled(name)
		return zoneSet{name: name, zones: bundled}, err
	}
	info, err := os.Stat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return zoneSet{}, problem{noState(name)}
	case err != nil:
		return zoneSet{}, problem{err}
	case info.IsDir():
		loaded, err := loadFolder(name)
		return zoneSet{name: name, zones: loaded}, err
	}
	z, _, err := loadZoneFile(name)
	return zoneSet{name: name, zones: []*zones.Zone{z}, isFile: true}, err
}

// noState says that name is nothing that can be compared.
func noState(name string) error {
	editions := zones.Editions()
	text := fmt.Sprintf("%q is no bundled edition (%s), and there is no file or folder of that name", name, strings.Join(editions, ", "))
	if near := tomlfile.Nearest(name, editions); near != "" {
		text += "; did you mean " + near + "?"
	}
	return errors.New(text)
}

// loadZoneFile loads a zone file. Its zone has the file's name without the ending.
func loadZoneFile(file string) (*zones.Zone, tomlfile.Problems, error) {
	name := strings.TrimSuffix(filepath.Base(file), filepath.Ext(file))
	if err := zones.CheckName(name); err != nil {
		return nil, nil, problem{fmt.Errorf("%s: a zone is called like its file: %w", tomlfile.Shown(file), err)}
	}
	data, err := readSome(file)
	if err != nil {
		return nil, nil, problem{err}
	}
	z, problems := zones.Parse(name, file, data)
	if z == nil {
		if !bytes.Contains(data, []byte("[row.")) {
			problems.Add(tomlfile.Problem{File: file, Text: "was read as a zone file; a configuration or a list is none"})
		}
		return nil, nil, &server.ConfigError{Problems: problems}
	}
	return z, problems, nil
}

// readSome reads a file, of a larger one than any zone file no more than tells that it is.
func readSome(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, tomlfile.MaxSize+1))
}

// zoneFiles are the zone files of a folder, by name: one at least.
func zoneFiles(folder string) ([]string, error) {
	files, err := filepath.Glob(filepath.Join(globQuoted(folder), "*.toml"))
	if err != nil {
		return nil, problem{err}
	}
	if len(files) == 0 {
		return nil, problem{fmt.Errorf("%s: the folder has no zone file, NAME.toml", folder)}
	}
	return files, nil
}

// loadFolder loads all zone files of a folder, by name.
func loadFolder(folder string) (all []*zones.Zone, err error) {
	files, err := zoneFiles(folder)
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		z, _, err := loadZoneFile(file)
		if err != nil {
			return nil, err
		}
		all = append(all, z)
	}
	return all, nil
}

// globQuoted is a path with nothing in it that means something to Glob.
func globQuoted(path string) string {
	if os.PathSeparator == '\\' {
		return path // there a backslash quotes nothing
	}
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace(path)
}

// complete makes two sides comparable of which one or both are a zone file, and gives the
// zone that is compared; none is all.
func complete(before, after *zoneSet) (only []string) {
	switch {
	case before.isFile && after.isFile:
		name := before.zones[0].Name
		after.zones = []*zones.Zone{named(after.zones[0], name)}
		return []string{name}
	case before.isFile:
		return []string{before.replaceIn(after)}
	case after.isFile:
		return []string{after.replaceIn(before)}
	}
	return nil
}

// named is z under another name.
func named(z *zones.Zone, name string) *zones.Zone {
	renamed := *z
	renamed.Name = name
	return &renamed
}

// replaceIn makes of s, one zone, all zones of other with that one replaced.
func (s *zoneSet) replaceIn(other *zoneSet) (name string) {
	s.zones = replaced(other.zones, s.zones[0])
	return s.zones[len(s.zones)-1].Name
}

// replaced is all with z, as the last, in place of the one of its name.
func replaced(all []*zones.Zone, z *zones.Zone) []*zones.Zone {
	others := slices.DeleteFunc(slices.Clone(all), func(o *zones.Zone) bool { return o.Name == z.Name })
	return append(others, z)
}

// haveZones says which of names is a zone of neither side.
func haveZones(names []string, sides ...[]*zones.Zone) error {
	var have []string
	for _, z := range slices.Concat(sides...) {
		have = append(have, z.Name)
	}
	slices.Sort(have)
	have = slices.Compact(have)
	for _, name := range names {
		if slices.Contains(have, name) {
			continue
		}
		text := fmt.Sprintf("no zone %q; have %s", name, strings.Join(have, ", "))
		if near := tomlfile.Nearest(name, have); near != "" {
			text += "; did you mean " + near + "?"
		}
		return problem{errors.New(text)}
	}
	return nil
}
