package importer

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// together settles, format by format, what documents say about one another.
func together(all []*reading) error {
	for _, f := range formats {
		if f.together == nil {
			continue
		}
		var alike []*reading
		for _, r := range all {
			if r.format.name == f.name {
				alike = append(alike, r)
			}
		}
		if len(alike) == 0 {
			continue
		}
		if err := f.together(alike); err != nil {
			return err
		}
	}
	return nil
}

// selectRows leaves only the drafts whose rows will have one of the names.
func selectRows(all []*reading, names []string) error {
	if len(names) == 0 {
		return nil
	}
	met := make([]bool, len(names))
	for _, r := range all {
		read := len(r.drafts)
		r.drafts = slices.DeleteFunc(r.drafts, func(d draft) bool { return !isWanted(d.rowName(), names, met) })
		if left := read - len(r.drafts); left > 0 {
			r.note(0, Skipped, "%d of %d rows, which were not asked for", left, read)
		}
	}
	for i, ok := range met {
		if !ok {
			return fmt.Errorf("no row is called %q; without a choice of rows all of them are shown", names[i])
		}
	}
	return nil
}

// isWanted says whether a row's name is among names, and marks those that met it.
func isWanted(row string, names []string, met []bool) bool {
	wanted := false
	for i, name := range names {
		ok, err := path.Match(strings.ToLower(name), row)
		if ok && err == nil {
			wanted, met[i] = true, true
		}
	}
	return wanted
}
