package server

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"splitdns/matcher"
	"splitdns/server/config"
	"splitdns/server/internal/drift"
	"splitdns/server/internal/metrics"
	"splitdns/server/internal/wire"
	"splitdns/server/policy"
)

// shadow is the zones that are judged beside those in force, and never acted on.
type shadow struct {
	snapshot *snapshot // its policy and what its steps need; never asked for an answer
	config   *config.Shadow
	seen     *shadowSeen
}

// shadowSeen is what a shadow has found. It is that of one configuration.
type shadowSeen struct {
	answers, differ atomic.Uint64
	names           *drift.Memory // for which the verdicts differ, by zone; the note is both
}

// answerWord stands for the verdict where a rule answers by itself.
const answerWord = "answer"

// newShadow returns the shadow of c; nil if it has none.
func newShadow(c *config.Config, allow []netip.Prefix) *shadow {
	if c.Shadow == nil {
		return nil
	}
	return &shadow{
		snapshot: &snapshot{config: c, policy: c.Shadow.Policy.Serving(allow)}, config: c.Shadow,
		seen: &shadowSeen{names: drift.NewMemory(roomDiffering)},
	}
}

// shadowOutcome is what a shadow makes of an answer. The zero value is nothing: there is none,
// or what it would have to judge is no answer of an upstream.
type shadowOutcome struct {
	Verdict string // a verdict, "answer" where a rule would answer, "not-asked" where another upstream group would be asked

	zone    string // the row's, by one or the other
	active  string // the verdict in force
	differs bool   // the verdict, or what the client gets
}

// beside is o with what the shadow makes of the same query. said is what the upstream said,
// nil if none was asked. It changes nothing that a client gets.
func (s *snapshot) beside(q Query, said *wire.Message, o Outcome) Outcome {
	if s.shadow == nil || o.missing != nil {
		return o
	}
	active := o.judgedWord()
	if active == "" { // a failure
		return o
	}
	other := s.shadow.treated(q, said, o.Decision.Upstream)
	zone := cmp.Or(o.Decision.Match.Zone, other.Decision.Match.Zone)
	if zone == "" && !o.Decision.Matched() && !other.Decision.Matched() {
		return o
	}
	o.Shadow = shadowOutcome{Verdict: other.judgedWord(), zone: zone, active: active}
	o.Shadow.differs = o.Shadow.Verdict != active || other.serves(said) && !slices.Equal(other.Response.Addresses(), o.Response.Addresses()) ||
		!o.Decision.Answer.Equal(other.Decision.Answer)
	return o
}

// judgedWord is the verdict in words, and "answer" where a rule answers.
func (o Outcome) judgedWord() string {
	if o.Decision.Answer.Given() {
		return answerWord
	}
	return o.verdict()
}

// serves reports whether o has a response, made of what the upstream said.
func (o Outcome) serves(said *wire.Message) bool {
	return said != nil && o.Judgement.Verdict != policy.NotAsked && !o.Decision.Answer.Given()
}

// treated is what becomes of q where the upstream group said that; nothing was asked
// where the shadow would have asked another one. Its response means something only where it is made
// of what the upstream said.
func (h *shadow) treated(q Query, said *wire.Message, group string) Outcome {
	s := h.snapshot
	class := s.policy.Class(q.Client)
	d := s.policy.Decide(q.Name, class)
	if d.Answer.Given() || said == nil || d.Upstream != group {
		return Outcome{Decision: d}
	}
	d = s.policy.Along(d, said.Chain(), class)
	if d.Answer.Given() {
		return Outcome{Decision: d}
	}
	public, _ := s.withoutPrivate(*said, d)
	return s.pin(public, d)
}

// countShadow counts and remembers what the shadow makes of the answer to q.
func (r *Resolver) countShadow(s *snapshot, q Query, o Outcome) {
	if s.shadow == nil || o.Shadow.Verdict == "" {
		return
	}
	seen := s.shadow.seen
	seen.answers.Add(1)
	r.shadowed.answers.Add(1)
	if !o.Shadow.differs {
		return
	}
	seen.differ.Add(1)
	r.shadowed.add(o.Shadow)
	seen.names.Note(
		drift.Key{Group: o.Shadow.zone, Note: o.Shadow.active + " " + o.Shadow.Verdict, Name: q.Name},
		drift.Sighting{At: q.Received, Client: q.Client},
	)
}

