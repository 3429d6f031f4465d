package server

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"splitdns/server/internal/nftset"
	"splitdns/server/internal/wire"
	"splitdns/server/policy"
)

// SetGiven is a set that a rule puts addresses into.
type SetGiven struct {
	Set   string `json:"set"` // as nft writes it
	Rule  string `json:"rule"`
	All   bool   `json:"all"`             // those outside the published ranges as well
	Along string `json:"along,omitempty"` // the name of the chain by which the rule matched

	token string
}

// String says it for people.
func (g SetGiven) String() string {
	text := g.Set + ", from rule " + g.Rule
	if g.Along != "" {
		text += ", along the chain at " + g.Along
	}
	if g.All {
		return text + " (all addresses)"
	}
	return text + " (only published addresses)"
}

// setsGiven are the sets of d.
func setsGiven(d policy.Decision) []SetGiven {
	var all []SetGiven
	for _, u := range d.Sets {
		g := SetGiven{Set: u.Set.String(), Rule: u.Rule, All: u.All, token: u.Set.Token()}
		if !u.Along.IsZero() {
			g.Along = u.Along.String()
		}
		all = append(all, g)
	}
	return all
}

// setTokens are sets without spaces, each once.
func setTokens(sets []SetGiven) []string {
	var all []string
	for _, g := range sets {
		if !slices.Contains(all, g.token) {
			all = append(all, g.token)
		}
	}
	return all
}

// setNames are the sets of d as nft writes them, each once.
func setNames(d policy.Decision) []string {
	var all []string
	for _, u := range d.Sets {
		if name := u.Set.String(); !slices.Contains(all, name) {
			all = append(all, name)
		}
	}
	return all
}

// InSet is which addresses of answers are in a set now.
type InSet struct {
	Set      string      `json:"set"`
	Elements []ElementIn `json:"elements"`
	More     int         `json:"more,omitempty"`    // addresses that are not listed
	Problem  string      `json:"problem,omitempty"` // what is wrong with the set, or why nobody knows what is in it

	token string
}

// ElementIn is an address and whether it is in the set.
type ElementIn struct {
	Address string `json:"address"`
	State   string `json:"state"`             // one of the words below, or why it does not go there: see [policy.Policy.KeptOut]
	Seconds int    `json:"seconds,omitempty"` // that it is in for yet
}

// The states of an address.
const (
	elementIn        = "in"
	elementPermanent = "permanent"
	elementNone      = "none" // not in it
	elementUnknown   = "unknown"
	elementVersion   = "other-version" // than that of the set, and no other set of the name takes it
)

// What an explanation shows of sets, and how long it asks for that.
const (
	maxExplainedSets = 16
	maxExplainedIn   = 24  // addresses of a set, as facts
	maxAskedIn       = 512 // that are asked for; see [nftset.Keeper.Remaining]
	explainSetsTime  = time.Second
)

// A considered is an address of an answer, with a set of a rule, and why it does not go there: "" if
// it does.
type considered struct {
	admission
	keptOut string
}

// opens notes which addresses of m go into sets by d, and which do not.
func (e *Explanation) opens(s *snapshot, d policy.Decision, m wire.Message) {
	place := map[admission]int{}
	for i, c := range e.opened {
		place[c.admission] = i
	}
	for _, u := range d.Sets {
		for _, addr := range addressesBy(m, u.Along) {
			c := considered{admission{u.Set, addr.Unmap()}, s.policy.KeptOut(u, addr)}
			at, known := place[c.admission]
			switch {
			case !known:
				place[c.admission] = len(e.opened)
				e.opened = append(e.opened, c)
			case c.keptOut == "": // one rule lets in what another does not
				e.opened[at] = c
			}
		}
	}
}

