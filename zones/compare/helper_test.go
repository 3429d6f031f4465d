package compare_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"splitdns/zones"
	"splitdns/zones/compare"
)

// state reads zones: each begins with a line "zone NAME", or "zone NAME catch-all"; each further
// line is a row: its name, then what is in it. "!" carves out, "optional" is not required.
func state(t testing.TB, text string) (all []*zones.Zone) {
	t.Helper()
	var name, file string
	flush := func() {
		if name == "" {
			return
		}
		z, problems := zones.Parse(name, name+".toml", []byte(file))
		if z == nil {
			t.Fatalf("%s\n%s", problems, file)
		}
		all = append(all, z)
	}
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		switch {
		case len(words) == 0:
		case words[0] == "zone":
			flush()
			name, file = words[1], "vendor = \"V\"\n"
			for _, word := range words[2:] {
				if file += fmt.Sprintf("edition = %q\n", word); word == "catch-all" {
					file = "vendor = \"V\"\ncatch_all = true\n"
				}
			}
		default:
			file += rowText(words)
		}
	}
	flush()
	return all
}

// rowText is a row of a zone file.
func rowText(words []string) string {
	var names, prefixes, ports []string
	text := fmt.Sprintf("[row.%s]\n", words[0])
	for _, word := range words[1:] {
		_, err := zones.ParsePrefix(word)
		switch {
		case word == "!":
			text += "carve_out = true\n"
		case word == "optional":
			text += "required = false\n"
		case strings.HasPrefix(word, "@"):
			text += fmt.Sprintf("date = %q\n", word[1:])
		case strings.HasPrefix(word, "tcp/"), strings.HasPrefix(word, "udp/"):
			ports = append(ports, word)
		case err == nil:
			prefixes = append(prefixes, word)
		default:
			names = append(names, word)
		}
	}
	for key, list := range map[string][]string{"names": names, "prefixes": prefixes, "ports": ports} {
		if len(list) > 0 {
			text += fmt.Sprintf("%s = [\"%s\"]\n", key, strings.Join(list, `", "`))
		}
	}
	return text
}

// meaning is the part of d that is not by row, one line for each change.
func meaning(d compare.Diff) string {
	var lines []string
	for _, c := range d.Ranges {
		lines = append(lines, fmt.Sprintf("%s %v: %v to %v rejects %v admits %v judged %v unjudged %v", c.Zone, c.Names, c.Old, c.New, c.Rejects, c.Admits, c.Judged, c.Unjudged))
	}
	for _, c := range d.Names {
		lines = append(lines, strings.TrimSpace(fmt.Sprintf("%s %v: %s %v %v %s", c.Zone, c.Names, c.Kind, c.From, c.To, c.Pattern)))
	}
	return strings.Join(lines, "\n")
}

// sorted are the keys of a map.
func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
