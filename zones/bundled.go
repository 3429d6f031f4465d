package zones

import (
	"embed"
	"fmt"
	"path"
	"slices"
	"strings"
)

// DefaultEdition is the edition that is used unless another is chosen.
const DefaultEdition = "2026-03-24"

// files are the bundled zones: data/EDITION/NAME.toml.
//
//go:embed data
var files embed.FS

// Editions gives the bundled editions, oldest first.
func Editions() []string {
	entries, err := files.ReadDir("data")
	if err != nil {
		panic("zones: " + err.Error())
	}
	var editions []string
	for _, e := range entries {
		if e.IsDir() {
			editions = append(editions, e.Name())
		}
	}
	return editions
}

// BundledNames gives the names of the zones of a bundled edition, sorted; none
// where there is no such edition.
func BundledNames(edition string) []string {
	entries, err := files.ReadDir(path.Join("data", edition))
	if err != nil {
		return nil
	}
	var names []string
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), ".toml"); ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// Bundled gives the zones of a bundled edition, by name.
func Bundled(edition string) ([]*Zone, error) {
	if !slices.Contains(Editions(), edition) {
		return nil, fmt.Errorf("no edition %q; have %s", edition, strings.Join(Editions(), ", "))
	}
	var zones []*Zone
	for _, name := range BundledNames(edition) {
		file := path.Join("data", edition, name+".toml")
		data, err := files.ReadFile(file)
		if err != nil {
			return nil, err
		}
		z, problems := Parse(name, file, data)
		if z == nil {
			return nil, fmt.Errorf("bundled edition %s: %s", edition, strings.TrimSpace(problems.String()))
		}
		zones = append(zones, z)
	}
	return zones, nil
}
