package server

import (
	"net/netip"
	"time"

	"splitdns/matcher"
	"splitdns/server/internal/cache"
	"splitdns/server/internal/wire"
	"splitdns/server/policy"
	"splitdns/zones"
	"splitdns/zones/tomlfile"
)

// Asker is who an explanation is for, and what he may see.
type Asker struct {
	Client        netip.Addr // as whom to explain
	Admin         bool       // may see what others looked up
	SubnetIgnored bool       // asked as somebody else without the right to

	types []wire.Type // none: explainTypes
}

// Explanation says how a name is treated for one client: by the same decision,
// the same cache and the same pin as a live query, without asking anybody.
type Explanation struct {
	Name          string     `json:"name"`
	Client        string     `json:"client"`
	Config        string     `json:"config"`
	Edition       string     `json:"edition"`
	SubnetIgnored bool       `json:"subnet_ignored,omitempty"`
	Served        bool       `json:"served"`
	Match         *Row       `json:"match"`
	RulePattern   string     `json:"rule_pattern,omitempty"`
	Near          []Row      `json:"near,omitempty"`
	Rules         []Step     `json:"rules"`
	Log           bool       `json:"log"`
	Tags          []string   `json:"tags"`
	Pin           Settled    `json:"pin"`
	Upstream      Settled    `json:"upstream"`
	Answer        Settled    `json:"answer"`
	MaxTTL        Settled    `json:"max_ttl"`
	Private       Settled    `json:"private_answers"`
	Sets          []SetGiven `json:"sets,omitempty"`
	Answered      string     `json:"answered,omitempty"` // what of ours answers: "special=localhost"
	Delegated     *Delegated `json:"delegated,omitempty"`
	Chain         string     `json:"chain,omitempty"`
	Spared        string     `json:"spared,omitempty"`
	Published     []string   `json:"published"`
	CarveOut      *Row       `json:"carve_out,omitempty"`
	Answers       []Answered `json:"answers,omitempty"`
	Cache         []Cached   `json:"cache"`
	Failures      []Failure  `json:"failures,omitempty"`
	CacheHidden   bool       `json:"cache_hidden,omitempty"`
	Verdict       string     `json:"verdict"`
	Groups        []string   `json:"client_groups"`

	InSets []InSet            `json:"in_sets,omitempty"` // what is in the sets now, of the addresses that are known here
	Shadow *ShadowExplanation `json:"shadow,omitempty"`
	Feeds  []FeedFetch        `json:"feeds,omitempty"` // who has fetched which list of addresses

	opened []considered // what of those addresses goes into which set, and what does not
	alias  bool         // the answer is a CNAME, whose target is asked of the upstream
	asked  bool         // there is a cached answer to judge
	judged []netip.Addr // the addresses of all such answers, for Verdict
}

// Row names a row of a zone and the pattern that matched.
type Row struct {
	Zone    string `json:"zone"`
	Row     string `json:"row"`
	Pattern string `json:"pattern"`
}

// Step is one rule that applies, the highest rank first.
type Step struct {
	Rule         string `json:"rule"`
	Pattern      string `json:"pattern"`
	Via          string `json:"via"` // "names", "zone" or "*"
	Zone         string `json:"zone,omitempty"`
	ClientPrefix *int   `json:"client_prefix,omitempty"` // length; absent for a rule for everybody
	Along        string `json:"along,omitempty"`         // the name of the chain that matched
}

// Settled is a value that one rule settles, with the rule; none: the default.
type Settled struct {
	Value string `json:"value"`
	Rule  string `json:"rule,omitempty"`
}

// Cached is one answer in the cache, as this client would get it.
type Cached struct {
	Type      string    `json:"type"`
	Age       int       `json:"age"` // seconds
	TTL       int       `json:"ttl"` // seconds
	From      string    `json:"from"`
	Rcode     string    `json:"rcode"`
	Addresses []Address `json:"addresses"`
	Served    []string  `json:"served"`            // addresses that the client gets
	Private   []string  `json:"private,omitempty"` // removed: public servers must not give them
	Changed   bool      `json:"changed"`
	Stale     bool      `json:"stale,omitempty"` // it has expired: given only if there is no other
	Cut       string    `json:"cut,omitempty"`   // the name above of which it says that it does not exist
}

// Answered is what a rule, a local zone or a special-use name answers to one type without asking an upstream.
type Answered struct {
	Type      string   `json:"type"`
	Rcode     string   `json:"rcode"`
	Addresses []string `json:"addresses"`
	CNAME     string   `json:"cname,omitempty"`    // what the answer leads to, if it has no address
	Upstream  string   `json:"upstream,omitempty"` // the group that is asked for that
	Special   string   `json:"special,omitempty"`  // or the special-use name that it is
}

