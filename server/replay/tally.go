package replay

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"

	"splitdns/server/internal/querylog"
)

// The bounds of what is counted one by one.
const (
	maxChanges    = 4096
	maxNames      = 20_000
	maxClients    = 50_000
	maxNamePairs  = 1 << 20 // names with their clients
	maxOfName     = 1000    // clients of one name
	maxNameKinds  = 16      // changes of one name
	maxBehind     = 16      // rules of one name
	maxUnreadable = 10      // lines that are named
)

// tally is what one goroutine has counted.
type tally struct {
	read, bad int64
	changed   int64
	untold    int64
	byLevel   [Answers + 1]int64 // entries, by the highest level of their changes
	firstBad  []Unreadable
	changes   *counter[Change, struct{}]
	names     *counter[string, ofName]
	clients   *counter[netip.Addr, struct{}]
	namePairs int // in names
}

// ofName is what is kept of a name that changes.
type ofName struct {
	clients map[netip.Addr]struct{}
	cut     bool // there are more clients than in clients
	changes map[Change]int64
	behind  Behind
}

// Behind is what is behind a change: the row of the name and the rules that apply, those of
// the configuration, or of the log where it has none.
type Behind struct {
	Zone  string   `json:"zone"`
	Row   string   `json:"row"`
	Rules []string `json:"rule"`
}

// behind says what is behind the changes from was to is.
func behind(was, is querylog.Entry) Behind {
	b := Behind{Zone: short(is.Zone), Row: short(is.Row), Rules: []string{}}
	if b.Zone == "" {
		b.Zone, b.Row = short(was.Zone), short(was.Row)
	}
	rules := is.Rules
	if len(rules) == 0 {
		rules = was.Rules
	}
	for _, name := range rules[:min(maxBehind, len(rules))] {
		b.Rules = append(b.Rules, short(name))
	}
	return b
}

// newTally returns a tally of nothing.
func newTally() *tally {
	return &tally{
		changes: newCounter[Change, struct{}](maxChanges), names: newCounter[string, ofName](maxNames),
		clients: newCounter[netip.Addr, struct{}](maxClients),
	}
}

// unreadable counts a line that cannot be understood.
func (t *tally) unreadable(log string, line int64, why error) {
	t.read++
	t.bad++
	if len(t.firstBad) < maxUnreadable {
		t.firstBad = append(t.firstBad, Unreadable{log, line, short(why.Error())})
	}
}

// add counts an entry of a client.
func (t *tally) add(r *result, client netip.Addr) {
	t.read++
	if r.untold {
		t.untold++
	}
	level := Nothing
	for _, c := range r.changes {
		t.changes.add(c, 1)
		level = max(level, c.Level())
	}
	t.byLevel[level]++
	if level == Nothing {
		return
	}
	t.changed++
	t.clients.add(client, 1)
	n := t.names.add(r.name, 1)
	n.note(r)
	t.pair(n, client)
}

// note keeps what of n has changed.
func (n *ofName) note(r *result) {
	if n.changes == nil {
		n.changes, n.behind = make(map[Change]int64), r.behind
	}
	for _, c := range r.changes {
		if _, ok := n.changes[c]; ok || len(n.changes) < maxNameKinds {
			n.changes[c]++
		}
	}
}

// pair keeps that client has asked for n.
func (t *tally) pair(n *ofName, client netip.Addr) {
	if _, ok := n.clients[client]; ok {
		return
	}
	if len(n.clients) >= maxOfName || t.namePairs >= maxNamePairs {
		n.cut = true
		return
	}
	if n.clients == nil {
		n.clients = make(map[netip.Addr]struct{})
	}
	n.clients[client] = struct{}{}
	t.namePairs++
}

// merge counts what other has counted.
func (t *tally) merge(other *tally) {
	t.read += other.read
	t.bad += other.bad
	t.changed += other.changed
	t.untold += other.untold
	for level, n := range other.byLevel {
		t.byLevel[level] += n
	}
	t.firstBad = append(t.firstBad, other.firstBad...)
	nothing := func(_, _ *struct{}) {}
	t.changes.merge(other.changes, nothing)
	t.clients.merge(other.clients, nothing)
	t.names.merge(other.names, t.join)
}

// join adds from, of the same name, to into.
func (t *tally) join(into, from *ofName) {
	if into.changes == nil {
		into.changes, into.behind = make(map[Change]int64), from.behind
	}
	for c, n := range from.changes {
		into.changes[c] += n
	}
	into.cut = into.cut || from.cut
	for client := range from.clients {
		t.pair(into, client)
	}
}

// ranked are the changes of n, the most frequent first.
func (n *ofName) ranked() []Change {
	return slices.SortedFunc(maps.Keys(n.changes), func(a, b Change) int {
		return cmp.Or(cmp.Compare(b.Level(), a.Level()), cmp.Compare(n.changes[b], n.changes[a]), compareChanges(a, b))
	})
}

// compareChanges orders changes by who notices them, then by their text.
func compareChanges(a, b Change) int {
	return cmp.Or(cmp.Compare(b.Level(), a.Level()), cmp.Compare(a.Key, b.Key), cmp.Compare(a.Was, b.Was), cmp.Compare(a.Is, b.Is))
}
