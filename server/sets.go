package server

import (
	"context"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"sync/atomic"
	"time"

	"splitdns/matcher"
	"splitdns/server/config"
	"splitdns/server/internal/listen"
	"splitdns/server/internal/nftset"
	"splitdns/server/internal/wire"
	"splitdns/server/policy"
)

// firewall puts addresses into sets: an [nftset.Keeper], or what a test has in its place.
type firewall interface {
	Follow(c nftset.Config)
	Run(ctx context.Context) error
	Holds(es []nftset.Element) (until time.Time, ok bool)
	Add(es []nftset.Element, done func(error))
	Status() nftset.Status
	Elements(set policy.Set) ([]nftset.Held, error)
	Remaining(set policy.Set, addrs []netip.Addr) (map[netip.Addr]time.Duration, error)
}

const (
	// setSlack is for how much longer than its TTL says an answer may be in use: an answer from
	// the cache does not count the part of a second, and every answer is on its way for a while.
	setSlack = 2 * time.Second
	// maxElements is how many elements one answer may bring. Real ones have some ten addresses; a
	// response could have thousands.
	maxElements = 1000
)

// opening is what an answer needs of sets, and what became of that.
type opening struct {
	elements []nftset.Element
	ttl      time.Duration // of the addresses, as the client sees it
	era      uint64        // of the sets, when until was found
	until    time.Time     // when the first element ends; zero: not known to be in
	failure  error         // why the addresses are not in their sets
}

// setUse is what a server knows of its sets. It is safe for concurrent use.
type setUse struct {
	era           era           // ends when what is known to be in sets may be so no longer
	flush         chan struct{} // responses wait to be sent; one is enough
	added, failed atomic.Uint64 // answers whose addresses had to be put into sets first, and those that were not
}

// reply answers q with o: at once where all its addresses are known to be in their sets, and
// later, as for a query that an upstream is asked for, where they have to be put there first.
func (s *Server) reply(dst []byte, now *snapshot, q Query, o Outcome) (response []byte, later func(listen.Query)) {
	if s.held(now, q, &o); !o.waits() {
		return s.answer(dst, now, q, o), nil
	}
	return dst, s.aside(now, q, o).open
}

// waits reports whether the addresses of o must be put into sets before it is an answer.
func (o Outcome) waits() bool { return o.opening != nil && o.opening.until.IsZero() }

// aside is q with its outcome, until the addresses of that are in their sets. It takes a copy: what
// is answered at once must not be moved to the heap for it.
func (s *Server) aside(now *snapshot, q Query, o Outcome) *waiting {
	return &waiting{server: s, now: now, query: q, outcome: &o}
}

// held finds out what the addresses of o need of sets, and until when they are known to be there. Without
// a rule that names sets, it costs next to nothing.
func (s *Server) held(now *snapshot, q Query, o *Outcome) {
	if len(o.Decision.Sets) == 0 {
		return
	}
	p := s.opening(now, q, o)
	o.opening = p
	if p == nil || p.failure != nil {
		return
	}
	p.era = s.setUse.era.current() // before the question: what is lost since then is noticed
	p.lengthen(setSlack)
	if until, ok := s.sets.Holds(p.elements); ok {
		p.until = until
	}
	p.lengthen(-setSlack)
}

// opening is what o needs of sets; nil: nothing.
func (s *Server) opening(now *snapshot, q Query, o *Outcome) *opening {
	ttl := time.Duration(o.Response.AddressTTL()) * time.Second
	p := &opening{ttl: ttl}
	name := q.Name.String()
	inForce := s.resolver.current.Load().sets // what a reload has taken away nobody looks after
	all := now.admitted(&o.Decision, o.Response)
	p.elements = make([]nftset.Element, 0, len(all))
	for _, a := range all {
		if !inForce[a.set] {
			continue
		}
		p.elements = append(p.elements, nftset.Element{Set: a.set, Addr: a.addr, TTL: ttl, Name: name, Client: q.Client})
	}
	switch {
	case len(p.elements) == 0:
		return nil
	case len(p.elements) > maxElements:
		p.failure = fmt.Errorf("set %s: the answer has %d addresses for sets, more than %d", p.elements[0].Set, len(p.elements), maxElements)
	}
	return p
}

// lengthen gives the elements of p so much more time.
func (p *opening) lengthen(more time.Duration) {
	for i := range p.elements {
		p.elements[i].TTL += more
	}
}

// admission is an address with a set that it goes into.
type admission struct {
	set  policy.Set
	addr netip.Addr // without IPv4 inside of IPv6: as clients connect to it
}

// admissions are some, each once.
type admissions struct {
	all  []admission
	seen map[admission]bool // nil: they are few
}

// fewAdmissions is up to how many it is faster to look through them than to hash them.
const fewAdmissions = 16

// newAdmissions has room for so many.
func newAdmissions(room int) *admissions {
	l := &admissions{all: make([]admission, 0, room)}
	if room > fewAdmissions {
		l.seen = make(map[admission]bool, room)
	}
	return l
}

// has reports whether a is among them.
func (l *admissions) has(a admission) bool {
	if l.seen != nil {
		return l.seen[a]
	}
	return slices.Contains(l.all, a)
}

// add adds a.
func (l *admissions) add(a admission) {
	l.all = append(l.all, a)
	if l.seen != nil {
		l.seen[a] = true
	}
}

