package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"splitdns/server/replay"
)

// shownOf is how many names, clients or changes are listed unless all are wanted.
const shownOf = 20

// printReplay prints a report for people, in full if all is wanted.
func printReplay(w io.Writer, r *replay.Report, all bool) error {
	p := replayText{w: tabwriter.NewWriter(w, 0, 0, 2, ' ', 0), all: all}
	p.head(r)
	p.list("CHANGE\tENTRIES", len(r.Changes), func(i int) string {
		return fmt.Sprintf("%s\t%d", changeText(r.Changes[i].Change), r.Changes[i].Entries)
	})
	p.list("NAME\tENTRIES\tCLIENTS\tCHANGE\tBEHIND", len(r.Names), func(i int) string { return nameText(r.Names[i]) })
	p.list("CLIENT\tENTRIES", len(r.Clients), func(i int) string {
		return fmt.Sprintf("%s\t%d", r.Clients[i].Client, r.Clients[i].Entries)
	})
	p.foot(r)
	return p.w.Flush() // says what went wrong before, too
}

// replayText writes a report.
type replayText struct {
	w   *tabwriter.Writer
	all bool
}

// head says what was read and how much of it changes.
func (p replayText) head(r *replay.Report) {
	fmt.Fprintf(p.w, "%s: %s, %d unreadable\n", strings.Join(r.Logs, ", "), count(r.Entries, "entry", "entries"), r.Unreadable)
	for _, u := range r.First {
		fmt.Fprintf(p.w, "%s:%d: %s\n", u.Log, u.Line, u.Why)
	}
	if more := r.Unreadable - int64(len(r.First)); more > 0 {
		fmt.Fprintf(p.w, "and %d more\n", more)
	}
	fmt.Fprintf(p.w, "against %s, edition %s: ", name(r.Config), r.Edition)
	switch {
	case r.Entries == r.Unreadable:
		fmt.Fprintln(p.w, "nothing to compare")
		return
	case r.Changed == 0:
		fmt.Fprintln(p.w, "nothing changes")
		return
	}
	fmt.Fprintf(p.w, "%s (%.1f%%): answers of %d, only verdicts of %d, only what the log says of %d\n",
		count(r.Changed, "entry changes", "entries change"), 100*float64(r.Changed)/float64(max(1, r.Entries-r.Unreadable)),
		r.Answers, r.Verdicts, r.Changed-r.Answers-r.Verdicts)
}

// list writes the first of n lines, or all, below a header.
func (p replayText) list(header string, n int, line func(i int) string) {
	if n == 0 {
		return
	}
	shown := n
	if !p.all {
		shown = min(n, shownOf)
	}
	fmt.Fprintln(p.w, "\n"+header)
	for i := range shown {
		fmt.Fprintln(p.w, line(i))
	}
	if more := n - shown; more > 0 {
		fmt.Fprintf(p.w, "and %d more; --all lists them\n", more)
	}
}

// foot says what the report cannot tell.
func (p replayText) foot(r *replay.Report) {
	if r.Untold > 0 {
		fmt.Fprintf(p.w, "\nUntold: of %s the answer is not in the log, as nobody was asked for it then.\n", count(r.Untold, "entry", "entries"))
	}
	if r.ChainsMatter && r.Entries > r.Unreadable {
		fmt.Fprint(p.w, "\nRules that tag or block by the names of CNAME chains are applied where the log says that they did:\nit has no other names of chains.\n")
	}
	if r.Missed > 0 {
		fmt.Fprintf(p.w, "\nThere are more names, clients or changes than are counted: counts may be too low by up to %d.\n", r.Missed)
	}
}

// count is n with its word.
func count(n int64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// changeText is a change in a few words.
func changeText(c replay.Change) string {
	switch {
	case c.Was == "" && (c.Key == "rule" || c.Key == "tags"):
		return c.Key + ": now " + c.Is
	case c.Is == "" && (c.Key == "rule" || c.Key == "tags"):
		return c.Key + ": no longer " + c.Was
	}
	return c.Key + ": " + orNothing(c.Was) + " -> " + orNothing(c.Is)
}

// orNothing says that a text is empty.
func orNothing(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

// nameText is the line of a name.
func nameText(n replay.CountedName) string {
	clients, change := fmt.Sprint(n.Clients), changeText(n.Changes[0])
	if n.MoreClients {
		clients += "+"
	}
	if more := len(n.Changes) - 1; more > 0 {
		change += fmt.Sprintf(" (+%d)", more)
	}
	var behind []string
	if n.Zone != "" {
		behind = append(behind, n.Zone+"/"+n.Row)
	}
	if len(n.Rules) > 0 {
		behind = append(behind, "rule "+strings.Join(n.Rules, ","))
	}
	return fmt.Sprintf("%s\t%d\t%s\t%s\t%s", n.Name, n.Entries, clients, change, strings.Join(behind, ", "))
}
