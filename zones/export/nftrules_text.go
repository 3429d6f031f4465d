package export

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"splitdns/zones"
)

// maxRuleSetSize bounds a set that the server feeds: whoever owns a name of a zone without
// published ranges decides how many addresses its answers have. Elements leave when they have
// not been in an answer for a while.
const maxRuleSetSize = 1 << 16

// Chains of a ruleset, behind the prefix of sets.
const (
	chainForward    = "forward"      // at the hook of that name
	chainInput      = "input"        // at the hook of that name
	chainClients    = "from-clients" // what clients send through the router
	chainRouter     = "to-router"    // what they send to the router itself
	chainZones      = "zones"        // what is open
	chainDenied     = "denied"       // what is not
	chainExceptions = "exceptions"   // the administrator's own
)

// ruleset writes a ruleset. It is one transaction: packets meet the chains that were there, or
// these. Sets that the server feeds are neither emptied nor deleted.
func (w *writing) ruleset(all []reach) {
	w.rulesAbout(all[0])
	w.line("add table ", w.o.Table)
	w.clientSets()
	w.reachSets(all)
	w.emptyChains()
	w.line()
	w.line("table ", w.o.Table, " {")
	w.hookChains()
	w.clientChain(all)
	if w.o.Rules.Input {
		w.routerChain()
	}
	w.zoneChain(all)
	w.deniedChain()
	w.line("}")
}

// rulesHead says what people must know before they load a ruleset; first is the name of a set.
const rulesHead = `
What this is: the clients below may reach the zones below on the ports that are published for
them, and nothing else. Packets of others pass through here untouched, and so do answers to the
clients. It is a table of its own: load it again with nft -f at any time; in one step the new
rules take the place of the old ones, and connections and the elements of the sets stay.

How it works: splitdns serves the clients' DNS queries. Its rules name the sets here, and before a
client hears an answer, the addresses in it are in the set, for as long as the answer may be used
and a while longer. Load this file first, then give splitdns those rules: the command above with
--splitdns-config writes them. A set that nothing fills lets nothing pass, for example
nft list set TABLE SET

What it cannot do:
- Connections that were open before the first load go on where the router followed them already,
  as it does for NAT; conntrack -D ends them.
- Other tables count, too: what one of them drops is dropped, whatever is accepted here. Accepted
  here means only that this table has nothing against it.
- Addresses are opened, not names: of an address that many names share, all are open. Behind a front
  end of Google's or a CDN's there is much else, on the same port.
- QUIC is open only where udp/443 is published. Whatever is denied is rejected, unless --drop was
  asked for, so that clients try the next way at once.
- Clients must ask splitdns: other resolvers, and addresses that no answer had, are denied. A device
  that has kept an answer from before must ask again: it does when the TTL is over.
- A table that somebody has flushed holds nobody back. nft flush ruleset does that, and so does a
  restart of the nftables service, unless /etc/nftables.conf includes this file.
- Only packets that are routed come by here. Those that a bridge passes on within a network do not,
  unless br_netfilter hands them to the forward hook. On a router whose ports are a bridge, the
  interface is the bridge, as br-lan.
- A client is known by its address. Elsewhere than behind --interface, anybody may use it.
- A client in several such rulesets reaches only what all of them allow.
- Sets of an earlier file that nothing here names stay, and do nothing: nft delete set removes one.`

// rulesAbout writes what people must know.
func (w *writing) rulesAbout(first reach) {
	text := strings.ReplaceAll(rulesHead, "TABLE SET", w.o.Table+" "+w.ruleSet(first, w.o.Family != 6))
	for text := range strings.Lines(text) {
		w.line(strings.TrimRight("# "+text, " \n"))
	}
	w.line()
}

// clientSets writes whom the ruleset is for. No clients of an IP version have an empty set.
func (w *writing) clientSets() {
	w.line()
	w.line("# Whom this is for.")
	for _, is4 := range []bool{true, false} {
		w.fixedSet(w.clientSet(is4), is4, w.clients(is4))
	}
}

// fixedSet writes a set whose elements are those of this file.
func (w *writing) fixedSet(name string, is4 bool, prefixes []netip.Prefix) {
	set := w.o.Table + " " + name
	w.line("add set ", set, " { type ", addressType(is4), "; flags interval; }")
	w.line("flush set ", set)
	if len(prefixes) == 0 {
		return
	}
	w.line("add element ", set, " {")
	for i, p := range prefixes {
		comma := ","
		if i == len(prefixes)-1 {
			comma = ""
		}
		w.line("\t", zones.PrefixText(p), comma)
	}
	w.line("}")
}

