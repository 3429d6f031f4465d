package main

import (
	"fmt"
	"time"

	"splitdns/server"
)

// feedLines say who has which list of addresses, and then what else there is to say of address feeds. Where
// nobody fetches, nothing is said.
func feedLines(st *server.AddressFeedStatus, now time.Time) []string {
	if st == nil {
		return nil
	}
	var lines []string
	for _, x := range st.Fetches {
		lines = append(lines, fmt.Sprintf("%s %s.%s: %s %s, asked %v ago, %s%s",
			x.Rule, x.List, x.Format, x.Client, hasVersion(x), max(0, now.Sub(x.At)).Round(time.Second), counted(int(x.Fetches), "time"), agent(x.Agent)))
	}
	refused := st.Refused["address"] + st.Refused["host"] + st.Refused["token"]
	if len(lines) == 0 && refused == 0 {
		return nil
	}
	text := fmt.Sprintf("%s remembered", addresses(st.Observed))
	if now.Before(st.Ready) {
		text += ", observed lists from " + st.Ready.Local().Format(time.DateTime) + " on"
	}
	if refused > 0 {
		text += fmt.Sprintf("; refused because of address %d, host %d, token %d", st.Refused["address"], st.Refused["host"], st.Refused["token"])
	}
	if st.Lost > 0 {
		text += fmt.Sprintf("; no room for %s", counted(int(st.Lost), "sighting"))
	}
	return append(lines, text)
}

// hasVersion says what a client has of a list.
func hasVersion(x server.FeedFetch) string {
	switch {
	case x.Version == "":
		return "got NO LIST"
	case x.Result == "none":
		return "got NO LIST, keeps " + x.Version
	case !x.Current:
		return "has " + x.Version + ", which is OLD"
	}
	return "has " + x.Version
}

// agent is what a client says it is.
func agent(s string) string {
	if s == "" {
		return ""
	}
	return " (" + s + ")"
}