// shadowCounts are what all shadows since the start have found. It is safe for concurrent use.
type shadowCounts struct {
	answers atomic.Uint64

	mu     sync.Mutex // guards differ
	differ map[differing]uint64
}

// differing is a kind of difference.
type differing struct{ zone, active, shadow string }

// maxDiffering is how many kinds of difference are counted by themselves.
const maxDiffering = 1000

// add counts a difference.
func (c *shadowCounts) add(o shadowOutcome) {
	k := differing{o.zone, o.active, o.Verdict}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.differ == nil {
		c.differ = map[differing]uint64{}
	}
	if _, ok := c.differ[k]; !ok && len(c.differ) >= maxDiffering {
		k = differing{metrics.Other, metrics.Other, metrics.Other}
	}
	c.differ[k]++
}

// page adds what was counted to p.
func (c *shadowCounts) page(p *metrics.Page) {
	p.Add("splitdns_shadow_answers_total", float64(c.answers.Load()))
	c.mu.Lock()
	defer c.mu.Unlock()
	order := func(a, b differing) int {
		return cmp.Or(cmp.Compare(a.zone, b.zone), cmp.Compare(a.active, b.active), cmp.Compare(a.shadow, b.shadow))
	}
	for _, k := range slices.SortedFunc(maps.Keys(c.differ), order) {
		p.Add("splitdns_shadow_differences_total", float64(c.differ[k]), k.zone, k.active, k.shadow)
	}
}

// report is what the shadow would have judged otherwise.
func (h *shadow) report(scope drift.Scope) *DriftShadow {
	r := &DriftShadow{Shadow: h.config.Text(), Answers: h.seen.answers.Load(), Differ: h.seen.differ.Load()}
	r.Names = drift.Differing(h.seen.names.All(), scope)
	return r
}

// ShadowStatus counts what a shadow has judged.
type ShadowStatus struct {
	Shadow  string `json:"shadow"`  // what it is: "edition 2020-09-08"
	Answers uint64 `json:"answers"` // that were judged by both since the configuration was read
	Differ  uint64 `json:"differ"`
	Names   int    `json:"names"` // for which they differ
}

// status is what h has judged; nil without a shadow.
func (h *shadow) status() *ShadowStatus {
	if h == nil {
		return nil
	}
	return &ShadowStatus{h.config.Text(), h.seen.answers.Load(), h.seen.differ.Load(), h.seen.names.Len()}
}

// ShadowExplanation is what a shadow makes of a name.
type ShadowExplanation struct {
	Edition string   `json:"edition"`
	Pending []string `json:"pending,omitempty"`
	Match   *Row     `json:"match"`
	Verdict string   `json:"verdict,omitempty"` // on what is cached
}

// shadow adds what the shadow makes of name.
func (e *Explanation) shadow(s *snapshot, name matcher.Name, client netip.Addr) {
	if s.shadow == nil {
		return
	}
	p := s.shadow.snapshot.policy
	d := p.Decide(name, p.Class(client))
	e.Shadow = &ShadowExplanation{Edition: s.shadow.config.Edition, Pending: s.shadow.config.Pending}
	if d.Match != (policy.Match{}) {
		row := Row(d.Match)
		e.Shadow.Match = &row
	}
	switch {
	case e.CacheHidden:
	case d.Answer.Given():
		e.Shadow.Verdict = answerWord
	case e.asked:
		e.Shadow.Verdict = p.Judge(d, e.judged).Verdict.String()
	default:
		e.Shadow.Verdict = policy.NotAsked.String()
	}
}

// facts is what the shadow makes of the name, in tokens; nothing without one.
func (x *ShadowExplanation) facts() []string {
	if x == nil {
		return nil
	}
	t := tokens{"shadow"}
	t.add("edition", x.Edition)
	t.add("pending", strings.ReplaceAll(strings.Join(x.Pending, ","), " ", ":"))
	if x.Match != nil {
		t = append(t, x.Match.String())
	}
	t.add("verdict", x.Verdict)
	return []string{strings.Join(t, " ")}
}
