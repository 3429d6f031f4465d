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
	for _, l := range st.Listeners {
		line("listener", "%s: queries %d over UDP, %d over TCP; dropped %d, overflowed %d, unsent %d, panics %d; connections %d",
			l.Address, l.UDP, l.TCP, l.Dropped, l.Overflowed, l.Unsent, l.Panics, l.Connections)
	}
	line("in flight", "%d of %d queries", st.Queries.InFlight, st.Queries.Limit)
	line("answers", "%s", sources(st.Queries.Sources))
	c := st.Cache
	line("cache", "%d of %d answers, %s of %s; evicted %d, flushed %d", c.Entries, c.EntriesLimit, mebibytes(c.Bytes), mebibytes(c.BytesLimit), c.Evicted, c.Flushed)
	line("finished", "%s, %s", counted(c.Finished, "answer"), mebibytes(c.FinishedBytes))
	for _, u := range st.Upstreams {
		line("upstream", "%s: asked %d, answered %d in %.1f ms, failed %d%s", u.Group, u.Queries, u.Answered, u.RTT, u.Failed, servers(u.Servers))
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

// mebibytes is a number of octets for people.
func mebibytes(octets int64) string { return fmt.Sprintf("%.1f MiB", float64(octets)/(1<<20)) }

// servers lists the servers of an upstream group behind what else is said of it.
func servers(all []server.ServerStatus) string {
	var b strings.Builder
	for _, s := range all {
		b.WriteString("; " + s.Address)
	}
	return b.String()
}
