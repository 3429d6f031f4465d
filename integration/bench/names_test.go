//go:build linux

package main

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"splitdns/matcher"
	"splitdns/zones"
)

// bundled are the zones of the default edition.
var bundled = sync.OnceValues(func() ([]*zones.Zone, error) { return zones.Bundled(zones.DefaultEdition) })

// published says whether a pattern of the default edition, but for its catch-alls,
// matches name.
func published(t *testing.T, name string) bool {
	t.Helper()
	n, err := matcher.ParseName(name)
	if err != nil {
		t.Fatal(err)
	}
	all, err := bundled()
	if err != nil {
		t.Fatal(err)
	}
	for _, z := range all {
		for _, r := range z.Rows {
			for p := range r.Patterns.All() {
				if !z.CatchAll && p.Matches(n) {
					return true
				}
			}
		}
	}
	return false
}

func TestHotNames(t *testing.T) {
	names, err := hotNames(hotCount)
	if err != nil {
		t.Fatal(err)
	}
	distinct := map[string]bool{}
	for _, name := range names {
		distinct[name] = true
	}
	if len(names) != hotCount || len(distinct) != hotCount {
		t.Fatalf("%d names, %d of them different, want %d", len(names), len(distinct), hotCount)
	}
	for i := range 20 {
		if got, want := published(t, names[i]), i%2 == 0; got != want {
			t.Errorf("name %d, %s: published is %v, want %v", i, names[i], got, want)
		}
	}
	count := 0
	for _, name := range names {
		if !strings.HasSuffix(name, ".example") {
			count++
		}
	}
	if count != hotCount/2 {
		t.Errorf("%d names are published, want half of %d", count, hotCount)
	}
}

func TestMissSuffixesMakePublishedAndOtherNames(t *testing.T) {
	suffixes, err := missSuffixes(16)
	if err != nil || len(suffixes) != 16 {
		t.Fatalf("%d suffixes, %v, want 16", len(suffixes), err)
	}
	for i, suffix := range suffixes {
		if got, want := published(t, "anything"+suffix), i < 8; got != want {
			t.Errorf("below %s, published is %v, want %v", suffix, got, want)
		}
	}
}

func TestZipf(t *testing.T) {
	z := newZipf(1000)
	if first, second := z.rank(0), z.rank(0.999999999); first != 0 || second != 999 {
		t.Errorf("ranks %d and %d, want 0 and 999", first, second)
	}
	if got := z.cumulative[999]; math.Abs(got-1) > 1e-9 {
		t.Errorf("all ranks together have the share %v", got)
	}
	for i := 1; i < 1000; i *= 3 {
		share := z.cumulative[i] - z.cumulative[i-1]
		if want := z.cumulative[0] / float64(i+1); math.Abs(share-want) > 1e-9 {
			t.Errorf("rank %d has the share %v, want %v", i, share, want)
		}
	}
}

func TestDraws(t *testing.T) {
	const count = 200_000
	var first, aaaa, misses, hits float64
	for _, q := range draws(hotCount, count, 0.1) {
		if q == miss {
			misses++
			continue
		}
		hits++
		if q/2 == 0 {
			first++
		}
		aaaa += float64(q % 2)
	}
	near := func(what string, got, want float64) {
		if math.Abs(got-want) > 0.01 {
			t.Errorf("%s: %v, want %v", what, got, want)
		}
	}
	near("misses", misses/count, 0.1)
	near("AAAA", aaaa/hits, shareAAAA)
	near("the most popular name", first/hits, newZipf(hotCount).cumulative[0])
	if !slices.Equal(draws(hotCount, 100, 0.1), draws(hotCount, 100, 0.1)) {
		t.Error("two rows of draws differ")
	}
}

func TestGrouped(t *testing.T) {
	kind := func(q int32) int { return int(q % 3) }
	got := grouped([]int32{0, 1, 3, 2, 4, 6, 7, 10}, 2, kind)
	if want := []int32{0, 3, 1, 4, 7, 10}; !slices.Equal(got, want) {
		t.Errorf("grouped: %v, want %v", got, want)
	}
	if got := grouped([]int32{5, 1, 3}, 1, kind); !slices.Equal(got, []int32{5, 1, 3}) {
		t.Errorf("in groups of one: %v, want the same order", got)
	}
}

func TestListedNamesAreDistinct(t *testing.T) {
	seen := map[string]bool{}
	for i := range 100_000 {
		name := listed(i * (listSize / 100_000))
		if _, err := matcher.ParseName(name); err != nil || seen[name] {
			t.Fatalf("name %d, %s: seen before is %v, error %v", i, name, seen[name], err)
		}
		seen[name] = true
	}
}

func TestListFormats(t *testing.T) {
	first := listed(0)
	for name, tt := range map[string]struct {
		format listFormat
		want   string // the first line that has a name
	}{
		"plain":   {plainList, first},
		"unbound": {unboundList, fmt.Sprintf("local-zone: %q always_nxdomain", first+".")},
		"dnsmasq": {dnsmasqList, "local=/" + first + "/"},
		"rpz":     {rpzList, first + " CNAME ."},
	} {
		t.Run(name, func(t *testing.T) {
			path, err := tt.format.write(t.TempDir(), 3)
			if err != nil {
				t.Fatal(err)
			}
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			body, ok := strings.CutPrefix(string(data), tt.format.Header)
			if got := strings.Split(body, "\n"); !ok || len(got) != 4 || got[0] != tt.want {
				t.Errorf("the file has %q, want three lines, the first %q", data, tt.want)
			}
		})
	}
}

func TestListIsWrittenOnce(t *testing.T) {
	dir := t.TempDir()
	kept := filepath.Join(dir, plainList.File)
	if err := os.WriteFile(kept, []byte("kept"), 0o600); err != nil {
		t.Fatal(err)
	}
	path, err := plainList.write(dir, 3)
	if err != nil || path != kept {
		t.Fatalf("write = %q, %v, want %q", path, err, kept)
	}
	if data, err := os.ReadFile(path); err != nil || string(data) != "kept" {
		t.Errorf("the file has %q, %v", data, err)
	}
}
