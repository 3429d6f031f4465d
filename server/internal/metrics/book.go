// Package metrics counts what becomes of queries, and writes figures of the program in the
// text format of Prometheus. What the figures mean, and where they come from, is the
// business of package server.
//
// A query is counted once, by its kind: where the answer came from, its rcode, the rule,
// the verdict and what the rule did. Every figure about queries is a sum over kinds, made
// when somebody asks. So the path of finished answers has one addition, to a counter that
// belongs to the socket the query came from: it takes 2 ns, and no two cores share it. A
// counter for each figure was turned down, as that path would have five.
//
// The text format is written here, in a few lines. github.com/prometheus/client_golang is
// good and was turned down: it makes the program larger by a quarter, with eight modules, for
// what is a table of numbers. Tests hold what is written against its parser and its lint.
//
// Names that people look up and their addresses are never in a label. Names from the
// configuration are, up to a limit, as a reload may bring new ones without end.
package metrics

import (
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// A Kind is what queries have in common that are counted together. Its texts come from
// the program and the configuration, never from clients.
type Kind struct {
	Source  string // where the answer came from
	Rcode   string // of the response
	Rule    string // the rule that settled the most; "" if none matched
	Verdict string // what the addresses were found to be; "" if they were not judged
	Act     string // what a rule did to the answer; "" if nothing
}

// Other is a text that stands for those for which there was no room.
const Other = "(other)"

// The limits of what is told apart.
const (
	// maxKinds is the number of kinds. A tally has 8 octets for each.
	maxKinds = 1024
	// maxNamed is how many of them may have a rule's own name.
	maxNamed = maxKinds / 2
	// maxAliases is how many kinds in all are known to be counted somewhere, most of them with others.
	maxAliases = 8 * maxKinds
	// maxGroups is the number of upstream groups.
	maxGroups = 256
)

// A Slot is where a kind is counted.
type Slot uint16

// A Tally counts the queries that came one way. Its memory is shared with no other. It is safe
// for concurrent use.
type Tally struct {
	transport string
	counts    [maxKinds]atomic.Uint64
}

// Count counts one query. It does not allocate.
func (t *Tally) Count(s Slot) { t.counts[s].Add(1) }

// A Book holds all that is counted. The zero value is empty and ready for use; it must not
// be copied after that. It is safe for concurrent use.
type Book struct {
	spare Tally

	slots atomic.Pointer[map[Kind]Slot] // of the kinds seen so far

	mu      sync.Mutex // guards what follows, and is held to store slots
	kinds   []Kind     // by slot; the first is for all that find no room
	named   int        // kinds with a rule's own name
	tallies []*Tally
	groups  map[string]*Exchanges
}

// Open returns a new tally for queries that come by a transport, such as "udp".
func (b *Book) Open(transport string) *Tally {
	t := &Tally{transport: transport}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.tallies = append(b.tallies, t)
	return t
}

// Or returns t, or a tally that all share who have none.
func (b *Book) Or(t *Tally) *Tally {
	if t == nil {
		return &b.spare
	}
	return t
}

// Slot returns where k is counted.
func (b *Book) Slot(k Kind) Slot {
	if known := b.slots.Load(); known != nil {
		if s, ok := (*known)[k]; ok {
			return s
		}
	}
	return b.add(k)
}

// add is Slot for a kind that was not seen before. Where it is counted is known from then on.
func (b *Book) add(k Kind) Slot {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.choose(k)
	next := map[Kind]Slot{}
	if known := b.slots.Load(); known != nil {
		if len(*known) == maxAliases {
			return s
		}
		next = maps.Clone(*known)
	}
	next[k] = s
	b.slots.Store(&next)
	return s
}

// choose gives k a slot of its own while there are any, or one that it shares. b.mu is held.
func (b *Book) choose(k Kind) Slot {
	if b.kinds == nil {
		b.kinds = []Kind{{Source: Other, Rcode: Other, Rule: Other}}
	}
	if k.Rule != "" && b.named >= maxNamed {
		k.Rule = Other
	}
	if i := slices.Index(b.kinds, k); i >= 0 {
		return Slot(i)
	}
	if len(b.kinds) == maxKinds {
		return 0
	}
	if k.Rule != "" && k.Rule != Other {
		b.named++
	}
	b.kinds = append(b.kinds, k)
	return Slot(len(b.kinds) - 1)
}

// Each gives do how many queries of each kind came by each transport, where there were any.
func (b *Book) Each(do func(transport string, k Kind, n uint64)) {
	b.mu.Lock()
	kinds, tallies := slices.Clip(b.kinds), slices.Clip(b.tallies)
	b.mu.Unlock()
	for _, t := range append(tallies, &b.spare) {
		for i, k := range kinds {
			if n := t.counts[i].Load(); n > 0 {
				do(t.name(), k, n)
			}
		}
	}
}

// name is the transport, as a figure shows it.
func (t *Tally) name() string {
	if t.transport == "" {
		return Other
	}
	return t.transport
}

// Group returns what counts the exchanges with an upstream group of that name. Groups that
// come after very many others are counted together.
func (b *Book) Group(name string) *Exchanges {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.groups == nil {
		b.groups = map[string]*Exchanges{}
	}
	if len(b.groups) >= maxGroups && b.groups[name] == nil {
		name = Other
	}
	if b.groups[name] == nil {
		b.groups[name] = &Exchanges{}
	}
	return b.groups[name]
}

// Groups returns what was counted for each group, by its name.
func (b *Book) Groups() map[string]Exchanged {
	b.mu.Lock()
	groups := maps.Clone(b.groups)
	b.mu.Unlock()
	all := map[string]Exchanged{}
	for name, e := range groups {
		all[name] = e.read()
	}
	return all
}

// waits are the bounds of the histogram of how long upstreams take, in ascending order.
var waits = [...]time.Duration{
	500 * time.Microsecond, time.Millisecond, 2 * time.Millisecond, 5 * time.Millisecond, 10 * time.Millisecond, 20 * time.Millisecond,
	50 * time.Millisecond, 100 * time.Millisecond, 200 * time.Millisecond, 500 * time.Millisecond, time.Second, 2 * time.Second, 5 * time.Second,
}

// Exchanges counts the exchanges with one upstream group. It is safe for concurrent use; nil counts
// nothing.
type Exchanges struct {
	begun, failed atomic.Uint64
	private       atomic.Uint64                 // addresses
	took          atomic.Int64                  // all together, in nanoseconds
	within        [len(waits) + 1]atomic.Uint64 // answered, by how long that took; the last is longer than all bounds
}

// Exchanged is what Exchanges has counted.
type Exchanged struct {
	Begun, Answered, Failed uint64
	Private                 uint64    // private addresses that were removed
	Took                    Histogram // of those that were answered
}

// Begin counts an exchange that begins.
func (e *Exchanges) Begin() {
	if e != nil {
		e.begun.Add(1)
	}
}

// End counts one that has ended after that time: with an answer or, unless ok, without.
func (e *Exchanges) End(took time.Duration, ok bool) {
	switch {
	case e == nil:
		return
	case !ok:
		e.failed.Add(1)
		return
	}
	i, _ := slices.BinarySearch(waits[:], took)
	e.within[i].Add(1)
	e.took.Add(int64(took))
}

// RemovePrivate counts private addresses that were removed from an answer.
func (e *Exchanges) RemovePrivate(addresses int) {
	if e != nil {
		e.private.Add(uint64(addresses))
	}
}

// read reads the counters, one after the other.
func (e *Exchanges) read() Exchanged {
	x := Exchanged{Begun: e.begun.Load(), Failed: e.failed.Load(), Private: e.private.Load()}
	x.Took.Sum = time.Duration(e.took.Load())
	for i := range e.within {
		x.Took.Counts[i] = e.within[i].Load()
		x.Answered += x.Took.Counts[i]
	}
	return x
}

// Histogram says how many took how long.
type Histogram struct {
	Sum    time.Duration
	Counts [len(waits) + 1]uint64 // of each bucket alone
}
