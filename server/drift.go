package server

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"splitdns/matcher"
	"splitdns/server/internal/drift"
	"splitdns/server/policy"
	"splitdns/zones"
)

// The parts of a report on drift, and the report itself.
type (
	Drift        = drift.Report
	DriftTimes   = drift.Times
	DriftZone    = drift.Zone
	DriftAddress = drift.Address
	DriftNear    = drift.Near
	DriftSuffix  = drift.Suffix
	DriftShadow  = drift.Shadow
)

// The room of the memories of a running server, in entries: some 6 MiB at worst.
const (
	roomOutside   = 2048
	roomUncovered = 2048
	roomDiffering = 1024
)

// sightings are what the answers of upstreams have shown that the loaded zones do not say. They
// outlive reloads: what they mean is worked out when somebody asks.
type sightings struct {
	from      time.Time
	outside   *drift.Memory // addresses, by zone
	uncovered *drift.Memory // names, by suffix
}

// newSightings returns memories without anything in them.
func newSightings(from time.Time) *sightings {
	return &sightings{from: from, outside: drift.NewMemory(roomOutside), uncovered: drift.NewMemory(roomUncovered)}
}

// observe notes where the answer to q has left what is published. An answer that is given
// from finished octets is not seen here; it is made anew every ten seconds.
func (r *Resolver) observe(s *snapshot, q Query, o Outcome) {
	if o.isObservable(q) {
		r.seen.note(s, q, o)
	}
}

// note notes where o, the answer of an upstream, has left what s publishes.
func (n *sightings) note(s *snapshot, q Query, o Outcome) {
	if o.Decision.Match != (policy.Match{}) {
		n.noteOutside(q, o)
		return
	}
	if len(o.Judgement.Addresses) == 0 {
		return
	}
	if suffix, ok := s.suffixes.Of(q.Name); ok {
		n.noteUncovered(suffix, q, o)
	}
}

// noteOutside notes the addresses outside.
func (n *sightings) noteOutside(q Query, o Outcome) {
	noted := 0
	for _, a := range o.Judgement.Addresses {
		if a.Verdict == policy.Outside && noted < maxFinishedJudged {
			noted++
			n.outside.Note(drift.Key{Group: o.Decision.Match.Zone, Addr: a.Addr}, drift.Sighting{At: q.Received, Client: q.Client, Name: q.Name})
		}
	}
}

// noteUncovered notes a name that no row covers.
func (n *sightings) noteUncovered(suffix matcher.Name, q Query, o Outcome) {
	sighting := drift.Sighting{At: q.Received, Client: q.Client}
	for _, a := range o.Judgement.Addresses[:min(len(o.Judgement.Addresses), maxFinishedJudged)] {
		sighting.Addresses = append(sighting.Addresses, a.Addr)
	}
	n.uncovered.Note(drift.Key{Group: suffix.String(), Name: q.Name}, sighting)
}

// report judges what was seen by s.
func (n *sightings) report(s *snapshot, scope drift.Scope) Drift {
	r := drift.NewReport(drift.Sightings{
		Outside: n.outside.All(), Uncovered: n.uncovered.All(), Policy: s.policy, Suffixes: s.suffixes,
	}, scope)
	r.From, r.Config, r.Edition = n.from, s.config.Digest, s.config.Edition
	r.Lost = n.outside.Lost() + n.uncovered.Lost()
	return r
}

// Drift reports what was seen of a zone, "" for all, in the time before now, 0 for ever since
// the start.
func (s *Server) Drift(zone string, before time.Duration) (Drift, error) {
	now := s.resolver.current.Load()
	scope, err := now.driftScope(zone, before, s.resolver.now())
	if err != nil {
		return Drift{}, err
	}
	r := s.resolver.seen.report(now, scope)
	r.Now = s.resolver.now()
	if now.shadow != nil {
		r.Shadow = now.shadow.report(scope)
	}
	return r, nil
}

// driftScope is what a report is about.
func (s *snapshot) driftScope(zone string, before time.Duration, now time.Time) (drift.Scope, error) {
	if zone != "" && !slices.ContainsFunc(s.config.Zones, func(z *zones.Zone) bool { return z.Name == zone }) {
		return drift.Scope{}, fmt.Errorf("no zone %q is loaded; `splitdns zones list` shows the bundled ones", zone)
	}
	scope := drift.Scope{Zone: zone}
	if before > 0 {
		scope.Since = now.Add(-before)
	}
	return scope, nil
}

// controlDrift is `GET /v1/drift?zone=NAME&since=DURATION`.
func (s *Server) controlDrift(w http.ResponseWriter, r *http.Request) {
	before, err := time.ParseDuration(cmp.Or(r.FormValue("since"), "0s"))
	if err != nil || before < 0 {
		refuseControl(w, http.StatusBadRequest, fmt.Errorf("since: %q: want a duration such as 24h", r.FormValue("since")))
		return
	}
	report, err := s.Drift(r.FormValue("zone"), before)
	if err != nil {
		refuseControl(w, http.StatusBadRequest, err)
		return
	}
	writeControl(w, http.StatusOK, report)
}

// DriftStatus counts what was seen that the zones in force do not say.
type DriftStatus struct {
	Addresses map[string]int `json:"addresses"` // outside the published ranges, by zone
	Near      int            `json:"near"`      // names that just miss a range of numbers
	Uncovered int            `json:"uncovered"` // names below a vendor's suffix that no row covers
	Lost      uint64         `json:"lost"`      // sightings that there was no room for
}

// Above fewSightings, what was counted is told again for so long: to judge full memories takes 40 ms, and
// whoever may read the metrics may ask for it as often as he likes.
const (
	fewSightings = 256
	countedFor   = 10 * time.Second
)

// driftCounts are what was counted last of what was seen. It is safe for concurrent use.
type driftCounts struct {
	mu      sync.Mutex // guards what follows, and is held while it is counted: two who ask cost as much as one
	of      *snapshot  // by which
	at      time.Time
	wasFew  bool // that was counted
	counted DriftStatus
}

// driftStatus counts what a report would show, or has counted it a short time ago.
func (s *Server) driftStatus(now *snapshot) DriftStatus {
	seen, counts, at := s.resolver.seen, &s.driftCounts, s.resolver.now()
	counts.mu.Lock()
	defer counts.mu.Unlock()
	if counts.wasFew || counts.of != now || at.Sub(counts.at) >= countedFor {
		counts.wasFew = seen.outside.Len()+seen.uncovered.Len() <= fewSightings
		counts.of, counts.at, counts.counted = now, at, seen.count(now)
	}
	st := counts.counted
	st.Addresses = maps.Clone(st.Addresses)
	return st
}

// count counts what a report by s would show.
func (n *sightings) count(s *snapshot) DriftStatus {
	r := n.report(s, drift.Scope{})
	st := DriftStatus{Addresses: map[string]int{}, Near: len(r.Near), Lost: r.Lost}
	for _, z := range r.Zones {
		st.Addresses[z.Zone] = len(z.Addresses)
	}
	for _, u := range r.Uncovered {
		st.Uncovered += len(u.Names)
	}
	return st
}