// Address is a judged address.
type Address struct {
	Address string `json:"address"`
	Verdict string `json:"verdict"`
}

// Explain says how name is treated for a client. qtype is the type to explain;
// "" is those that clients ask for before they connect.
func (r *Resolver) Explain(name matcher.Name, qtype string, a Asker) (Explanation, error) {
	if qtype != "" {
		t, err := wire.ParseType(qtype)
		if err != nil {
			return Explanation{}, err
		}
		a.types = []wire.Type{t}
	}
	return r.explain(r.current.Load(), name, a), nil
}

// explainTypes are the types that an explanation shows unless one is given.
var explainTypes = []wire.Type{wire.TypeA, wire.TypeAAAA, wire.TypeHTTPS}

// shownTypes are the types that a is shown.
func (a Asker) shownTypes() []wire.Type {
	if len(a.types) == 0 {
		return explainTypes
	}
	return a.types
}

// explain runs the steps of Resolve on what is there already.
func (r *Resolver) explain(s *snapshot, name matcher.Name, a Asker) Explanation {
	class := s.policy.Class(a.Client)
	d := s.policy.Decide(name, class)
	e := Explanation{
		Name: name.String(), Client: a.Client.String(), SubnetIgnored: a.SubnetIgnored,
		Config: s.config.Digest, Edition: s.config.Edition,
		Served: s.policy.Served(class), Groups: append([]string{}, s.policy.Groups(class)...),
		Cache: []Cached{}, CacheHidden: !a.Admin && !d.Matched(),
	}
	shown := d // with what the chains of all types add
	for _, t := range a.shownTypes() {
		q := wire.Question{Name: name, Type: t, Class: wire.ClassIN}
		if d.Answer.Given() {
			e.answered(s, q, d)
			continue
		}
		if e.ours(s, q, d, class) {
			continue
		}
		if e.CacheHidden {
			continue
		}
		if stored, ok := r.peek(s, q, d.Upstream); ok {
			chain := stored.Message.Chain()
			shown = s.policy.Along(shown, chain, class)
			o := s.treated(stored.Message.For(q), s.policy.Along(d, chain, class))
			e.cached(o, stored, r.now())
			e.opens(s, o.Decision, o.Response)
		}
		e.failures(r, s, q, d.Upstream)
	}
	e.decision(shown)
	e.lookIntoSets(r.sets)
	for _, m := range s.policy.Near(name) {
		e.Near = append(e.Near, Row(m))
	}
	e.Verdict = e.verdict(s, d).String()
	e.shadow(s, name, a.Client)
	e.feedFetches(r, s, a)
	return e
}

// peek returns what the cache holds for q, whatever DO and CD it was asked with.
func (r *Resolver) peek(s *snapshot, q wire.Question, upstream string) (cache.Stored, bool) {
	up, ok := s.upstreams[upstream]
	if !ok {
		return cache.Stored{}, false
	}
	for _, key := range keys(q) {
		if stored, ok := r.cache.Peek(key, up.id, r.now(), s.config.Cache.Stale); ok {
			return stored, true
		}
	}
	return cache.Stored{}, false
}

// keys are what q is cached under, with and without DO and CD.
func keys(q wire.Question) (all [4]cache.Key) {
	for flags := range all {
		all[flags] = cache.Key{Name: q.Name, Type: q.Type, Class: q.Class, DO: flags&1 != 0, CD: flags&2 != 0}
	}
	return all
}

// treated is what Resolve makes of m, with what was found about its addresses
// also where a name of the chain is blocked.
func (s *snapshot) treated(m wire.Message, d policy.Decision) Outcome {
	public, private := s.withoutPrivate(m, d)
	o := s.lessPrivate(s.pin(public, d), private, d)
	if d.Answer.Given() {
		o.Response, o.Code = localAnswer(m.Question(), d.Answer)
		o.Changed = true
	}
	return o
}

// cached adds one cached answer, as it is now, and what became of it.
func (e *Explanation) cached(o Outcome, stored cache.Stored, now time.Time) {
	age := int(stored.Age(now) / time.Second)
	stale := stored.Left(now) == 0
	c := Cached{
		Type: o.Response.Question().Type.String(), From: stored.From, Rcode: o.Response.Rcode().String(), Changed: o.Changed,
		Age: age, TTL: int(stored.Lifetime/time.Second) - age, // TTLs count whole seconds
		Addresses: []Address{}, Served: []string{}, Stale: stale,
	}
	if stale {
		c.TTL = staleTTL
	}
	if about := stored.Message.Question().Name; about != o.Response.Question().Name {
		c.Cut = about.String()
	}
	for _, a := range o.Judgement.Addresses {
		c.Addresses = append(c.Addresses, Address{a.Addr.String(), a.Verdict.String()})
		if !o.Decision.Answer.Given() {
			e.judged = append(e.judged, a.Addr)
		}
	}
	for _, addr := range o.Response.Addresses() {
		c.Served = append(c.Served, addr.String())
	}
	for _, addr := range o.Private {
		c.Private = append(c.Private, addr.String())
	}
	e.asked = e.asked || !o.Decision.Answer.Given()
	e.Cache = append(e.Cache, c)
}

