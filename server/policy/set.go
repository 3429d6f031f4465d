package policy

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"splitdns/matcher"
)

// A Set names an nftables set: the family and the name of its table, and its own name.
type Set struct {
	Family, Table, Name string
}

// families are those of nftables, as nft has the words.
var families = []string{"inet", "ip", "ip6", "bridge", "netdev", "arp"}

// maxSetWord is the longest name of a table or a set that Linux takes, in octets
// (NFT_NAME_MAXLEN, without the octet that ends it).
const maxSetWord = 255

// errSet says what `sets` takes.
var errSet = errors.New(`want the family and the name of a table, and the name of a set, such as "inet filter mdm4"`)

// ParseSet reads a set as nft writes it, "inet filter mdm4".
func ParseSet(s string) (Set, error) {
	words := strings.Fields(s)
	if len(words) != 3 {
		return Set{}, fmt.Errorf("%q: %w", s, errSet)
	}
	if !slices.Contains(families, words[0]) {
		return Set{}, fmt.Errorf("%q: no family %q: want one of %s", s, words[0], strings.Join(families, ", "))
	}
	for _, word := range words[1:] {
		if !isSetWord(word) {
			return Set{}, fmt.Errorf("%q: %q is no name that nft takes: want a letter, then letters, digits and / \\ _ . -, at most %d", s, word, maxSetWord)
		}
	}
	return Set{Family: words[0], Table: words[1], Name: words[2]}, nil
}

// setWord is what the name of a table or of a set can be, as nft(8) has it under LEXICAL CONVENTIONS.
var setWord = regexp.MustCompile(`^[A-Za-z_.][A-Za-z0-9/\\_.-]*$`)

// isSetWord reports whether word can be the name of a table or of a set.
func isSetWord(word string) bool { return len(word) <= maxSetWord && setWord.MatchString(word) }

// String is the set as nft writes it.
func (s Set) String() string { return s.Family + " " + s.Table + " " + s.Name }

// Token is the set without a space, for lines of words: "inet#filter#mdm4". No name has a #.
func (s Set) Token() string { return s.Family + "#" + s.Table + "#" + s.Name }

// Compare orders sets as their text.
func (s Set) Compare(t Set) int {
	return cmp.Or(cmp.Compare(s.Family, t.Family), cmp.Compare(s.Table, t.Table), cmp.Compare(s.Name, t.Name))
}

// A SetUse is a set that the addresses of an answer go into, and why. Which of them do,
// [Policy.Admits] says.
type SetUse struct {
	Set   Set
	Rule  string
	All   bool         // addresses outside the published ranges as well
	Along matcher.Name // the name of the chain by which the rule matched; zero for the QNAME

	published Published // for the name by which the rule matched
}

// What no answer of others rightly leads to, and what all do by IPv6.
var (
	classE  = netip.MustParsePrefix("240.0.0.0/4")  // RFC 1112, section 4, with the broadcast address
	ownLink = netip.MustParsePrefix("192.0.0.0/24") // RFC 6890: DS-Lite and 464XLAT have them on hosts and routers
	// global is all of IPv6 that is given out (RFC 4291, section 2.4). What is not is reserved, or of
	// a network's own, such as the segments of routers (RFC 9602: 5f00::/16).
	global = netip.MustParsePrefix("2000::/3")
)

// isReserved reports whether addr, which is without what stands around an IPv4 address, is reserved.
func isReserved(addr netip.Addr) bool {
	if addr.Is4() {
		return classE.Contains(addr) || ownLink.Contains(addr)
	}
	return !global.Contains(addr)
}

// Admits reports whether addr, of an answer, goes into the set of u. None does that leads back
// into the network, to nobody or to many: private, loopback, link-local, multicast and reserved
// addresses, wherever in addr they stand. Of the others, those that are not published for the name
// by which the rule matched do only if the rule wants all: a pin that merely observes must not
// open a firewall. It does not allocate.
func (p *Policy) Admits(u SetUse, addr netip.Addr) bool { return p.KeptOut(u, addr) == "" }

// KeptOut says in a word why [Policy.Admits] does not admit addr: "private", where it does not lead
// out of the network and to one machine, or "outside"; "" where it does. It does not allocate.
func (p *Policy) KeptOut(u SetUse, addr netip.Addr) string {
	switch {
	case !p.Foreign(addr):
		return "private"
	case !u.All && u.published.judge(p.unmap(addr), p.strictFamilies) == Outside:
		return "outside"
	}
	return ""
}

// takeSets adds the sets of r. One set may be there twice: of two rules, one may let in what the
// other does not.
func (d *Decision) takeSets(r *Rule) {
	d.Sets = slices.Grow(d.Sets, len(r.Sets))
	for _, set := range r.Sets {
		d.Sets = append(d.Sets, SetUse{Set: set, Rule: r.Name, All: r.SetsAll, published: d.Published})
	}
}

// withSets adds the sets that a name of the chain brings, which hits match; what is published for
// that name judges the addresses, as it is by that name that they go into these sets.
func withSets(have, more []SetUse, hits []hit, name matcher.Name) []SetUse {
	if len(more) == 0 {
		return have
	}
	published := publish(hits)
	have = slices.Clip(have) // the caller's own stay as they are
	for _, u := range more {
		u.Along, u.published = name, published
		have = append(have, u)
	}
	return have
}

// SetTokens are the sets of d, each once, in order.
func (d Decision) SetTokens() []string {
	var tokens []string
	for _, u := range d.Sets {
		tokens = append(tokens, u.Set.Token())
	}
	return unique(tokens)
}
