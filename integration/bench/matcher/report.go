package main

import (
	"fmt"
	"io"
	"time"
)

// describe writes what there is to say about all tables.
func describe(w io.Writer, candidates []candidate) {
	fmt.Fprint(w, "# The matcher of splitdns and others\n\n"+
		"Nanoseconds of a lookup, and in brackets the time of ours divided by it in the same round: below 1, ours is\n"+
		"faster. Medians of the rounds. All have given the right answers.\n\n"+
		"| matcher | a lookup tells | rules for |\n|:--|:--|:--|\n")
	for _, c := range candidates {
		knows := "subtrees, names, those below"
		if c.Whole {
			knows = "subtrees only: has each rule as one"
		}
		fmt.Fprintf(w, "| %s | %s | %s |\n", c.Name, c.Returns, knows)
	}
	fmt.Fprintln(w)
}

// write writes the table of one number of rules. The last row has the ratios to the
// best of the others in each column.
func (b *bench) write(w io.Writer) {
	fmt.Fprintf(w, "## %d rules\n\n| matcher |", len(b.rules))
	rule := "|:--|"
	for _, kind := range queryKinds {
		fmt.Fprintf(w, " %s |", kind)
		rule += "--:|"
	}
	fmt.Fprintf(w, " octets/rule | build |\n%s--:|--:|\n", rule)
	first, others := b.subjects[0], b.subjects[1:]
	for _, s := range b.subjects {
		fmt.Fprintf(w, "| %s |", s.Name)
		for _, kind := range queryKinds {
			fmt.Fprintf(w, " %d", median(s.turns[kind]).Nanoseconds())
			if s != first {
				fmt.Fprintf(w, " (%.2f)", ratio(first, s, kind))
			}
			fmt.Fprint(w, " |")
		}
		fmt.Fprintf(w, " %.0f | %s |\n", s.octets, seconds(s.build))
	}
	fmt.Fprint(w, "| **ours, to the best other** |")
	for _, kind := range queryKinds {
		best := 0.0
		for _, s := range others {
			best = max(best, ratio(first, s, kind))
		}
		fmt.Fprintf(w, " **%.2f** |", best)
	}
	fmt.Fprint(w, " | |\n\n")
}

// ratio is the median, over the rounds, of the time of s divided by that of t.
func ratio(s, t *subject, kind string) float64 {
	var all []float64
	for round, turn := range s.turns[kind] {
		all = append(all, float64(turn)/float64(t.turns[kind][round]))
	}
	return median(all)
}

// seconds is a time with as many digits as mean something.
func seconds(d time.Duration) string {
	if d < 10*time.Millisecond {
		return fmt.Sprintf("%.1f ms", float64(d.Microseconds())/1e3)
	}
	return fmt.Sprintf("%.2f s", d.Seconds())
}
