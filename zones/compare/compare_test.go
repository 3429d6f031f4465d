package compare_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"splitdns/matcher"
	"splitdns/zones"
	"splitdns/zones/compare"
)

func TestCompareByMeaning(t *testing.T) {
	for name, c := range map[string]struct{ before, after, want string }{
		"nothing": {"zone a\nr x.example 192.0.2.1", "zone a\nr x.example 192.0.2.1", ""},
		"sorted into other rows": {
			"zone a\nr x.example 192.0.2.0/25 192.0.2.128/25\ns y.example", "zone a\nt y.example x.example\nu x.example 192.0.2.0/24", "",
		},
		"other ranges": {
			"zone a\nr x.example 192.0.2.0/25", "zone a\nr x.example 192.0.2.64/26 198.51.100.1",
			"a [x.example]: [192.0.2.0/25] to [192.0.2.64/26 198.51.100.1/32] rejects [192.0.2.0/26] admits [198.51.100.1/32] judged [] unjudged []",
		},
		"a wider row counts": {
			"zone a\nr *.x.example 192.0.2.1\ns n.x.example 192.0.2.2", "zone a\nr *.x.example 192.0.2.2\ns n.x.example 192.0.2.1",
			"a [*.x.example]: [192.0.2.1/32] to [192.0.2.2/32] rejects [192.0.2.1/32] admits [192.0.2.2/32] judged [] unjudged []",
		},
		"carved out": {
			"zone a\nr *.x.example 192.0.2.1\nzone b\ns n.x.example", "zone a\nr *.x.example 192.0.2.1\nzone b\ns n.x.example !",
			"b [n.x.example]: [192.0.2.1/32] to [] rejects [] admits [] judged [] unjudged [4]",
		},
		"ranges for the first time": {
			"zone a\nr x.example", "zone a\nr x.example 192.0.2.1 2001:db8::/32",
			"a [x.example]: [] to [192.0.2.1/32 2001:db8::/32] rejects [] admits [] judged [4 6] unjudged []",
		},
		"another IP version": {
			"zone a\nr x.example 192.0.2.1", "zone a\nr x.example 192.0.2.1 2001:db8::/32",
			"a [x.example]: [192.0.2.1/32] to [192.0.2.1/32 2001:db8::/32] rejects [] admits [] judged [6] unjudged []",
		},
		"new and gone": {"zone a\nr x.example", "zone a\nr y.example", "a [x.example]: gone [a] []\na [y.example]: new [] [a]"},
		"only a wider pattern": {
			"zone a\nr *.x.example n.x.example", "zone a\nr *.x.example", "a [n.x.example]: wider [] [] *.x.example",
		},
		"only the wider pattern of another zone": {
			"zone a\nr n.x.example\nzone b\nr *.x.example", "zone a\nr m.example\nzone b\nr *.x.example",
			"a [m.example]: new [] [a]\nb [n.x.example]: wider [a] [] *.x.example",
		},
		"moved": {
			"zone a\nr x.example y.example\nzone b\nr z.example", "zone a\nr y.example\nzone b\nr z.example x.example",
			"b [x.example]: moved [a] [b]",
		},
		"in another zone, too": {"zone a\nr x.example", "zone a\nr x.example\nzone b\nr x.example", "a [x.example]: also [] [b]"},
		"a range of numbers that grows": {
			"zone a\nr {0..50}-c.example", "zone a\nr {0..60}-c.example", "a [{51..60}-c.example]: new [] [a]",
		},
		"a range of numbers with a hole": {
			"zone a\nr {0..9}c.example", "zone a\nr {0..4}c.example {6..9}c.example", "a [5c.example]: gone [a] []",
		},
		"a range of numbers of which a part moves": {
			"zone a\nr {0..9}.c.example 192.0.2.1", "zone a\nr {0..7}.c.example 192.0.2.1\ns {8..9}.c.example 192.0.2.2",
			"a [{8..9}.c.example]: [192.0.2.1/32] to [192.0.2.2/32] rejects [192.0.2.1/32] admits [192.0.2.2/32] judged [] unjudged []",
		},
		"the largest numbers": {
			"zone a\nr x{0..18446744073709551615}.example", "zone a\nr x{5..18446744073709551615}.example", "a [x{0..4}.example]: gone [a] []",
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := meaning(compare.Compare(state(t, c.before), state(t, c.after)))
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestCompareByRow(t *testing.T) {
	for name, c := range map[string]struct{ before, after, want string }{
		"nothing":             {"zone a\nr x.example y.example", "zone a\nr y.example x.example", ""},
		"renamed":             {"zone a\nr x.example 192.0.2.1", "zone a\ns x.example 192.0.2.1", "a changed: s renamed r + -"},
		"renamed and changed": {"zone a\nr x.example y.example", "zone a\ns y.example x.example z.example", "a changed: s renamed r +z.example -"},
		"the best overlap": {
			"zone a\nr a.example b.example c.example\ns d.example e.example", "zone a\nu d.example e.example\nv a.example b.example d.example",
			"a changed: u renamed s + -, v renamed r +d.example -c.example",
		},
		"by name first":             {"zone a\nr x.example\ns y.example", "zone a\nr y.example\ns x.example", "a changed: r changed +y.example -x.example, s changed +x.example -y.example"},
		"added and gone":            {"zone a\nr x.example", "zone a\ns y.example", "a changed: s added +y.example -, r gone + -x.example"},
		"zones":                     {"zone a\nr x.example", "zone b\nr x.example", "a gone: r gone + -x.example; b added: r added +x.example -"},
		"a catch-all":               {"zone a\nr x.example", "zone a catch-all\nr x.example", "a changed:"},
		"what a row says of itself": {"zone a\nr x.example\ns y.example", "zone a\nr x.example !\ns y.example optional", "a changed: r changed + -, s changed + -"},
	} {
		t.Run(name, func(t *testing.T) {
			var zonesText []string
			for _, z := range compare.Compare(state(t, c.before), state(t, c.after)).Zones {
				var rows []string
				for _, r := range z.Rows {
					words := strings.Fields(fmt.Sprintf("%s %s %s", r.Name, r.Status, r.OldName))
					rows = append(rows, strings.Join(words, " ")+" +"+strings.Join(r.Names.Added, "+")+" -"+strings.Join(r.Names.Gone, "-"))
				}
				zonesText = append(zonesText, strings.TrimSpace(z.Name+" "+z.Status+": "+strings.Join(rows, ", ")))
			}
			if got := strings.Join(zonesText, "; "); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

// randomState is a random state of up to three zones of few names, so that states have much in common.
func randomState(t *testing.T, r *rand.Rand) []*zones.Zone {
	t.Helper()
	names := []string{"a.example", "*.example", "b.a.example", "*.a.example", ".b.example", "{0..9}.example", "{3..20}.example", "x*.example", "5.example", "*"}
	prefixes := []string{"192.0.2.0/24", "192.0.2.1", "192.0.2.128/25", "198.51.100.0/24", "2001:db8::/32", "2001:db8:1::/48"}
	var text strings.Builder
	for _, zone := range []string{"one", "two", "three"}[:1+r.IntN(3)] {
		fmt.Fprintf(&text, "zone %s\n", zone)
		for i := range 1 + r.IntN(3) {
			fmt.Fprintf(&text, "r%d %s", i, names[r.IntN(len(names))])
			for range r.IntN(3) {
				text.WriteString(" " + names[r.IntN(len(names))])
			}
			for range r.IntN(3) {
				text.WriteString(" " + prefixes[r.IntN(len(prefixes))])
			}
			text.WriteString([]string{"", "", "", " !"}[r.IntN(4)] + "\n")
		}
	}
	return state(t, text.String())
}

func TestDiffOfAStateWithItselfIsEmpty(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 100 {
		s := randomState(t, r)
		if d := compare.Compare(s, s); !d.IsEmpty() {
			t.Fatalf("%+v", d)
		}
	}
}

func TestDiffBackwardsIsTheOpposite(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for range 200 {
		a, b := randomState(t, r), randomState(t, r)
		forth, back := compare.Compare(a, b), compare.Compare(b, a)
		rejected, admitted := perName(forth)
		rejectedBack, admittedBack := perName(back)
		if diff := cmp.Diff(rejected, admittedBack); diff != "" {
			t.Fatalf("what one way rejects, the other does not admit:\n%s", diff)
		}
		if diff := cmp.Diff(admitted, rejectedBack); diff != "" {
			t.Fatalf("what one way admits, the other does not reject:\n%s", diff)
		}
	}
}

// perName is what a pin would reject and admit, by name.
func perName(d compare.Diff) (rejects, admits map[string]string) {
	rejects, admits = map[string]string{}, map[string]string{}
	for _, c := range d.Ranges {
		for _, name := range c.Names {
			rejects[name], admits[name] = fmt.Sprint(c.Rejects), fmt.Sprint(c.Admits)
		}
	}
	return rejects, admits
}

func TestBundledEditions(t *testing.T) {
	before, after := bundled(t, "2020-09-08"), bundled(t, "2026-03-24")
	s := compare.Compare(before, after).Summary
	if want := (compare.Kept{Before: 55, Gone: 55}); s.Singles.Before != want.Before || s.Singles.Gone != want.Gone || s.Singles.Kept != 0 {
		t.Errorf("single addresses %+v, want none of 55 kept", s.Singles)
	}
	if s.Prefixes.Before != 15 || s.Prefixes.Kept != 14 || s.Prefixes.Gone != 1 {
		t.Errorf("prefixes %+v, want 14 of 15 kept", s.Prefixes)
	}
	if s.IPv6.Before != 0 || s.IPv6.New == 0 || len(s.ZonesGone) != 0 || s.ZonesAfter-s.ZonesBefore != len(s.ZonesAdded) {
		t.Errorf("summary %+v", s)
	}
}

// bundled are the zones of an edition.
func bundled(t testing.TB, edition string) []*zones.Zone {
	t.Helper()
	all, err := zones.Bundled(edition)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestLost(t *testing.T) {
	old := "zone a\nr x.n.example y.example {0..9}.c.example 192.0.2.0/25 192.0.2.128/25 198.51.100.1"
	for name, c := range map[string]struct {
		after   string
		want    compare.Loss
		percent int
	}{
		"the same":                    {old, compare.Loss{Names: 3, Prefixes: 3, Pinned: 3}, 0},
		"wider patterns and prefixes": {"zone a\nr *.n.example y.example {0..99}.c.example 192.0.2.0/24 198.51.100.0/24", compare.Loss{Names: 3, Prefixes: 3, Pinned: 3}, 0},
		"a name":                      {"zone a\nr x.n.example {0..9}.c.example 192.0.2.0/24 198.51.100.1", compare.Loss{Names: 3, NamesGone: 1, Prefixes: 3, Pinned: 3}, 34},
		"half a prefix":               {"zone a\nr x.n.example y.example {0..9}.c.example 192.0.2.0/26 192.0.2.128/25 198.51.100.1", compare.Loss{Names: 3, Prefixes: 3, PrefixesGone: 1, Pinned: 3}, 34},
		"everything":                  {"zone a\nr z.example", compare.Loss{Names: 3, NamesGone: 3, Prefixes: 3, PrefixesGone: 3, Pinned: 3}, 100},
		"ranges that went to a name of nobody": {
			"zone a\nr x.n.example y.example {0..9}.c.example\ns a.invalid 192.0.2.0/24 198.51.100.1",
			compare.Loss{Names: 3, Prefixes: 3, Pinned: 3, PinsLost: 3},
			100,
		},
	} {
		got := compare.Lost(state(t, old)[0], state(t, c.after)[0])
		if got != c.want || got.Percent() != c.percent {
			t.Errorf("%s: %+v, %d %%; want %+v, %d %%", name, got, got.Percent(), c.want, c.percent)
		}
	}
	if got := compare.Lost(&zones.Zone{}, state(t, old)[0]).Percent(); got != 0 {
		t.Errorf("nothing can lose nothing: %d %%", got)
	}
}

func TestNamesThatOnlyACatchAllHas(t *testing.T) {
	d := compare.Compare(
		state(t, "zone a\nr x.example y.example z.example\nzone b catch-all\nr *.example u.example"),
		state(t, "zone a\nr y.example u.example\nzone b catch-all\nr *.example z.example"))
	var lost []string
	for _, c := range d.Names {
		if c.OutOfAll {
			lost = append(lost, c.Names...)
		}
	}
	if got := strings.Join(lost, " "); got != "z.example x.example" {
		t.Errorf(`"*" loses %q, want x.example and z.example`, got)
	}
}

func TestOnlyLeavesTheNamedZones(t *testing.T) {
	d := compare.Compare(state(t, "zone a\nr x.example 192.0.2.1\nzone b\nr y.example"), state(t, "zone a\nr x.example 192.0.2.2\nzone b\nr z.example"))
	d.Only("a")
	if len(d.Zones) != 1 || d.Zones[0].Name != "a" || len(d.Ranges) != 1 || len(d.Names) != 0 {
		t.Errorf("%+v", d)
	}
}

// Lists of JSON are never null, and these are its keys: whoever reads them counts on both.
func TestJSONHasTheSameShapeAlways(t *testing.T) {
	d := compare.Compare(state(t, "zone a\nr x.example 192.0.2.1\ns u.example"), state(t, "zone a\nr x.example 192.0.2.2\ns v.example"))
	text, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	var tree map[string]any
	if err := json.Unmarshal(text, &tree); err != nil {
		t.Fatal(err)
	}
	want := `names[]:from[] kind names[] out_of_all to[] zone` + "\n" +
		`ranges[]:admits[] admitted{} after{} before{} carved_out judged[] known_after known_before names[] new[] old[] rejected{} rejects[] unjudged[] zone` + "\n" +
		`summary:ipv6{} names_after names_before names_gone names_moved names_new names_wider pins_changed pins_gained pins_lost prefixes{} single_addresses{} zones_added[] zones_after zones_before zones_gone[]` + "\n" +
		`zones[]:after{} before{} name names{} ports{} prefixes{} rows[] status`
	if diff := cmp.Diff(want, shape(tree)); diff != "" {
		t.Errorf("%s\n%s", diff, text)
	}
	if strings.Contains(string(text), "null") {
		t.Errorf("null in %s", text)
	}
	empty, err := json.Marshal(compare.Compare(nil, nil))
	if err != nil || strings.Contains(string(empty), "null") {
		t.Errorf("%v: null in %s", err, empty)
	}
}

// shape is the keys of a tree, two levels deep.
func shape(tree map[string]any) string {
	var lines []string
	for _, key := range sorted(tree) {
		inner, isObject := tree[key].(map[string]any)
		mark := ""
		if list, ok := tree[key].([]any); ok {
			mark = "[]"
			inner, isObject = list[0].(map[string]any), true
		}
		if !isObject {
			continue
		}
		var words []string
		for _, k := range sorted(inner) {
			switch reflect.ValueOf(inner[k]).Kind() {
			case reflect.Slice:
				k += "[]"
			case reflect.Map:
				k += "{}"
			}
			words = append(words, k)
		}
		lines = append(lines, key+mark+":"+strings.Join(words, " "))
	}
	return strings.Join(lines, "\n")
}

// long is a state with a list of n names, of which some differ with seed, in one row with a range.
func long(n, seed int) []*zones.Zone {
	var b matcher.ListBuilder
	for i := range n {
		b.AddPlain(fmt.Appendf(nil, "host%d.net%d.example", i*(1+i%seed), i%5000))
	}
	b.AddPlain([]byte("*.net7.example"))
	row := zones.Row{Name: "list", Patterns: b.List(), Required: true, Prefixes: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}}
	wide := zones.Row{Name: "wide", Patterns: matcher.ListOf(must(matcher.ParsePattern("*.example"))), Required: true}
	return []*zones.Zone{{Name: "long", Rows: []zones.Row{row}}, {Name: "wide", Rows: []zones.Row{wide}}}
}

// must is v: what the tests write is right.
func must[V any](v V, err error) V {
	if err != nil {
		panic(err)
	}
	return v
}

// Nothing here may take the square of a long list.
func TestLongListsTakeSeconds(t *testing.T) {
	const names = 200_000
	a, b := long(names, 2), long(names, 3)
	start := time.Now()
	d := compare.Compare(a, b)
	if d.IsEmpty() {
		t.Error("no difference")
	}
	took := time.Since(start)
	start = time.Now()
	compare.Lint(b, compare.LintOptions{})
	lint := time.Since(start)
	start = time.Now()
	compare.Lost(a[0], b[0])
	t.Logf("%d names: compared in %v, linted in %v, lost in %v", names, took, lint, time.Since(start))
	if limit := 2 * time.Minute; took > limit || lint > limit {
		t.Errorf("took %v and %v, want less than %v", took, lint, limit)
	}
}