// lookIntoSets says which of the noted addresses are in their sets. A kernel that takes long
// for one set is not asked about the others.
func (e *Explanation) lookIntoSets(f firewall) {
	if f == nil || len(e.opened) == 0 {
		return
	}
	status := map[policy.Set]*nftset.SetStatus{}
	sets := f.Status().Sets
	for i := range sets {
		status[sets[i].Set] = &sets[i]
	}
	of, order := bySet(e.opened, status)
	until := time.Now().Add(explainSetsTime)
	for _, set := range order[:min(len(order), maxExplainedSets)] {
		asked := of[set][:min(len(of[set]), maxAskedIn)]
		in := lookInto(f, set, asked, until)
		if st := status[set]; in.Problem == "" && st != nil && st.Text != "" {
			in.Problem = fmt.Sprintf("set %s: %s", set, st.Text)
		}
		in.More = len(of[set]) - len(asked)
		e.InSets = append(e.InSets, in)
	}
}

// bySet sorts all by their sets, in the order in which these first come up. An address of the other
// version than its set's is left out, as most rules have a set for each, unless no set takes it.
func bySet(all []considered, status map[policy.Set]*nftset.SetStatus) (of map[policy.Set][]considered, order []policy.Set) {
	takes := func(c considered) bool { st := status[c.set]; return st == nil || st.Takes(c.addr) }
	taken := map[netip.Addr]bool{}
	for _, c := range all {
		taken[c.addr] = taken[c.addr] || takes(c)
	}
	of = map[policy.Set][]considered{}
	for _, c := range all {
		if !takes(c) {
			if taken[c.addr] {
				continue
			}
			c.keptOut = cmp.Or(c.keptOut, elementVersion)
		}
		if of[c.set] == nil {
			order = append(order, c.set)
		}
		of[c.set] = append(of[c.set], c)
	}
	return of, order
}

// lookInto asks which of all are in set, unless it is later than until.
func lookInto(f firewall, set policy.Set, all []considered, until time.Time) InSet {
	in := InSet{Set: set.String(), token: set.Token()}
	var ask []netip.Addr
	for _, c := range all {
		if c.keptOut == "" {
			ask = append(ask, c.addr)
		}
	}
	var left map[netip.Addr]time.Duration
	if time.Now().After(until) {
		in.Problem = "the kernel takes too long to say"
	} else if have, err := f.Remaining(set, ask); err != nil {
		in.Problem = err.Error()
	} else {
		left = have
	}
	for _, c := range all {
		x := ElementIn{Address: c.addr.String(), State: cmp.Or(c.keptOut, elementUnknown)}
		if c.keptOut == "" && left != nil {
			x.State, x.Seconds = elementState(left, c.addr)
		}
		in.Elements = append(in.Elements, x)
	}
	return in
}

// elementState says for how many seconds addr is in a set yet.
func elementState(left map[netip.Addr]time.Duration, addr netip.Addr) (state string, seconds int) {
	d, ok := left[addr]
	switch {
	case !ok:
		return elementNone, 0
	case d < 0:
		return elementPermanent, 0
	}
	return elementIn, int(d / time.Second)
}

// inSetsFacts says of all sets which addresses are in them.
func (e Explanation) inSetsFacts() (facts []string) {
	for _, in := range e.InSets {
		facts = append(facts, in.facts()...)
	}
	return facts
}

// facts says it in tokens. What is wrong is the last fact, as it is in the words of others.
func (in InSet) facts() []string {
	t := tokens{"set", in.token}
	shown := in.Elements[:min(len(in.Elements), maxExplainedIn)]
	for _, x := range shown {
		value := x.State
		if value == elementIn {
			value = strconv.Itoa(x.Seconds)
		}
		t.add(x.Address, value)
	}
	if more := in.More + len(in.Elements) - len(shown); more > 0 {
		t.add("more", strconv.Itoa(more))
	}
	facts := []string{strings.Join(t, " ")}
	if in.Problem != "" {
		facts = append(facts, "set-failure "+in.token+" "+in.Problem)
	}
	return facts
}
