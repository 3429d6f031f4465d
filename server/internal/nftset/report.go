package nftset

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// title is the set with the rules that name it.
func (s *setState) title() string {
	if len(s.rules) == 0 {
		return s.set.String()
	}
	word := "rule"
	if len(s.rules) > 1 {
		word = "rules"
	}
	return fmt.Sprintf("%s (%s %s)", s.set, word, strings.Join(s.rules, ", "))
}

// A report is what an administrator is to be told of a set.
type report struct {
	kind  reportKind
	title string        // the set
	cause string        // of faulty; of replaced, the type
	fix   string        // of faulty; may be empty
	took  time.Duration // of well and refilled: since when it was not as it should be
	back  int           // of well and refilled: elements put back
}

// A reportKind is what became of a set.
type reportKind uint8

const (
	nothing  reportKind = iota
	faulty              // it cannot be used, or refuses elements
	replaced            // it is another one now
	well                // it can be used again
	refilled            // what it had lost is back
)

// says is the report of a fault.
func (s *setState) says(f *fault) report {
	return report{kind: faulty, title: s.title(), cause: f.cause, fix: f.fix}
}

const (
	// maxTitles is how many sets one line names.
	maxTitles = 3
	// reportPause is the longest time that a report waits for those of other sets with the same cause.
	reportPause = time.Second
)

// A line is reports of one kind and cause: what happens to a table happens to all its sets.
type line struct {
	report   // of the first, with the longest time and all elements
	titles   []string
	fixesToo bool // the sets have fixes of their own
}

// gatherReports makes one line of those with one cause, in the order in which these were first seen.
func gatherReports(reports []report) []*line {
	var lines []*line
	for _, r := range reports {
		i := slices.IndexFunc(lines, func(l *line) bool { return l.kind == r.kind && l.cause == r.cause })
		if i < 0 {
			lines = append(lines, &line{report: r, titles: []string{r.title}})
			continue
		}
		l := lines[i]
		l.fixesToo = l.fixesToo || l.fix != r.fix
		l.took, l.back = max(l.took, r.took), l.back+r.back
		if !slices.Contains(l.titles, r.title) {
			l.titles = append(l.titles, r.title)
		}
	}
	return lines
}

// sets are those of l, as words: the first few, and how many others there are.
func (l *line) sets() string {
	switch n := len(l.titles); {
	case n == 1:
		return "set " + l.titles[0]
	case n > maxTitles:
		return fmt.Sprintf("sets %s and %d more", strings.Join(l.titles[:maxTitles], ", "), n-maxTitles)
	}
	return "sets " + strings.Join(l.titles, ", ")
}

// String is l for people.
func (l *line) String() string {
	is, was := "is", "was made anew, and is"
	if len(l.titles) > 1 {
		is, was = "are", "were made anew, and are"
	}
	switch l.kind {
	case replaced:
		return fmt.Sprintf("%s %s of type %s now", l.sets(), was, l.cause)
	case well:
		return fmt.Sprintf("%s %s well again after %s: %s", l.sets(), is, brief(l.took), backAgain(l.back))
	case refilled:
		return fmt.Sprintf("%s had lost elements, removed by somebody else: %s after %s", l.sets(), backAgain(l.back), brief(l.took))
	}
	text := l.sets() + ": " + l.cause
	switch {
	case l.fix == "":
	case l.fixesToo:
		text += "; fix of the first (`splitdns sets` has those of the others): " + l.fix
	default:
		text += "; fix: " + l.fix
	}
	return text
}

// report tells what was gathered.
func (w *worker) report() {
	for _, l := range gatherReports(w.reports) {
		w.k.o.Report(l.kind == faulty || l.kind == replaced, l.String())
	}
	w.reports = nil
}

// backAgain says that n elements were put back.
func backAgain(n int) string {
	switch n {
	case 0:
		return "no element was missing"
	case 1:
		return "1 element is back"
	}
	return fmt.Sprintf("%d elements are back", n)
}

// brief is d as people read it.
func brief(d time.Duration) time.Duration {
	if d < time.Second {
		return d.Round(time.Millisecond)
	}
	return d.Round(100 * time.Millisecond)
}

// reportVersions warns of rules whose sets hold addresses of one IP version only.
func (k *Keeper) reportVersions() {
	for _, text := range k.oneVersion() {
		k.o.Report(true, text)
	}
}

// oneVersion is what to say of the rules whose sets hold one IP version only, in the order of the
// configuration. Rules with a set that nobody knows are left out.
func (k *Keeper) oneVersion() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	const v4, v6, both = 1, 2, 3
	have := make(map[string]int)
	var rules []string
	for _, s := range k.order {
		versions := both
		if s.found.handle != 0 && s.found.is4 != s.found.is6 {
			versions = map[bool]int{true: v4, false: v6}[s.found.is4]
		}
		for _, rule := range s.rules {
			if have[rule] == 0 {
				rules = append(rules, rule)
			}
			have[rule] |= versions
		}
	}
	var texts []string
	for _, rule := range rules {
		switch have[rule] {
		case v4:
			texts = append(texts, fmt.Sprintf("rule %s: its sets hold IPv4 addresses only: those of AAAA answers go into none; add a set of type ipv6_addr", rule))
		case v6:
			texts = append(texts, fmt.Sprintf("rule %s: its sets hold IPv6 addresses only: those of A answers go into none; add a set of type ipv4_addr", rule))
		}
	}
	return texts
}
