package server

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

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
	Problem  string      `json:"problem,omitempty"` // why nobody knows

	token string
}

// ElementIn is an address and whether it is in the set.
type ElementIn struct {
	Address string `json:"address"`
	State   string `json:"state"`             // one of the words below
	Seconds int    `json:"seconds,omitempty"` // that it is in for yet
}

// The states of an address.
const (
	elementIn        = "in"
	elementPermanent = "permanent"
	elementNone      = "none" // not in it
	elementUnknown   = "unknown"
)

// What an explanation shows of sets, and how long it asks for that.
const (
	maxExplainedSets = 16
	maxExplainedIn   = 24  // addresses of a set, as facts
	maxAskedIn       = 512 // that are asked for; see [nftset.Keeper.Remaining]
	explainSetsTime  = time.Second
)

// opens notes which addresses of m go into sets by d.
func (e *Explanation) opens(s *snapshot, d policy.Decision, m wire.Message) {
	if len(d.Sets) > 0 {
		e.opened = append(e.opened, s.admitted(d, m)...)
	}
}

// lookIntoSets says which of the noted addresses are in their sets. A kernel that takes long
// for one set is not asked about the others.
func (e *Explanation) lookIntoSets(f firewall) {
	if f == nil || len(e.opened) == 0 {
		return
	}
	is6 := map[policy.Set]bool{}
	for _, st := range f.Status().Sets {
		is6[st.Set] = st.Type == typeIPv6
	}
	addrs := map[policy.Set][]netip.Addr{}
	var order []policy.Set
	for _, a := range e.opened {
		isOther, known := is6[a.set]
		if known && isOther == a.addr.Is4() || slices.Contains(addrs[a.set], a.addr) {
			continue
		}
		if addrs[a.set] == nil {
			order = append(order, a.set)
		}
		addrs[a.set] = append(addrs[a.set], a.addr)
	}
	until := time.Now().Add(explainSetsTime)
	for _, set := range order[:min(len(order), maxExplainedSets)] {
		asked := addrs[set][:min(len(addrs[set]), maxAskedIn)]
		in := lookInto(f, set, asked, until)
		in.More = len(addrs[set]) - len(asked)
		e.InSets = append(e.InSets, in)
	}
}

// lookInto asks which of addrs are in set, unless it is later than until.
func lookInto(f firewall, set policy.Set, addrs []netip.Addr, until time.Time) InSet {
	in := InSet{Set: set.String(), token: set.Token()}
	var left map[netip.Addr]time.Duration
	if time.Now().After(until) {
		in.Problem = "the kernel takes too long to say"
	} else if have, err := f.Remaining(set, addrs); err != nil {
		in.Problem = err.Error()
	} else {
		left = have
	}
	for _, addr := range addrs {
		x := ElementIn{Address: addr.String(), State: elementUnknown}
		if in.Problem == "" {
			x.State, x.Seconds = elementState(left, addr)
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

// facts says it in tokens. Why nobody knows is the last fact, as it is in the words of others.
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
