package compare

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"golang.org/x/net/publicsuffix"

	"splitdns/matcher"
	"splitdns/zones"
)

// names looks at each pattern of each row, with what all others have for the same names.
func (l *linter) names() {
	w := &walk{linter: l, takers: map[taker]*taken{}, gaps: map[*zones.Zone][]string{}}
	for _, r := range l.side.rows {
		w.row(r)
	}
	for _, key := range w.order {
		l.swallows(key, w.takers[key])
		l.outside(key, w.takers[key])
	}
	for _, r := range l.side.rows {
		if gaps := w.gaps[r.zone]; len(gaps) > 0 {
			delete(w.gaps, r.zone)
			l.addZone(r.zone, Finding{
				Severity: Note, Code: codeApex, Subjects: gaps,
				Text: "the names below are listed, not the name itself: " + some(gaps), Fix: apexFix(gaps[0]),
			})
		}
	}
}

// walk is a walk over all patterns.
type walk struct {
	*linter
	takers map[taker]*taken
	order  []taker
	gaps   map[*zones.Zone][]string // of rows without ranges
}

// taker is a pattern that takes in names of other rows.
type taker struct {
	*row
	pattern string
}

// taken is what a taker takes in.
type taken struct {
	names, zones []string // of other zones
	shares       bool     // some of these have ranges, and the taker's besides
	outside      []string // names of any zone that have ranges besides those of the taker
	ranges       map[*row]Ranges
	extra        []netip.Prefix // those ranges
}

// row looks at the patterns of one row.
func (w *walk) row(r *row) {
	var gaps, inherits, carved []string
	from, isCut := "", false
	for p := range r.row.Patterns.All() {
		if w.hasGap(r, p) {
			gaps = append(gaps, strings.TrimPrefix(p.String(), "*."))
		}
		hits := w.hits(p)
		w.take(r, p, hits)
		if r.row.CarveOut {
			carved = append(carved, p.String())
			isCut = isCut || publishes(wider(hits, p))
		} else if wide := givers(hits, p); len(wide) > 0 {
			inherits = append(inherits, p.String())
			from = wide[0].Pattern.String() + " (" + wide[0].Value.zone.Name + "/" + wide[0].Value.row.Name + ")"
		}
	}
	w.gap(r, gaps)
	w.inherits(r, inherits, from)
	if len(carved) > 0 && !isCut {
		w.add(r, Finding{
			Severity: Note, Code: codeIdle, Subjects: carved,
			Text: "carved out, but no wider pattern publishes ranges for " + some(carved), Fix: "none is needed; carve_out only guards against a zone with such a pattern",
		})
	}
}

// hasGap says whether p is for all names below one that no row has. It also looks at how wide p is.
func (w *walk) hasGap(r *row, p matcher.Pattern) bool {
	suffix, isWide := wideSuffix(p)
	if !isWide || r.zone.CatchAll {
		return false
	}
	w.suffix(r, p.String(), suffix)
	return strings.HasPrefix(p.String(), "*.") && w.lacksApex(suffix)
}

// hits are the patterns that match the names of p, p's own and wider ones.
func (l *linter) hits(p matcher.Pattern) []matcher.Match[*row] {
	s := l.side
	s.room = s.matcher.Lookup(s.room[:0], []byte(p.Example().Wire()))
	return slices.DeleteFunc(s.room, func(h matcher.Match[*row]) bool { return h.Pattern.Compare(p) < 0 })
}

// wider are those of hits whose patterns are wider than p.
func wider(hits []matcher.Match[*row], p matcher.Pattern) []matcher.Match[*row] {
	for i, h := range hits {
		if h.Pattern.Compare(p) > 0 {
			return hits[i:]
		}
	}
	return nil
}

// publishes says whether a row of hits publishes ranges that count.
func publishes(hits []matcher.Match[*row]) bool {
	return slices.ContainsFunc(counted(hits), func(h matcher.Match[*row]) bool { return len(h.Value.row.Prefixes) > 0 })
}

// givers are the hits that publish ranges for p though no row of just p does: hits is what matches it.
func givers(hits []matcher.Match[*row], p matcher.Pattern) []matcher.Match[*row] {
	for _, h := range hits {
		if h.Pattern.Compare(p) == 0 && (h.Value.row.CarveOut || len(h.Value.row.Prefixes) > 0) {
			return nil
		}
	}
	var wide []matcher.Match[*row]
	for _, h := range counted(hits) {
		if len(h.Value.row.Prefixes) > 0 {
			wide = append(wide, h)
		}
	}
	return wide
}

// lacksApex says whether no row matches suffix itself.
func (l *linter) lacksApex(suffix string) bool {
	if ending, icann := publicsuffix.PublicSuffix(suffix); ending == suffix && (icann || strings.Contains(suffix, ".")) {
		return false // nobody asks for those
	}
	name, err := matcher.ParseName(suffix)
	if err != nil {
		return false
	}
	l.side.room = l.side.matcher.Lookup(l.side.room[:0], []byte(name.Wire()))
	return len(l.side.room) == 0
}