// answered adds what d answers to q without an upstream. Where a CNAME leads is
// for the upstream to say.
func (e *Explanation) answered(s *snapshot, q wire.Question, d policy.Decision) {
	if d.Answer.Kind == policy.AnswerCNAME {
		return
	}
	m, _ := localAnswer(q, d.Answer)
	e.addAnswer(m)
	e.opens(s, d, m)
}

// addAnswer adds the answer m, for which nobody is asked.
func (e *Explanation) addAnswer(m wire.Message) {
	a := Answered{Type: m.Question().Type.String(), Rcode: m.Rcode().String(), Addresses: []string{}}
	for _, addr := range m.Addresses() {
		a.Addresses = append(a.Addresses, addr.String())
	}
	e.Answers = append(e.Answers, a)
}

// verdict sums up the cached answers that are not blocked. Without one, nothing
// was asked.
func (e *Explanation) verdict(s *snapshot, d policy.Decision) policy.Verdict {
	if !e.asked {
		return policy.NotAsked
	}
	return s.policy.Judge(d, e.judged).Verdict
}

// decision copies what d says.
func (e *Explanation) decision(d policy.Decision) {
	if d.Match != (policy.Match{}) {
		row := Row(d.Match)
		e.Match = &row
	}
	if cut := d.Published.CarveOut(); cut != (policy.Match{}) && !d.Published.Any() {
		row := Row(cut)
		e.CarveOut = &row
	}
	e.Rules = []Step{}
	for _, step := range d.Steps {
		e.Rules = append(e.Rules, explainStep(step))
	}
	e.RulePattern = d.RulePattern()
	e.Log, e.Tags, e.Spared = d.Log, append([]string{}, d.Tags...), d.Spared
	e.Pin = Settled{d.Pin.String(), d.By.Pin}
	e.Upstream = Settled{d.Upstream, d.By.Upstream}
	e.Answer = Settled{d.Answer.String(), d.By.Answer}
	if d.Private != policy.PrivateUnset {
		e.Private = Settled{d.Private.String(), d.By.Private}
	}
	e.alias = d.Answer.Kind == policy.AnswerCNAME
	e.Sets = setsGiven(d)
	if d.MaxTTL != 0 {
		e.MaxTTL = Settled{tomlfile.Span(d.MaxTTL), d.By.MaxTTL}
	}
	if !d.Chain.IsZero() {
		e.Chain = d.Chain.String()
	}
	e.Published = []string{}
	for _, p := range d.Published.Prefixes() {
		e.Published = append(e.Published, zones.PrefixText(p))
	}
}

// explainStep copies one step of the cascade.
func explainStep(step policy.Step) Step {
	s := Step{Rule: step.Rule, Pattern: step.Pattern, Via: step.Via.String(), Zone: step.Zone}
	if step.Bits >= 0 {
		s.ClientPrefix = &step.Bits
	}
	if !step.Along.IsZero() {
		s.Along = step.Along.String()
	}
	return s
}

// AddressExplanation says who publishes an address.
type AddressExplanation struct {
	Address   string        `json:"address"`
	Judged    string        `json:"judged"` // the address as it is judged: unmapped
	Client    string        `json:"client"`
	Config    string        `json:"config"`
	Edition   string        `json:"edition"`
	Published []PublishedBy `json:"published"`

	SubnetIgnored bool `json:"subnet_ignored,omitempty"`
}

// PublishedBy is a row that publishes an address.
type PublishedBy struct {
	Zone   string `json:"zone"`
	Row    string `json:"row"`
	Prefix string `json:"prefix"`
}

// explainAddress lists the rows that publish addr.
func (s *snapshot) explainAddress(addr netip.Addr, a Asker) AddressExplanation {
	sources, judged := s.policy.Sources(addr)
	e := AddressExplanation{
		Address: addr.String(), Judged: judged.String(), Client: a.Client.String(),
		Config: s.config.Digest, Edition: s.config.Edition, SubnetIgnored: a.SubnetIgnored,
		Published: []PublishedBy{},
	}
	for _, source := range sources {
		e.Published = append(e.Published, PublishedBy{source.Zone, source.Row, zones.PrefixText(source.Prefix)})
	}
	return e
}

// ExplainAddress says which zones publish addr.
func (r *Resolver) ExplainAddress(addr netip.Addr, a Asker) AddressExplanation {
	return r.current.Load().explainAddress(addr, a)
}
