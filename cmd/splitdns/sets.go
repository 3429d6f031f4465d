package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"splitdns/server"
)

// setsCommand is `splitdns sets`.
func setsCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "sets [SET]",
		Short: "Say what is in the firewall's sets, and which names and clients brought it",
		Long: `Say what is in the nftables sets that rules name, for how long yet, and which names and
clients brought it. Of those a few are remembered; a client whose answer was ready to
send is not noted each time. What somebody else has put in is marked, and so is what
was there before the server started. A set that takes no addresses is shown in capitals,
with the cause and the fix.

SET is one of them: "inet filter mdm4", in one argument or three, or mdm4. Without it,
all sets are shown, each shortened.`,
		Example: `  splitdns sets -c /etc/splitdns/splitdns.toml
  splitdns sets mdm4 -c /etc/splitdns/splitdns.toml`,
		Args: arguments(0, 3, "one SET"),
	}
	f := controlFlagsOf(c)
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	c.RunE = func(c *cobra.Command, args []string) error {
		set := strings.Join(strings.Fields(strings.Join(args, " ")), " ")
		var r server.SetsReport
		if err := f.call(c.Context(), http.MethodGet, "/v1/sets?"+url.Values{"set": {set}}.Encode(), nil, &r); err != nil {
			return err
		}
		if asJSON {
			enc := json.NewEncoder(c.OutOrStdout())
			enc.SetIndent("", "  ")
			return enc.Encode(r)
		}
		return printSets(c.OutOrStdout(), &r, set != "")
	}
	return c
}

// setsText is a report on sets being written.
type setsText struct {
	page
	now  time.Time
	most int // elements of each set
}

// maxHeldShown is how many elements of each set are shown where all sets are.
const maxHeldShown = 20

// printSets prints r for people. Only a set that was asked for by name is shown whole.
func printSets(w io.Writer, r *server.SetsReport, whole bool) error {
	t := setsText{page: page{Writer: bufio.NewWriter(w)}, now: r.Now, most: maxHeldShown}
	if len(r.Sets) == 0 {
		t.paragraph("", `No rule names a set: sets = ["inet filter mdm4"] in a [rule.NAME] puts the addresses of its answers there.`)
	}
	for i := range r.Sets {
		if i > 0 {
			fmt.Fprintln(t)
		}
		set := &r.Sets[i]
		if whole {
			t.most = len(set.Held)
		}
		t.set(set)
	}
	return t.Flush()
}

// set writes about one set.
func (t *setsText) set(set *server.SetReport) {
	words := setState(&set.SetStatus)
	if set.Unheard == "" {
		words = append(words, plural(len(set.Held)+set.More, "element"))
	}
	t.paragraph("", set.Set+": "+strings.Join(words, ", "))
	if set.Problem != "" {
		t.paragraph("  ", set.Problem)
	}
	if set.Fix != "" {
		t.paragraph("  ", "to heal it: "+set.Fix)
	}
	t.paragraph("  ", setHistory(&set.SetStatus))
	if set.Unheard != "" && set.Problem == "" {
		t.paragraph("  ", "what is in it is not known: "+set.Unheard)
	}
	shown := set.Held[:min(t.most, len(set.Held))]
	for i := range shown {
		t.held(&shown[i])
	}
	left := len(set.Held) - len(shown) + set.More
	switch {
	case set.AndMore:
		fmt.Fprintf(t, "  and more than %s\n", number(left))
	case left > 0:
		fmt.Fprintf(t, "  and %s more: splitdns sets %s\n", number(left), set.Set)
	}
}

// setState is the state of a set and what was found of it.
func setState(st *server.SetStatus) []string {
	words := []string{st.State}
	if st.State != "ok" {
		words[0] = strings.ToUpper(st.State)
	}
	if st.Type != "" {
		words = append(words, st.Type)
	}
	if len(st.Flags) > 0 {
		words = append(words, "flags "+strings.Join(st.Flags, " "))
	}
	if st.Size > 0 {
		words = append(words, "size "+number(st.Size))
	}
	return append(words, plainPlural(uint64(len(st.Rules)), "rule")+" "+strings.Join(st.Rules, " "))
}

// setHistory is what was done with a set, and what went wrong.
func setHistory(st *server.SetStatus) string {
	text := fmt.Sprintf("added %s, refreshed %s", number(st.Adds), number(st.Refreshes))
	if missing := st.Wanted - st.In; missing > 0 {
		text += fmt.Sprintf(", wanted and not in %s", number(missing))
	}
	for _, reason := range slices.Sorted(maps.Keys(st.Failures)) {
		if n := st.Failures[reason]; n > 0 {
			text += fmt.Sprintf(", failed %s (%s)", number(n), reason)
		}
	}
	if st.Restored > 0 {
		text += fmt.Sprintf(", removed by others and put back %s", number(st.Restored))
	}
	if st.Heals > 0 {
		text += fmt.Sprintf(", well again %s, the last time in %.0f ms", plural(int(st.Heals), "time"), st.LastHeal)
	}
	return text
}

// held writes about an element.
func (t *setsText) held(h *server.HeldElement) {
	address := h.Address
	if h.Last != "" {
		address += "-" + h.Last
	}
	left := "permanent"
	if !h.Permanent {
		left = fmt.Sprintf("%v of %v left", seconds(h.Remaining), seconds(h.Timeout))
	}
	line := fmt.Sprintf("  %-15s  %s", address, left)
	if h.Other && h.Permanent {
		line += "; not put in by splitdns"
	} else if h.Other { // whose the elements were is forgotten at a restart
		line += "; from before the start, or not put in by splitdns"
	} else if !h.Since.IsZero() {
		line += fmt.Sprintf("; since %s", since(h.Since, t.now))
	}
	fmt.Fprintln(t, line)
	if len(h.Names)+len(h.Clients) > 0 {
		names, clients := cmp.Or(strings.Join(h.Names, ", "), "unknown names"), cmp.Or(strings.Join(h.Clients, ", "), "unknown clients")
		t.paragraph("    ", names+" for "+clients)
	}
}

// seconds is a number of them for people.
func seconds(n int) string {
	text := (time.Duration(n) * time.Second).String()
	if len(text) > 2 && strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	return text
}

// since is a time of today, or with its date.
func since(at, now time.Time) string {
	if now.Sub(at) < 24*time.Hour {
		return at.Local().Format(time.TimeOnly)
	}
	return at.Local().Format(time.DateTime)
}

// maxBadShown is how many sets that take no addresses the status names: one cause often is that of all.
const maxBadShown = 3

// setsLine sums up the sets for the status.
func setsLine(st *server.SetsStatus) string {
	var bad []string
	in, missing := 0, 0
	for i := range st.Sets {
		set := &st.Sets[i]
		in += set.In
		missing += set.Wanted - set.In
		if set.State != "ok" {
			bad = append(bad, set.Set+": "+strings.ToUpper(set.State))
		}
	}
	text := fmt.Sprintf("%s, %s", counted(len(st.Sets), "set"), counted(in, "element"))
	if missing > 0 {
		text += fmt.Sprintf(", %d wanted and not in", missing)
	}
	text += fmt.Sprintf("; answers that waited for them %d, failed %d", st.Added, st.Failed)
	if more := len(bad) - maxBadShown; more > 1 {
		bad = append(bad[:maxBadShown], number(more)+" more: splitdns sets")
	}
	if len(bad) > 0 {
		text += "; " + strings.Join(bad, ", ")
	}
	return text
}
