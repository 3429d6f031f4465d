package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"splitdns/server"
)

// maxShown is how many addresses or names of a kind are shown to people.
const maxShown = 20

// driftText is a report in the making, for people.
type driftText struct{ strings.Builder }

// printDrift prints r for people.
func printDrift(w io.Writer, r *server.Drift) error {
	var t driftText
	seen := "seen from " + minute(r.From) + " to " + minute(r.Now)
	if r.Now.IsZero() {
		seen = "the query log is empty"
	}
	t.line("%s, held against config %s, edition %s", seen, r.Config, r.Edition)
	for i := range r.Zones {
		t.zone(&r.Zones[i])
	}
	t.near(r.Near)
	t.uncovered(r.Uncovered)
	if r.Shadow != nil {
		t.shadow(r.Shadow)
	}
	if len(r.Zones)+len(r.Near)+len(r.Uncovered) == 0 {
		t.line("\nno address outside the published ranges, and no name that the loaded zones lack")
	}
	if r.Lost > 0 {
		t.line("\n%d sightings are not in here: there was no room for so many names and addresses", r.Lost)
	}
	if r.Rows != "" {
		t.line("\nproposed rows (alone, as a file: --rows):\n")
		t.WriteString(r.Rows)
	}
	_, err := io.WriteString(w, t.String())
	return err
}

// line adds a line.
func (t *driftText) line(format string, args ...any) { fmt.Fprintf(t, format+"\n", args...) }

// more says that not all of so many are shown.
func (t *driftText) more(all int) {
	if all > maxShown {
		t.line("  and %d more: --json shows all", all-maxShown)
	}
}

// minute is at for people.
func minute(at time.Time) string {
	if at.IsZero() {
		return "never"
	}
	return at.Local().Format("2006-01-02 15:04")
}

// zone adds the addresses outside a zone.
func (t *driftText) zone(z *server.DriftZone) {
	t.line("\nzone %s: %s outside what it publishes", z.Zone, addresses(len(z.Addresses)))
	for i := range z.Addresses[:min(maxShown, len(z.Addresses))] {
		a := &z.Addresses[i]
		t.line("  %s: %s", a.Address, distance(a))
		if len(a.Elsewhere) > 0 {
			t.line("    published for other names: %s", shortened(a.Elsewhere))
		}
		names, left := fitting(a.Names)
		switch {
		case a.MoreNames:
			names += fmt.Sprintf(" and more than %d others", left)
		case left > 0:
			names += " and " + counted(left, "other")
		}
		t.line("    for %s", names)
		t.line("    %s", times(a.Times))
	}
	t.more(len(z.Addresses))
}

// addresses counts addresses.
func addresses(n int) string {
	if n == 1 {
		return "1 address"
	}
	return fmt.Sprintf("%d addresses", n)
}

// maxWide is how wide a list of names or addresses is made, in columns.
const maxWide = 50

// fitting are as many of words as fit, one at least, and how many are left.
func fitting(words []string) (text string, left int) {
	for i, word := range words {
		if i > 0 && len(text)+len(word) > maxWide {
			return text, len(words) - i
		}
		if i > 0 {
			text += ", "
		}
		text += word
	}
	return text, 0
}

// shortened is as many of words as fit, and how many others there are.
func shortened(words []string) string {
	text, left := fitting(words)
	if left > 0 {
		text += " and " + counted(left, "other")
	}
	return text
}

// distance says where the nearest published prefix is.
func distance(a *server.DriftAddress) string {
	n := a.Nearest
	wide := 8 // bits that hardly two networks of one owner have in common by chance
	if strings.Contains(a.Address, ":") {
		wide = 32
	}
	switch {
	case n == nil:
		return "nothing is published for its IP version"
	case n.Distance > 0:
		return fmt.Sprintf("%s %s %s", addresses(int(n.Distance)), n.Side, n.Prefix)
	case n.Common >= wide:
		return fmt.Sprintf("in the same /%d as %s", n.Common, n.Prefix)
	}
	return "far from all that is published; the nearest is " + n.Prefix
}

// times says when, how often and by whom something was seen.
func times(d server.DriftTimes) string {
	clients, left := fitting(d.Clients)
	switch more := d.ClientCount - len(d.Clients); {
	case more > 0:
		clients += fmt.Sprintf(" and about %d others", left+more)
	case left > 0:
		clients += " and " + counted(left, "other")
	}
	when := minute(d.First)
	if last := minute(d.Last); last != when {
		when += " to " + last
	}
	often := "once"
	if d.Count > 1 {
		often = fmt.Sprintf("%d times", d.Count)
	}
	return fmt.Sprintf("%s, %s, by %s", often, when, clients)
}

// near adds names that just miss a range.
func (t *driftText) near(all []server.DriftNear) {
	if len(all) == 0 {
		return
	}
	miss := "miss"
	if len(all) == 1 {
		miss = "misses"
	}
	t.line("\n%s that just %s a range of numbers", counted(len(all), "name"), miss)
	for _, n := range all[:min(maxShown, len(all))] {
		t.line("  %s: not in %s (%s/%s)", n.Name, n.Pattern, n.Zone, n.Row)
		if n.Wider != "" {
			t.line("    %s would hold it", n.Wider)
		}
		t.line("    %s", shortened(n.Addresses))
		t.line("    %s", times(n.Times))
	}
	t.more(len(all))
}

// uncovered adds names that no row covers.
func (t *driftText) uncovered(all []server.DriftSuffix) {
	for i := range all {
		u := &all[i]
		t.line("\n%s below %s that no row covers (suffix of %s)", counted(len(u.Names), "name"), u.Suffix, strings.Join(u.Zones, ", "))
		for _, n := range u.Names[:min(maxShown, len(u.Names))] {
			t.line("  %s: %s", n.Name, shortened(n.Addresses))
			t.line("    %s", times(n.Times))
		}
		t.more(len(u.Names))
	}
}

// shadow adds what the shadow judges otherwise.
func (t *driftText) shadow(s *server.DriftShadow) {
	t.line("\nshadow of %s: %s would be judged otherwise, %d of %s", s.Shadow, counted(len(s.Names), "name"), s.Differ, counted(int(s.Answers), "answer"))
	for _, n := range s.Names[:min(maxShown, len(s.Names))] {
		t.line("  %s: %s -> %s (%s, last %s)", n.Name, n.Active, n.Shadow, counted(n.ClientCount, "client"), minute(n.Last))
	}
	t.more(len(s.Names))
}