// admitted is which addresses of m go into which sets by d, each pair once; of too many, one more than
// may go in.
func (s *snapshot) admitted(d *policy.Decision, m wire.Message) []admission {
	room := min(len(m.Addresses())*len(d.Sets), maxElements+1)
	l := newAdmissions(room)
	for _, u := range d.Sets {
		for _, addr := range addressesBy(m, u.Along) {
			a := admission{u.Set, addr.Unmap()}
			if len(l.all) < room && !l.has(a) && s.policy.Admits(u, addr) {
				l.add(a)
			}
		}
	}
	return l.all
}

// addressesBy are the addresses of m that a rule speaks of which matched at a name of the chain, zero
// for the QNAME. All that comes after a CNAME record is the answer for its target. A service binding
// leads to whatever name its owner likes, and has hints of his own: of its target there are only the
// records that the target owns.
func addressesBy(m wire.Message, along matcher.Name) []netip.Addr {
	if along.IsZero() || slices.Contains(m.Links(), along) {
		return m.Addresses()
	}
	return m.AddressesAt(along)
}

// open has the addresses of the outcome put into their sets, and the query answered then.
func (w *waiting) open(client listen.Query) {
	w.client = client
	p := w.outcome.opening
	if p.failure != nil {
		w.opened(p.failure)
		return
	}
	w.server.sets.Add(p.elements, w.opened)
}

// opened answers the query: the addresses are in their sets, or err says why they are not. It is
// called from any goroutine; the response leaves with those of others.
func (w *waiting) opened(err error) {
	s := w.server
	if err == nil {
		s.setUse.added.Add(1)
	} else {
		s.setUse.failed.Add(1)
		o := w.outcome.unopened(err, w.now.config.Server.SetFailure)
		w.outcome = &o
	}
	w.client.Respond(w.answer)
	select {
	case s.setUse.flush <- struct{}{}:
	default:
	}
}

// unopened is o where addresses are not in their sets, because of err.
func (o Outcome) unopened(err error, how config.SetFailure) Outcome {
	p := *o.opening
	p.failure = err
	note := wire.EDE{Code: wire.EDEOther, Text: err.Error()}
	if how == config.SetFailureServfail {
		o = o.servfail()
		o.Failure, o.Notes, o.Relayed = err, nil, nil // of an answer that is none
	}
	o.opening = &p
	o.Notes = append(o.Notes[:len(o.Notes):len(o.Notes)], note)
	return o
}

// keeps reports whether the answer may be given again without a look at the sets.
func (p *opening) keeps() bool { return p == nil || p.failure == nil && !p.until.IsZero() }

// bound is up to when f may be given, on the clock of t: whoever gets it must find the elements for
// as long as its TTL says. TTLs that count down end at the same time for everybody, which is what
// was asked of the sets. Others begin anew for each client.
func (p *opening) bound(t *finishedTable, f *finished) time.Duration {
	if f.counts && f.limit == math.MaxUint32 {
		return f.until
	}
	return min(f.until, t.clock(p.until)-p.ttl-setSlack)
}

// failed says why addresses are not in their sets, "" where they are.
func (p *opening) failed() string {
	if p == nil || p.failure == nil {
		return ""
	}
	return p.failure.Error()
}

// flushOpened sends the responses that have waited for sets, until ctx ends. Many are due
// together; a call for each, by whoever has put the addresses in, was turned down.
func (s *Server) flushOpened(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-s.setUse.flush:
			s.flushResponses()
		}
	}
}

// newSets returns what puts addresses into sets; it has none yet.
func (s *Server) newSets() firewall {
	s.setUse.flush = make(chan struct{}, 1)
	o := nftset.Options{Now: s.options.Now, Report: s.reportSet, Lost: s.lostSets}
	switch {
	case s.options.firewall != nil:
		return s.options.firewall(o)
	case s.options.Demo:
		return newDemoSets(o)
	}
	return nftset.New(o)
}

// reportSet logs what an administrator should know of the sets.
func (s *Server) reportSet(bad bool, text string) {
	if bad {
		s.options.Log.Error(text)
		return
	}
	s.options.Log.Info(text)
}

// followSets has the sets of c be kept from now on.
func (s *Server) followSets(c *config.Config) {
	want := nftset.Config{Grace: max(setSlack, c.Server.SetGrace), Min: c.Server.SetMin}
	for _, set := range c.Sets() {
		want.Sets = append(want.Sets, nftset.Wanted(set))
	}
	s.sets.Follow(want)
}

// lostSets drops the finished answers that rest on what is in sets: some of it may be gone. What
// has asked for it before is finished no more.
func (s *Server) lostSets() {
	s.setUse.era.end()
	s.resolver.finished.dropOpened()
}

// dropBatch is how many places are looked at with the lock held.
const dropBatch = 4096

// dropOpened drops the answers whose addresses are in sets. Those that are put meanwhile stay.
func (t *finishedTable) dropOpened() {
	for first := 0; first < len(t.slots); first += dropBatch {
		t.mu.Lock()
		batch := t.slots[first:min(first+dropBatch, len(t.slots))]
		for i := range batch {
			if f := batch[i].Load(); f != nil && f.opened {
				t.set(&batch[i], nil)
			}
		}
		t.mu.Unlock()
	}
}
