package export

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// What dnsmasq does with names.
const (
	useServer = "server"
	useNFTSet = "nftset"
	useIPSet  = "ipset"
)

// Notes on names that come out wider than they are.
const (
	noteExact = "widened to the names below, too"
	noteBelow = "widened to the name itself, too"
)

// noteStandard says where names go for which there is no upstream: a server that dnsmasq has
// for a name above them would get them else.
const noteStandard = "names go to the standard servers of dnsmasq, even where it has another for a name above them (see --upstream)"

// checkDNSMasq checks what is to become of names.
func checkDNSMasq(o *Options) error {
	if err := oneOf("use", &o.Use, useServer, useNFTSet, useIPSet); err != nil {
		return err
	}
	if o.Use == useServer && o.Family != 0 {
		return &OptionError{"family", "has no meaning with --use server"}
	}
	if o.Use != useServer && len(o.Upstream) > 0 {
		return &OptionError{"upstream", fmt.Sprintf("has no meaning with --use %s", o.Use)}
	}
	return checkTable(o)
}

// writeDNSMasq writes a file for dnsmasq's conf-file or servers-file. /x/ is x and every name
// below it. /*.x/ is only those below, with server= and since version 2.86; sets do not have it.
func writeDNSMasq(w *writing) error {
	w.noPrefixes(notePrefixes)
	if w.o.Use == useServer {
		w.dnsmasqServers(w.dnsmasqUpstreams())
		return nil
	}
	names, order := w.zonesOf()
	for _, name := range order {
		w.entry(w.o.Use, "=/", orHash(name), "/", w.dnsmasqSets(zonesAbove(names, name)))
	}
	return nil
}

// dnsmasqUpstreams are the upstreams as dnsmasq writes them; # are the standard servers.
func (w *writing) dnsmasqUpstreams() (texts []string) {
	for _, upstream := range w.o.Upstream {
		texts = append(texts, withPort(upstream, "#"))
	}
	if len(texts) == 0 {
		w.notes.say(noteStandard)
		return []string{"#"}
	}
	return texts
}

// dnsmasqServers writes which names go to upstreams.
func (w *writing) dnsmasqServers(upstreams []string) {
	seen := w.newOnce()
	one := func(p plain) {
		name := orHash(p.name)
		switch {
		case p.anchor == exact:
			w.notes.add("names", noteExact, p.name)
			p.anchor = subtree
		case p.anchor == below && p.name != "":
			name = "*." + name
		}
		if !seen.isNew(p) {
			return
		}
		for _, upstream := range upstreams {
			w.entry("server=/", name, "/", upstream)
		}
	}
	for _, p := range w.patterns {
		w.plains(p, hostNames, one)
	}
}

// orHash is name, or # for the root: every name, in dnsmasq.
func orHash(name string) string {
	if name == "" {
		return "#"
	}
	return name
}

// withPort is an upstream's address, with its port behind a mark if it is not that of DNS.
func withPort(upstream netip.AddrPort, mark string) string {
	if upstream.Port() == 53 {
		return upstream.Addr().String()
	}
	return upstream.Addr().String() + mark + strconv.Itoa(int(upstream.Port()))
}

// zonesOf gives for each name the zones, by number, that have it, and the names in the order
// in which they come.
func (w *writing) zonesOf() (names map[string][]int, order []string) {
	names = map[string][]int{}
	for number, p := range w.patterns {
		w.plains(p, hostNames, func(p plain) {
			w.suffix(p)
			if names[p.name] == nil {
				order = append(order, p.name)
			}
			if !slices.Contains(names[p.name], number) {
				names[p.name] = append(names[p.name], number)
			}
		})
	}
	return names, order
}

// suffix notes what it means that p is taken for its name and every name below it.
func (w *writing) suffix(p plain) {
	switch {
	case p.anchor == exact:
		w.notes.add("names", noteExact, p.name)
	case p.anchor == below && p.name != "":
		w.notes.add("names", noteBelow, "*."+p.name)
	}
}

// zonesAbove gives the zones of name and of those above it. dnsmasq goes by the longest name
// only: what is said of the shorter ones has to be said again.
func zonesAbove(names map[string][]int, name string) []int {
	found := slices.Clone(names[name])
	for name != "" {
		name = parent(name)
		found = append(found, names[name]...)
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// dnsmasqSets lists the sets of zones, as the format of the same name calls them.
func (w *writing) dnsmasqSets(numbers []int) string {
	var sets []string
	for _, number := range numbers {
		for _, is4 := range w.o.families() {
			sets = append(sets, w.dnsmasqSet(w.zones[number].Name, is4))
		}
	}
	return strings.Join(sets, ",")
}

// dnsmasqSet is one set.
func (w *writing) dnsmasqSet(zone string, is4 bool) string {
	if w.o.Use == useIPSet {
		return w.o.ipSetName(zone, is4)
	}
	family := "6#"
	if is4 {
		family = "4#"
	}
	return family + strings.ReplaceAll(w.o.Table, " ", "#") + "#" + w.o.setName(zone, is4)
}