// addressType is how nft calls the addresses of an IP version.
func addressType(is4 bool) string {
	if is4 {
		return "ipv4_addr"
	}
	return "ipv6_addr"
}

// reachSets writes the sets of what is open.
func (w *writing) reachSets(all []reach) {
	for i, r := range all {
		if i == 0 || all[i-1].zone != r.zone {
			w.about("#", r.zone)
		}
		w.line("# rows ", comment(rowNames(r.rows)), ": ", comment(portTexts(r.ports)))
		for _, is4 := range w.o.families() {
			if len(r.named()) > 0 {
				w.line("add set ", w.o.Table, " ", w.ruleSet(r, is4), " { type ", addressType(is4),
					"; flags timeout; size ", strconv.Itoa(maxRuleSetSize), "; }")
			}
			if w.o.Rules.Static {
				w.fixedSet(w.publishedSet(r, is4), is4, r.prefixes(is4))
			}
		}
	}
}

// rowNames lists rows.
func rowNames(rows []*zones.Row) string {
	names := make([]string, 0, len(rows))
	for _, r := range rows {
		names = append(names, r.Name)
	}
	return strings.Join(names, ", ")
}

// portTexts lists ports.
func portTexts(ports []zones.Port) string {
	texts := make([]string, 0, len(ports))
	for _, p := range ports {
		texts = append(texts, p.String())
	}
	return strings.Join(texts, " ")
}

// chain is the name of a chain.
func (w *writing) chain(name string) string { return w.o.SetPrefix + name }

// emptyChains makes the chains, and empties those that are there, but for the administrator's
// own. Those for packets to the router, which an earlier file may have had, go where they are
// not asked for.
func (w *writing) emptyChains() {
	w.line()
	w.line("# Rules of your own, for these clients, can stand in ", w.chain(chainExceptions), ": no file empties it. For example:")
	w.line("# nft add rule ", w.o.Table, " ", w.chain(chainExceptions), " ip daddr 198.51.100.7 tcp dport 22 counter accept")
	w.line("add chain ", w.o.Table, " ", w.chain(chainExceptions))
	for _, name := range []string{chainForward, chainClients, chainInput, chainRouter, chainZones, chainDenied} {
		w.line("add chain ", w.o.Table, " ", w.chain(name), w.hook(name))
		w.line("flush chain ", w.o.Table, " ", w.chain(name))
	}
	if w.o.Rules.Input {
		return
	}
	for _, name := range []string{chainInput, chainRouter} {
		w.line("delete chain ", w.o.Table, " ", w.chain(name))
	}
}

// hook says where packets come into a chain, if they do. Those that none of its rules takes go on.
func (w *writing) hook(name string) string {
	if name == chainForward || name == chainInput && w.o.Rules.Input {
		return " { type filter hook " + name + " priority filter; policy accept; }"
	}
	return ""
}

// begin begins a chain, with what it is for.
func (w *writing) begin(name string, about ...string) {
	for _, text := range about {
		w.line("\t# ", text)
	}
	w.line("\tchain ", w.chain(name), " {")
}

// rule writes a rule.
func (w *writing) rule(text ...string) { w.line("\t\t" + strings.Join(text, " ")) }

// hookChains writes where packets of clients leave the common way.
func (w *writing) hookChains() {
	w.begin(chainForward, "What clients send through the router. Packets of nobody else, and none to clients, go further than this.")
	w.fromClients(chainClients)
	w.line("\t}")
	if !w.o.Rules.Input {
		return
	}
	w.line()
	w.begin(chainInput, "What clients send to the router itself.")
	w.fromClients(chainRouter)
	w.line("\t}")
}

// fromClients writes rules that send packets of clients to a chain.
func (w *writing) fromClients(name string) {
	in := interfaces(w.o.Rules.Interfaces)
	for _, ip := range []struct {
		word string
		is4  bool
	}{{"ip", true}, {"ip6", false}} {
		w.rule(in+ip.word, "saddr", "@"+w.clientSet(ip.is4), "goto", w.chain(name))
	}
}

// interfaces is a match for where packets come in; none is anywhere.
func interfaces(names []string) string {
	if len(names) == 0 {
		return ""
	}
	quoted := make([]string, 0, len(names))
	for _, name := range names {
		quoted = append(quoted, `"`+name+`"`)
	}
	return "iifname " + oneOrSet(quoted) + " "
}

// oneOrSet is what nft matches one of words with.
func oneOrSet(words []string) string {
	if len(words) == 1 {
		return words[0]
	}
	return "{ " + strings.Join(words, ", ") + " }"
}

