package replay

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"

	"splitdns/server/policy"
)

// A Report says what a configuration changes. It holds everything that was counted. What
// clients notice stands first in lists, then what is the most frequent.
type Report struct {
	Config  string   `json:"config"` // the path, "" for the defaults
	Edition string   `json:"edition"`
	Logs    []string `json:"logs"`

	Entries    int64        `json:"entries"` // lines that were read, unreadable ones too
	Unreadable int64        `json:"unreadable"`
	First      []Unreadable `json:"first_unreadable"`

	Changed  int64 `json:"changed"`         // entries of which anything changes
	Answers  int64 `json:"answers_change"`  // of these, entries whose client gets something else
	Verdicts int64 `json:"verdicts_change"` // of the others, entries with another verdict
	Untold   int64 `json:"untold"`          // entries whose answer is not in the log

	Changes []CountedChange `json:"changes"`
	Names   []CountedName   `json:"names"`
	Clients []CountedClient `json:"clients"`

	// ChainsMatter is true where rules look at the names of CNAME chains, which are in the
	// log only as far as rules applied by them.
	ChainsMatter bool `json:"chains_matter"`
	// Missed is by how much counts of names, clients or changes may be too low, as there
	// were more of them than are counted.
	Missed int64 `json:"missed"`
}

// Unreadable is a line that is no entry.
type Unreadable struct {
	Log  string `json:"log"`
	Line int64  `json:"line"`
	Why  string `json:"why"`
}

// CountedChange is a change with the number of entries.
type CountedChange struct {
	Change
	Level   string `json:"level"` // one of [LevelWords]
	Entries int64  `json:"entries"`
}

// CountedName is a name that changes.
type CountedName struct {
	Name        string `json:"name"`
	Entries     int64  `json:"entries"`
	Clients     int    `json:"clients"`
	MoreClients bool   `json:"more_clients,omitempty"` // there are more than Clients
	Behind
	Changes []Change `json:"changes"`
}

// CountedClient is a client for which something changes.
type CountedClient struct {
	Client  string `json:"client"`
	Entries int64  `json:"entries"`
}

// Level is the highest level of a change.
func (r *Report) Level() Level {
	switch {
	case r.Answers > 0:
		return Answers
	case r.Verdicts > 0:
		return Verdicts
	case r.Changed > 0:
		return Anything
	}
	return Nothing
}

// report is what t has counted for o.
func (t *tally) report(o Options) *Report {
	c := o.Config
	r := &Report{
		Config: c.Path, Edition: c.Edition, Logs: []string{}, Entries: t.read, Unreadable: t.bad,
		Changed: t.changed, Answers: t.byLevel[Answers], Verdicts: t.byLevel[Verdicts], Untold: t.untold,
		Changes: []CountedChange{}, Names: []CountedName{}, Clients: []CountedClient{},
		ChainsMatter: slices.ContainsFunc(c.Rules, func(r policy.Rule) bool { return r.Answer.Blocks() || len(r.Tags)+len(r.Sets) > 0 }),
		Missed:       max(t.changes.dropped, t.names.dropped, t.clients.dropped),
	}
	for _, l := range o.Logs {
		r.Logs = append(r.Logs, l.Name)
	}
	r.First = t.first(r.Logs)
	for _, c := range t.changes.ranking(compareChanges) {
		r.Changes = append(r.Changes, CountedChange{c.key, c.key.Level().String(), c.n})
	}
	slices.SortStableFunc(r.Changes, func(a, b CountedChange) int { return cmp.Compare(b.Change.Level(), a.Change.Level()) })
	for _, n := range t.names.ranking(strings.Compare) {
		r.Names = append(r.Names, CountedName{n.key, n.n, len(n.value.clients), n.value.cut, n.value.behind, n.value.ranked()})
	}
	slices.SortStableFunc(r.Names, func(a, b CountedName) int { return cmp.Compare(b.Changes[0].Level(), a.Changes[0].Level()) })
	for _, c := range t.clients.ranking(netip.Addr.Compare) {
		r.Clients = append(r.Clients, CountedClient{c.key.String(), c.n})
	}
	return r
}

// String is the word of a level.
func (l Level) String() string { return LevelWords[len(LevelWords)-1-int(l)] }

// first are the first unreadable lines, in the order of the logs.
func (t *tally) first(logs []string) []Unreadable {
	slices.SortFunc(t.firstBad, func(a, b Unreadable) int {
		return cmp.Or(cmp.Compare(slices.Index(logs, a.Log), slices.Index(logs, b.Log)), cmp.Compare(a.Line, b.Line))
	})
	return append([]Unreadable{}, t.firstBad[:min(maxUnreadable, len(t.firstBad))]...)
}
