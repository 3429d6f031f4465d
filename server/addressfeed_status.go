package server

import (
	"strconv"
	"strings"
	"time"

	"splitdns/server/internal/addressfeed"
	"splitdns/server/internal/metrics"
)

// AddressFeedStatus is how address feeds do.
type AddressFeedStatus struct {
	Observed int               `json:"observed"` // addresses that are remembered for all rules
	Ready    time.Time         `json:"ready"`    // from when on there are observed lists
	Lost     uint64            `json:"lost"`     // sightings that there was no room for
	Refused  map[string]uint64 `json:"refused"`  // fetches, by "address", "host" and "token"
	Fetches  []FeedFetch       `json:"fetches"`  // the last of each client and list, the latest first
	Counts   []FeedCount       `json:"counts"`
}

// FeedFetch is the last time that a client has fetched a list of addresses.
type FeedFetch struct {
	Rule    string    `json:"rule"`
	List    string    `json:"list"`   // "published", "inside-4"
	Format  string    `json:"format"` // "txt" or "json"
	Version string    `json:"version,omitempty"`
	Current bool      `json:"current"` // the list is still that version
	Client  string    `json:"client"`
	At      time.Time `json:"at"`
	Result  string    `json:"result"` // "new", "same": the client had it; "none": it got none, and keeps Version
	Agent   string    `json:"agent"`
	Fetches uint64    `json:"fetches"`
}

// FeedCount is how often lists were fetched with one result.
type FeedCount struct {
	Rule    string `json:"rule"`
	List    string `json:"list"`
	Result  string `json:"result"`
	Fetches uint64 `json:"fetches"`
}

// feedStatus is how address feeds do; nil where there are none.
func (s *Server) feedStatus(now *snapshot) *AddressFeedStatus {
	if !now.config.HTTP.HasFeeds() {
		return nil
	}
	r := s.resolver
	st := &AddressFeedStatus{Refused: s.feedRefusals.counts(), Fetches: r.feedFetches(now, ""), Counts: []FeedCount{}}
	st.Observed, st.Lost = r.feeds.Observed()
	st.Ready = r.feeds.Ready(now.config.HTTP.FeedKeep).UTC().Truncate(time.Second)
	for _, c := range r.feeds.Counts() {
		st.Counts = append(st.Counts, FeedCount{c.Rule, c.List, addressfeed.Result(c.Code), c.Count})
	}
	return st
}

// feedFetches are the last fetches of a rule's lists, "" for all rules, as they stand by s.
func (r *Resolver) feedFetches(s *snapshot, rule string) []FeedFetch {
	source := s.feedSource(r.now())
	all := []FeedFetch{}
	for _, x := range r.feeds.Fetches(rule) {
		body, _ := r.feeds.Body(x.Path, source) // an error: the client has another version
		all = append(all, FeedFetch{
			Rule: x.Rule, List: x.Name(), Format: x.Format(), Version: x.Version, Current: body.Version != "" && body.Version == x.Version,
			Client: x.Client.String(), At: x.At.UTC().Truncate(time.Second), Result: addressfeed.Result(x.Code), Agent: x.Agent, Fetches: x.Count,
		})
	}
	return all
}

// maxFeedFetches is how many fetches an explanation shows.
const maxFeedFetches = 16

// feedFetches adds who has which list of the rules that apply. Where the firewalls are is for administrators.
func (e *Explanation) feedFetches(r *Resolver, s *snapshot, a Asker) {
	if !a.Admin || !s.config.HTTP.HasFeeds() {
		return
	}
	for _, rule := range e.ruleNames() {
		e.Feeds = append(e.Feeds, r.feedFetches(s, rule)...)
	}
}

// feedFacts are the fetches as facts.
func (e Explanation) feedFacts() []string {
	var facts []string
	for _, x := range e.Feeds[:min(len(e.Feeds), maxFeedFetches)] {
		facts = append(facts, x.fact())
	}
	if more := len(e.Feeds) - len(facts); more > 0 {
		facts = append(facts, "feed more="+strconv.Itoa(more))
	}
	return facts
}

// fact is the fetch as a line of words.
func (x FeedFetch) fact() string {
	t := tokens{"feed"}
	t.add("rule", x.Rule)
	t.add("list", x.List)
	if x.Format != "txt" {
		t.add("format", x.Format)
	}
	t.add("version", x.Version)
	current := "no"
	if x.Current {
		current = "yes"
	}
	t.add("current", current)
	t.add("client", x.Client)
	t.add("at", x.At.Format(time.RFC3339))
	t.add("result", x.Result)
	return strings.Join(t, " ")
}

// addAddressFeeds adds how address feeds do.
func addAddressFeeds(p *metrics.Page, st *AddressFeedStatus) {
	if st == nil {
		return
	}
	for _, c := range st.Counts {
		p.Add("splitdns_feed_fetches_total", float64(c.Fetches), c.Rule, c.List, c.Result)
	}
	for _, why := range []string{"address", "host", "token"} {
		p.Add("splitdns_feed_refused_total", float64(st.Refused[why]), why)
	}
	p.Add("splitdns_feed_addresses", float64(st.Observed))
	p.Add("splitdns_feed_lost_total", float64(st.Lost))
}