// clientChain writes what becomes of packets that clients send through the router.
func (w *writing) clientChain(all []reach) {
	w.line()
	w.begin(chainClients)
	w.rule("# Of connections that were accepted before, and of those that others opened to clients. They outlive")
	w.rule("# the elements that let them in. Related are ICMP errors of clients, which path MTU discovery needs;")
	w.rule("# errors that go to clients do not come here. Neighbour discovery is not routed, and not judged.")
	w.rule("ct state { established, related } accept")
	w.rule("ct state invalid counter drop")
	w.rule("jump", w.chain(chainExceptions))
	for _, resolver := range w.o.Rules.Resolvers {
		w.resolver(resolver)
	}
	w.denyResolvers(all)
	w.rule("jump", w.chain(chainZones))
	w.rule("goto", w.chain(chainDenied))
	w.line("\t}")
}

// resolver writes that clients may ask a server by way of the router.
func (w *writing) resolver(addr netip.Addr) {
	to := "ip6 daddr " + addr.String()
	if addr.Is4() {
		to = "ip daddr " + addr.String()
	}
	w.rule(to, "udp dport", dnsPorts, "counter accept")
	w.rule(to, "tcp dport", dnsPorts, "counter accept")
}

// dnsPorts are those of DNS, and of DNS over TLS and QUIC (RFC 7858, RFC 9250).
const dnsPorts = "{ 53, 853 }"

// routerChain writes what becomes of packets that clients send to the router.
func (w *writing) routerChain() {
	w.line()
	w.begin(chainRouter)
	w.rule(`iifname "lo" accept`)
	w.rule("ct state { established, related } accept")
	w.rule("ct state invalid counter drop")
	w.rule("# Path MTU discovery, neighbour discovery, ping and the members of multicast groups.")
	w.rule("meta l4proto { icmp, ipv6-icmp, igmp } accept")
	w.rule("# DNS, DHCP, NTP and DHCPv6.")
	w.rule("udp dport { 53, 67, 123, 547, 853 } accept")
	w.rule("tcp dport", dnsPorts, "accept")
	w.rule("jump", w.chain(chainExceptions))
	w.rule("meta pkttype { broadcast, multicast } counter drop")
	w.rule("goto", w.chain(chainDenied))
	w.line("\t}")
}

// zoneChain writes what is open: a rule for each set and protocol.
func (w *writing) zoneChain(all []reach) {
	w.line()
	w.begin(chainZones, "What is open, to the addresses in the sets.")
	for _, r := range all {
		for _, is4 := range w.o.families() {
			w.openSets(r, is4)
		}
	}
	w.line("\t}")
}

// openSets writes the rules for the sets of r for an IP version.
func (w *writing) openSets(r reach, is4 bool) {
	var sets []string
	if len(r.named()) > 0 {
		sets = append(sets, w.ruleSet(r, is4))
	}
	if w.o.Rules.Static && len(r.prefixes(is4)) > 0 {
		sets = append(sets, w.publishedSet(r, is4))
	}
	ip := "ip6"
	if is4 {
		ip = "ip"
	}
	for _, set := range sets {
		for _, protocol := range protocols {
			for _, numbers := range dports(r.numbers(protocol)) {
				w.entries++
				w.rule(ip, "daddr", "@"+set, protocol, "dport", numbers, "counter accept")
			}
		}
	}
}

// dports is what nft matches numbers with: single ports together, then each run by itself. A set
// of intervals within a rule misses packets for a moment when it is loaded again: on Linux 6.18,
// one new connection was refused in about 400 loads under steady traffic.
func dports(numbers []string) (matches []string) {
	var single []string
	for _, n := range numbers {
		if strings.Contains(n, "-") {
			matches = append(matches, n)
		} else {
			single = append(single, n)
		}
	}
	if len(single) > 0 {
		matches = slices.Insert(matches, 0, oneOrSet(single))
	}
	return matches
}

// deniedChain writes what becomes of everything else.
func (w *writing) deniedChain() {
	w.line()
	w.begin(chainDenied, "Everything else: counted, some of it logged, and the client hears of it at once.")
	w.rule(`limit rate 10/minute burst 20 packets log prefix "splitdns denied: " level info`)
	if w.o.Rules.Drop {
		w.rule("counter drop")
	} else {
		w.rule("meta l4proto tcp counter reject with tcp reset")
		w.rule("counter reject with icmpx type admin-prohibited")
	}
	w.line("\t}")
}
