package main

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"splitdns/server/config"
	"splitdns/zones"
	"splitdns/zones/compare"
	"splitdns/zones/tomlfile"
)

// zonesLintCommand is `splitdns zones lint`.
func zonesLintCommand() *cobra.Command {
	var o lintOptions
	c := &cobra.Command{
		Use:   "lint [ZONE…|FILE…|FOLDER…]",
		Short: "Find what is doubtful in zones: contradictions, gaps, stale and weak ranges",
		Long: `Find what is doubtful in zones: contradictions between copies, *.x without x, names
that take ranges they should not have, patterns for too much, addresses that are old,
others' or nobody's.

Looks at all zones of the edition or of the configuration, or only at the ZONEs that
are named. A FILE is a zone file, looked at as if it took the place of the zone of its
name, and a FOLDER stands for its zone files. What is found about one zone can lie in
another, so all are read. Findings are problems, warnings and notes; the exit code is 1
for problems, with --strict for warnings too.`,
		PreRunE: notBoth,
		RunE: func(c *cobra.Command, args []string) error {
			now, err := o.today()
			if err != nil {
				return misuse{c, err}
			}
			loaded, err := o.from.load()
			if err != nil {
				return err
			}
			return o.lint(c.OutOrStdout(), loaded, args, now)
		},
	}
	configFlag(c, &o.from.file)
	c.Flags().StringVar(&o.from.edition, "edition", "",
		"a bundled `EDITION` ("+strings.Join(zones.Editions(), ", ")+"), instead of a configuration's")
	c.Flags().BoolVar(&o.json, "json", false, "print JSON")
	c.Flags().BoolVar(&o.strict, "strict", false, "exit with 1 for warnings too")
	c.Flags().StringVar(&o.now, "now", "", "count ages to this `DATE`, such as 2026-03-24, instead of today")
	c.Flags().IntVar(&o.days, "max-age", int(compare.DefaultMaxAge/(24*time.Hour)), "how many `DAYS` old a publication may be")
	return c
}

// lintOptions say what to look at, and how.
type lintOptions struct {
	from         source
	json, strict bool
	now          string
	days         int
}

// today is the time to which ages are counted.
func (o *lintOptions) today() (time.Time, error) {
	if o.days < 1 {
		return time.Time{}, errors.New("--max-age: want a number of days, 1 at least")
	}
	if o.now == "" {
		return time.Now(), nil
	}
	now, err := time.Parse(time.DateOnly, o.now)
	if err != nil {
		return now, fmt.Errorf("--now: %q: want a date such as 2026-03-24", o.now)
	}
	return now, nil
}

// lint looks at those zones of c that args name, and at files.
func (o *lintOptions) lint(w io.Writer, c *config.Config, args []string, now time.Time) error {
	s := subjects{loaded: c.Zones}
	for _, arg := range args {
		if err := s.add(arg); err != nil {
			return err
		}
	}
	if err := haveZones(s.names, s.loaded); err != nil {
		return err
	}
	newest, err := zones.Bundled(zones.DefaultEdition)
	if err != nil {
		return err
	}
	found := append([]compare.Finding{}, s.found...) // never nil: JSON has a list
	found = append(found, compare.Lint(s.loaded, compare.LintOptions{
		Now: now, MaxAge: time.Duration(o.days) * 24 * time.Hour, Only: s.names, Newest: newest, Pinned: c.Pinned(),
	})...)
	slices.SortStableFunc(found, func(a, b compare.Finding) int { return cmp.Compare(a.Severity, b.Severity) })
	if o.json {
		err = writeJSON(w, found)
	} else {
		err = writeFindings(w, found)
	}
	if err == nil && slices.ContainsFunc(found, o.fails) {
		return errSaid{}
	}
	return err
}

// fails says whether f makes the exit code 1.
func (o *lintOptions) fails(f compare.Finding) bool {
	return f.Severity == compare.Problem || o.strict && f.Severity == compare.Warning
}

// subjects are what to look at.
type subjects struct {
	loaded []*zones.Zone
	names  []string          // of the zones that are reported on; none: all
	found  []compare.Finding // what reading files has found
}

// codeText is the code of what reading a zone file has found: its text is not in the plainest form.
const codeText = "text"

// add adds a zone, a file, or the files of a folder.
func (s *subjects) add(arg string) error {
	switch {
	case s.isFolder(arg):
		return s.addFolder(arg)
	case isFile(arg):
		return s.addFile(arg)
	}
	s.names = append(s.names, arg)
	return nil
}

// addFolder adds the zone files of a folder.
func (s *subjects) addFolder(folder string) error {
	files, err := zoneFiles(folder)
	if err != nil {
		return err
	}
	for _, file := range files {
		if err := s.addFile(file); err != nil {
			return err
		}
	}
	return nil
}

// isFolder says whether an argument means a folder: there is one, and no zone is called like that.
func (s *subjects) isFolder(arg string) bool {
	info, err := os.Stat(arg)
	return err == nil && info.IsDir() && !slices.ContainsFunc(s.loaded, func(z *zones.Zone) bool { return z.Name == arg })
}

// addFile adds a file, which takes its place among those that are loaded.
func (s *subjects) addFile(arg string) error {
	z, warnings, err := loadZoneFile(arg)
	if err != nil {
		return err
	}
	s.loaded = replaced(s.loaded, z)
	s.names = append(s.names, z.Name)
	for _, w := range warnings {
		s.found = append(s.found, compare.Finding{
			Severity: compare.Warning, Code: codeText, Zone: z.Name, File: w.File, Line: w.Line,
			Text: w.Key + ": " + w.Text, Fix: "write it as it was read", Subjects: []string{},
		})
	}
	return nil
}

// isFile says whether an argument means a file: no zone is called like that, or there is one.
func isFile(arg string) bool {
	if strings.HasSuffix(arg, ".toml") || strings.ContainsRune(filepath.ToSlash(arg), '/') {
		return true
	}
	info, err := os.Stat(arg)
	return err == nil && info.Mode().IsRegular()
}

// writeFindings writes a paragraph for each finding, and their number.
func writeFindings(w io.Writer, found []compare.Finding) error {
	p := &page{Writer: bufio.NewWriter(w)}
	var counts [compare.Note + 1]int
	for i := range found {
		f := &found[i]
		counts[f.Severity]++
		p.paragraph("", tomlfile.Shown(place(f)+": "+f.Severity.String()+": "+f.Text+" ["+f.Code+"]"))
		p.paragraph("  ", tomlfile.Shown("fix: "+f.Fix))
	}
	p.paragraph("", strings.Join([]string{
		plural(counts[compare.Problem], "problem"), plural(counts[compare.Warning], "warning"), plural(counts[compare.Note], "note"),
	}, ", "))
	return p.Flush()
}

// place says where f is: FILE:LINE, as editors jump to, or for a bundled zone ZONE/ROW.
func place(f *compare.Finding) string {
	name := f.Zone
	if f.Row != "" {
		name += "/" + f.Row
	}
	switch isBundled := path.Base(f.File) == f.Zone+".toml" && strings.HasPrefix(f.File, "data/"); {
	case f.File == "" || isBundled:
		return name
	case f.Line == 0:
		return f.File + ": " + name
	}
	return fmt.Sprintf("%s:%d: %s", f.File, f.Line, name)
}