// gap reports names of which only those below are listed. Where nothing is published for these,
// nothing much is lost, and one note for the zone says so.
func (w *walk) gap(r *row, gaps []string) {
	if len(gaps) > 0 && len(r.row.Prefixes) > 0 {
		w.add(r, Finding{
			Severity: Warning, Code: codeApex, Subjects: gaps,
			Text: "the names below have ranges, the name itself is not listed, and no pin holds it: " + some(gaps), Fix: apexFix(gaps[0]),
		})
		return
	}
	w.gaps[r.zone] = append(w.gaps[r.zone], gaps...)
}

// apexFix is how to close a gap.
func apexFix(name string) string {
	return "if a service answers there, list it too, or write ." + name + " for both"
}

// inherits reports names that publish no ranges and take those of a wider pattern.
func (l *linter) inherits(r *row, names []string, from string) {
	if len(names) == 0 {
		return
	}
	l.add(r, Finding{
		Severity: Warning, Code: codeInherits, Subjects: names,
		Text: fmt.Sprintf("no ranges are published in this row, but a pin would hold %s to those of %s", some(names), from),
		Fix:  "if others answer for them, such as a content delivery network, write carve_out = true",
	})
}

// vendorDomains are domains below which all of a vendor's services lie: a pattern for all
// of it belongs into a zone with catch_all.
var vendorDomains = []string{
	"apple.com", "azure.com", "google.com", "icloud.com", "live.com", "microsoft.com", "office.com", "office.net", "office365.com", "windows.com", "windows.net",
}

// suffix looks at a pattern for all names below a suffix.
func (l *linter) suffix(r *row, pattern, suffix string) {
	ending, icann := publicsuffix.PublicSuffix(suffix)
	f := Finding{Severity: Warning, Code: codeSuffix, Subjects: []string{pattern}}
	switch isPublic := suffix == ending; {
	case suffix == "home.arpa": // for everybody at home, RFC 8375
		return
	case suffix == "", isPublic && icann:
		f.Severity, f.Text = Problem, pattern+" is for the names of everybody: anyone can register one below"
		f.Fix = "name the domains that are meant"
	case isPublic && strings.Contains(suffix, "."), IsRented(suffix):
		f.Text = pattern + " is for the names of all customers of that service: anyone can get one below"
		f.Fix = "name the hosts that are meant, or give the pattern a zone with catch_all = true"
	case slices.Contains(vendorDomains, suffix):
		f.Code, f.Text = codeCatchAll, pattern+` takes in everything of that vendor, and every rule for zones = ["*"] with it`
		f.Fix = "give it a zone of its own with catch_all = true"
	default:
		return
	}
	l.add(r, f)
}

// take notes the wider patterns of other rows that match p of r too.
func (w *walk) take(r *row, p matcher.Pattern, hits []matcher.Match[*row]) {
	if r.zone.CatchAll {
		return
	}
	for _, h := range wider(hits, p) {
		if h.Value == r || h.Value.zone.CatchAll {
			continue
		}
		key := taker{h.Value, h.Pattern.String()}
		t := w.takers[key]
		if t == nil {
			t = &taken{ranges: map[*row]Ranges{}}
			w.takers[key] = t
			w.order = append(w.order, key)
		}
		t.add(r, p, h.Value)
	}
}

// add adds p of r, which by takes in.
func (t *taken) add(r *row, p matcher.Pattern, by *row) {
	bothPublish := len(by.row.Prefixes) > 0 && len(r.row.Prefixes) > 0 && !r.row.CarveOut
	if r.zone != by.zone {
		t.names = append(t.names, p.String())
		t.shares = t.shares || bothPublish
		if !slices.Contains(t.zones, r.zone.Name) {
			t.zones = append(t.zones, r.zone.Name)
		}
	}
	if !bothPublish {
		return
	}
	extra, ok := t.ranges[r]
	if !ok {
		extra = RangesOf(r.row.Prefixes...).Without(RangesOf(by.row.Prefixes...))
		t.ranges[r] = extra
		t.extra = append(t.extra, extra.Prefixes()...)
	}
	if !extra.IsEmpty() {
		t.outside = append(t.outside, p.String())
	}
}

// swallows reports a pattern that takes in names of other zones: rules for its zone find them
// too. That is common, and only worth a word where they are of many zones, or share ranges.
func (l *linter) swallows(by taker, t *taken) {
	const manyZones = 3
	if !t.shares && len(t.zones) < manyZones {
		return
	}
	f := Finding{
		Severity: Note, Code: codeSwallows, Subjects: t.names,
		Text: fmt.Sprintf("%s takes in %s of %s: %s", by.pattern, count(len(t.names), "name", "names"), some(t.zones), some(t.names)),
		Fix:  "if rules for this zone are not meant for them, name the hosts that are",
	}
	if t.shares {
		f.Severity, f.Text = Warning, f.Text+"; a pin on these lets the ranges of this row pass, too"
	}
	l.add(by.row, f)
}

// outside reports that narrower rows contradict a pattern: it publishes ranges, and they others.
func (l *linter) outside(by taker, t *taken) {
	if len(t.outside) == 0 {
		return
	}
	extra := RangesOf(t.extra...)
	l.add(by.row, Finding{
		Severity: Note, Code: codeOutside, Subjects: t.outside,
		Text: fmt.Sprintf("%s publishes ranges, and rows for %s below it others, outside of them: %s for %s",
			by.pattern, count(len(t.outside), "name", "names"), prefixList(extra), some(t.outside)),
		Fix: "none is needed: answers are held to all of them together; neither alone is right",
	})
}
