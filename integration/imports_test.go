package integration_test

import (
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"
)

// imports is the direction of imports: what each package of the product may
// import of the others. A pattern is one of path.Match.
var imports = map[string][]string{
	"matcher":                    {},
	"zones/tomlfile":             {},
	"zones":                      {"matcher", "zones/tomlfile"},
	"zones/importer":             {"matcher", "zones", "zones/compare", "zones/tomlfile"},
	"zones/compare":              {"matcher", "zones"},
	"zones/redirect":             {},
	"zones/export":               {"matcher", "zones", "zones/tomlfile"},
	"server/policy":              {"matcher", "zones"},
	"server/config":              {"matcher", "zones", "zones/compare", "zones/tomlfile", "server/policy", "server/internal/feed", "server/internal/localzone", "server/internal/wire"},
	"server/internal/*":          {"matcher", "server/policy", "server/internal/*"},
	"server/internal/feed":       {"matcher", "zones", "zones/compare", "zones/importer", "zones/redirect", "zones/tomlfile", "server/internal/statedir"},
	"server/internal/statedir":   {},
	"server/internal/drift":      {"matcher", "zones", "zones/compare", "server/policy"},
	"server/internal/localzone":  {"matcher", "zones/tomlfile", "server/internal/wire"},
	"server/internal/sim":        {"matcher", "zones", "server/policy", "server/internal/wire"},
	"server/internal/servertest": {},
	"server":                     {"matcher", "zones", "zones/tomlfile", "server/policy", "server/config", "server/internal/*"},
	"server/replay":              {"matcher", "server", "server/config", "server/policy", "server/internal/querylog", "server/internal/wire"},
	"cmd/splitdns":               {"matcher", "zones", "zones/*", "server/config", "server", "server/replay"},
	"integration":                {},
	"integration/*":              {"matcher", "zones"},

	"server/internal/addressfeed": {"matcher", "zones", "zones/export", "server/policy", "server/internal/drift"},
}

// restricted are modules that only some packages import, outside of tests.
var restricted = map[string][]string{
	"github.com/miekg/dns":                {"server/internal/wire", "server/internal/localzone", "server/internal/servertest"},
	"github.com/spf13/cobra":              {"cmd/splitdns"},
	"github.com/google/go-cmp":            {},
	"github.com/dop251/goja":              {},
	"github.com/rogpeppe/go-internal":     {},
	"github.com/BurntSushi/toml":          {"zones/tomlfile"},
	"github.com/gaissmai/bart":            {"server/policy"},
	"go4.org/netipx":                      {"zones/compare"},
	"golang.org/x/net/publicsuffix":       {"zones/compare", "server/internal/drift"},
	"github.com/fsnotify/fsnotify":        {"server"},
	"github.com/google/nftables":          {"server/internal/nftset"},
	"github.com/hashicorp/golang-lru":     {"server/internal/cache"},
	"github.com/mdlayher":                 {"server/internal/nftset"},
	"github.com/prometheus":               {},
	"splitdns/server/internal/servertest": {},
}

// forTests are what must not be linked into the command.
var forTests = []string{
	"testing", "github.com/google/go-cmp", "github.com/dop251/goja", "github.com/rogpeppe/go-internal", "github.com/prometheus", "google.golang.org/protobuf",
	"splitdns/server/internal/servertest",
}

func TestImportsPointOneWay(t *testing.T) {
	const module = "splitdns/"
	for line := range strings.Lines(list(t, "-f", `{{.ImportPath}} {{join .Imports " "}}`, module+"...")) {
		words := strings.Fields(line)
		name := strings.TrimPrefix(words[0], module)
		for _, imported := range words[1:] {
			if own, ok := strings.CutPrefix(imported, module); ok && !matchesAny(allowedFor(t, name), own) {
				t.Errorf("%s imports %s", name, own)
			}
			for tree, users := range restricted {
				if within(imported, tree) && !slices.Contains(users, name) {
					t.Errorf("%s imports %s, which only %q may", name, imported, users)
				}
			}
		}
	}
}

func TestNothingForTestsIsLinked(t *testing.T) {
	for _, name := range strings.Fields(list(t, "-deps", "splitdns/cmd/splitdns")) {
		if slices.ContainsFunc(forTests, func(tree string) bool { return within(name, tree) }) {
			t.Errorf("the command has %s", name)
		}
	}
}

// list is what `go list` prints.
func list(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list"}, args...)...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", cmd, err, &stderr)
	}
	if len(out) == 0 {
		t.Fatalf("%s prints nothing", cmd)
	}
	return string(out)
}

// allowedFor is what the package name may import: by its own line, or by that of
// a pattern.
func allowedFor(t *testing.T, name string) []string {
	t.Helper()
	if allowed, ok := imports[name]; ok {
		return allowed
	}
	for pattern, allowed := range imports {
		if matchesAny([]string{pattern}, name) {
			return allowed
		}
	}
	t.Errorf("%s is a new package: say in this test what it may import", name)
	return []string{"*", "*/*", "*/*/*"}
}

// matchesAny says whether one of patterns matches name.
func matchesAny(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		ok, err := path.Match(p, name)
		return ok && err == nil
	})
}

// within says whether a package is tree, or lies below it.
func within(name, tree string) bool {
	return name == tree || strings.HasPrefix(name, tree+"/")
}
