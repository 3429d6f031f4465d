package compare_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"splitdns/zones"
	"splitdns/zones/compare"
)

// Whatever two zone files hold, a comparison says the same both ways, nothing of a file
// and itself, and no look at them panics.
func FuzzCompare(f *testing.F) {
	for _, texts := range [][2]string{
		{rowText([]string{"r", "x.example", "192.0.2.1"}), rowText([]string{"s", "*.example", "192.0.2.0/24", "2001:db8::/32"})},
		{rowText([]string{"r", "{0..50}-c.example", "10.0.0.0/8", "17.0.0.0/8"}), rowText([]string{"r", "{7..99}-c.example", "{8..9}-c.example", "!"})},
		{rowText([]string{"r", "*", ".", "*.com", "x{1..2}.a*b.*.example"}), rowText([]string{"r", "0.0.0.0/0", "::/0", "tcp/443"})},
		{rowText([]string{"r", "{0..5}.0.0.a", "n1.a", "n2.a", "n4.a", "n9999.a"}), rowText([]string{"r", "{18446744073709551614..18446744073709551615}.a"})},
	} {
		f.Add([]byte(texts[0]), []byte(texts[1]))
	}
	f.Fuzz(func(t *testing.T, before, after []byte) {
		a, _ := zones.Parse("a", "a.toml", before)
		b, _ := zones.Parse("a", "b.toml", after)
		if a == nil || b == nil {
			return
		}
		old, current := []*zones.Zone{a}, []*zones.Zone{b}
		if d := compare.Compare(old, old); !d.IsEmpty() {
			t.Errorf("not equal to itself: %+v", d)
		}
		rejects, admits := perName(compare.Compare(old, current))
		rejectsBack, admitsBack := perName(compare.Compare(current, old))
		if diff := cmp.Diff([]any{rejects, admits}, []any{admitsBack, rejectsBack}); diff != "" {
			t.Error(diff)
		}
		compare.Lint([]*zones.Zone{a, b}, compare.LintOptions{Now: now, Newest: current})
		if l := compare.Lost(a, b); l.Percent() < 0 || l.Percent() > 100 {
			t.Errorf("lost %+v", l)
		}
	})
}
