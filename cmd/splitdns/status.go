package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"splitdns/server"
)

// statusCommand is `splitdns status`.
func statusCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "status",
		Short: "Say how a running server is doing",
		Args:  arguments(0, 0, "the configuration of the server with -c FILE"),
	}
	f := controlFlagsOf(c)
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	c.RunE = func(c *cobra.Command, _ []string) error {
		var st server.Status
		if err := f.call(c.Context(), http.MethodGet, "/v1/status", nil, &st); err != nil {
			return err
		}
		if asJSON {
			enc := json.NewEncoder(c.OutOrStdout())
			enc.SetIndent("", "  ")
			return enc.Encode(st)
		}
		return printStatus(c.OutOrStdout(), st)
	}
	return c
}

// printStatus prints st for people: a word, and what there is to say about it.
func printStatus(w io.Writer, st server.Status) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	line := func(word, format string, args ...any) { fmt.Fprintf(t, word+"\t"+format+"\n", args...) }
	line("splitdns", "%s, %s for %s", st.Version, state(st), st.Now.Sub(st.Started).Round(time.Second))
	line("config", "%s, edition %s, %s", st.Config.Digest, st.Config.Edition, orDefaults(st.Config.File))
	line("reload", "%s", lastReload(st.Reloads))
	for _, feed := range st.Subscriptions {
		line("subscription", "%s", subscription(feed, st.Now))
	}
	for _, l := range st.Listeners {
		line("listener", "%s", listener(l))
	}
	if !st.Certificate.IsZero() {
		line("certificate", "valid until %s", st.Certificate.Local().Format(time.DateTime))
	}
	line("in flight", "%d of %d queries", st.Queries.InFlight, st.Queries.Limit)
	if text := rateLimit(st.Queries); text != "" {
		line("rate limit", "%s", text)
	}
	line("answers", "%s", sources(st.Queries.Sources))
	c := st.Cache
	line("cache", "%d of %d answers, %s of %s; evicted %d, flushed %d, prefetched %d",
		c.Entries, c.EntriesLimit, size(c.Bytes), size(c.BytesLimit), c.Evicted, c.Flushed, c.Prefetched)
	line("finished", "%s, %s", counted(c.Finished, "answer"), size(c.FinishedBytes))
	for _, u := range st.Upstreams {
		line("upstream", "%s: asked %d, answered %d in %.1f ms, failed %d; private addresses removed %d", u.Group, u.Queries, u.Answered, u.RTT, u.Failed, u.Private)
		for _, s := range u.Servers {
			line("server", "%s %s", u.Group, upstreamServer(s, st.Now))
		}
	}
	line("drift", "%s", driftStatus(st.Drift))
	if x := st.Shadow; x != nil {
		line("shadow", "%s: %d of %s would be judged otherwise, for %s", x.Shadow, x.Differ, counted(int(x.Answers), "answer"), counted(x.Names, "name"))
	}
	if st.Sets != nil {
		line("sets", "%s", setsLine(st.Sets))
	}
	for _, text := range feedLines(st.AddressFeeds, st.Now) {
		line("feed", "%s", text)
	}
	line("query log", "written %d, dropped %d", st.QueryLog.Written, st.QueryLog.Dropped)
	return t.Flush()
}

// state is what the server does.
func state(st server.Status) string {
	if !st.Ready {
		return "stopping, was up"
	}
	return "up"
}

// orDefaults names the file, if there is one.
func orDefaults(file string) string {
	if file == "" {
		return "no file: the defaults"
	}
	return file
}

// lastReload says how reloads went.
func lastReload(r server.ReloadStatus) string {
	if r.Last.IsZero() {
		return "none since the start"
	}
	how := "ok"
	if !r.LastOK {
		how = "REFUSED, the configuration before it is in force"
		if r.Problem != "" {
			how += " (" + r.Problem + ")"
		}
	}
	return fmt.Sprintf("%s, %s; since the start %d ok, %d refused", r.Last.Local().Format(time.DateTime), how, r.OK, r.Refused)
}

// sources says where answers came from, most of them first.
func sources(counts map[string]uint64) string {
	if len(counts) == 0 {
		return "none yet"
	}
	total := uint64(0)
	for _, n := range counts {
		total += n
	}
	names := slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		if counts[a] == counts[b] {
			return strings.Compare(a, b)
		}
		if counts[a] > counts[b] {
			return -1
		}
		return 1
	})
	var words []string
	for _, name := range names {
		words = append(words, fmt.Sprintf("%s %d (%.0f %%)", name, counts[name], 100*float64(counts[name])/float64(total)))
	}
	return strings.Join(words, ", ")
}

// size is a number of octets for people.
func size(octets int64) string {
	if octets < 1<<20 {
		return fmt.Sprintf("%d KiB", (octets+1<<10-1)>>10)
	}
	return fmt.Sprintf("%.1f MiB", float64(octets)/(1<<20))
}

// listener is what a listener has done. What its transport cannot have is left out.
func listener(l server.ListenerStatus) string {
	lost := fmt.Sprintf("dropped %d", l.Dropped)
	end := fmt.Sprintf("unsent %d, panics %d; connections %d", l.Unsent, l.Panics, l.Connections)
	if l.Transport == "plain" {
		return fmt.Sprintf("%s: queries %d over UDP, %d over TCP; %s, shed %d, overflowed %d, %s", l.Address, l.UDP, l.TCP, lost, l.Shed, l.Overflowed, end)
	}
	return fmt.Sprintf("%s: queries %d over %s; %s, %s, failed handshakes %d", l.Address, l.TCP, strings.ToUpper(l.Transport), lost, end, l.FailedHandshakes)
}

// rateLimit is how many queries were over the limit; "" where there is none, and was none.
func rateLimit(q server.QueryStatus) string {
	over := fmt.Sprintf("truncated %d, dropped %d", q.Limited.Truncated, q.Limited.Dropped)
	switch {
	case q.RateLimit > 0:
		return fmt.Sprintf("%d a second for each client; %s", q.RateLimit, over)
	case q.Limited != server.LimitedStatus{}:
		return "off; " + over
	}
	return ""
}

// upstreamServer is how a server of an upstream group does.
func upstreamServer(s server.ServerStatus, now time.Time) string {
	state := s.State
	switch state {
	case "": // simulated
		return s.Address
	case "resting":
		state = fmt.Sprintf("RESTING for %v", max(0, s.Until.Sub(now)).Round(100*time.Millisecond))
	}
	if s.RTT > 0 {
		state += fmt.Sprintf(", %.1f ms", s.RTT)
	}
	text := fmt.Sprintf("%s: %s; queries %d, answers %d, timeouts %d, errors %d", s.Address, state, s.Queries, s.Answers, s.Timeouts, s.Errors)
	if len(s.Features) > 0 {
		text += "; " + strings.Join(s.Features, ", ")
	}
	return text
}

// driftStatus counts what was seen that the zones do not say.
func driftStatus(d server.DriftStatus) string {
	outside := 0
	for _, n := range d.Addresses {
		outside += n
	}
	text := fmt.Sprintf("%s outside, in %s; %s near a range, %d in no row",
		addresses(outside), counted(len(d.Addresses), "zone"), counted(d.Near, "name"), d.Uncovered)
	if d.Lost > 0 {
		text += fmt.Sprintf("; no room for %s", counted(int(d.Lost), "sighting"))
	}
	return text
}
