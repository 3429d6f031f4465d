package importer

import (
	"cmp"
	"slices"
	"sync"

	"splitdns/matcher"
	"splitdns/zones"
)

// A home is the zone that a name belongs to. Microsoft prints names of several services
// in one row, and those of other companies on its own pages; a rule for a service should
// not have to name rows of others. So names are sorted, by what is known of them:
//
//  1. by the table homes, the most specific pattern first;
//  2. else by the bundled editions: where their rows have the name, or a pattern around it;
//  3. else by the names beside it, and the import says that somebody should look.
//
// A name that is used by several services has a weak home: it stays with the names beside
// it that have a firm one.
type home struct {
	patterns []string
	zone     string
	part     string // names of different parts make different rows, where they are printed in one
	weak     bool
	cdn      bool // answered by content delivery networks, from addresses that are not the zone's
}

// homes is what is known of names. Sources: the Intune pages of 2020 and 2026 with their
// editions for the clouds of the United States' government and of China, the sets of
// endpoints.office.com, Apple's support pages 101555 and 102266.
var homes = []home{
	{zone: "intune", patterns: []string{
		".manage.microsoft.com", ".dm.microsoft.com", "go.microsoft.com", "config.edge.skype.com", "ecs.office.com",
		".orgmsg.microsoft.com", ".personalization.ideas.microsoft.com",
	}},
	{zone: "intune-cdn", cdn: true, patterns: []string{
		"swd*-mscdn.manage.microsoft.com", "imeswd*.manage.microsoft.com", "macsidecar*.manage.microsoft.com",
		"intunecdnpeasd.manage.microsoft.com", "*prodimedata*.azureedge.net", "macsidecarprod*.azureedge.net",
		"intunecdnpeasd.azureedge.net", "swd*-mscdn.azureedge.net",
	}},
	{zone: "intune-usgov", patterns: []string{".manage.microsoft.us", ".dm.microsoft.us", "intune.microsoft.us"}},
	{zone: "intune-usgov", part: "cdn", cdn: true, patterns: []string{"sovereignprodimedata*.azureedge.net"}},
	{zone: "intune-usgov", part: "registration", patterns: []string{"enterpriseregistration.microsoftonline.us"}},
	{zone: "intune-usgov", part: "partner", weak: true, patterns: []string{
		".microsoftonline.us", ".microsoftazure.us", ".azure.us", ".office365.us", ".microsoft.us", ".gov.us.microsoftonline.com",
	}},
	{zone: "intune-21vianet", patterns: []string{".manage.microsoftonline.cn", "intune.microsoftonline.cn"}},
	{zone: "intune-21vianet", part: "cdn", cdn: true, patterns: []string{"imeswdsc-afd-*.manage.microsoft.com"}},
	{zone: "intune-21vianet", part: "partner", weak: true, patterns: []string{
		".microsoftonline.cn", ".chinacloudapi.cn", ".chinacloudapi.us", ".azure.cn",
	}},
	{zone: "m365-auth", part: "sign-in", patterns: []string{"login.microsoftonline.com", "graph.windows.net"}},
	{zone: "m365-auth", part: "registration", patterns: []string{".enterpriseregistration.windows.net"}},
	{zone: "m365-auth", part: "account", patterns: []string{"account.live.com", "login.live.com"}},
	{zone: "m365-auth", weak: true, patterns: []string{".msauth.net", ".msftauth.net", ".microsoftonline.com", "login.windows.net"}},
	{zone: "office-customization", patterns: []string{".officeconfig.msocdn.com", "config.office.com"}},
	{zone: "delivery-optimization", weak: true, patterns: []string{
		".do.dsp.mp.microsoft.com", ".delivery.mp.microsoft.com", ".emdl.ws.microsoft.com",
	}},
	{zone: "windows-update", patterns: []string{
		".windowsupdate.com", ".update.microsoft.com", ".trafficshaping.dsp.mp.microsoft.com", "adl.windows.com",
	}},
	{zone: "wns", patterns: []string{".notify.windows.com", ".wns.windows.com", ".notify.live.net"}},
	{zone: "attestation", patterns: []string{".attest.azure.net", "has.spserv.microsoft.com"}},
	{zone: "remote-help", patterns: []string{
		".support.services.microsoft.com", ".remotehelp.microsoft.com", "remoteassistance*.communication.azure.com",
		"remoteassistance*.usgov.communication.azure.us", ".webpubsub.azure.com",
	}},
	{zone: "autopilot", part: "time", patterns: []string{"time.windows.com"}},
	{zone: "autopilot", patterns: []string{"ekop.intel.com", "ekcert.spserv.microsoft.com", "ftpm.amd.com", "lgmsape*.blob.core.windows.net"}},
	{zone: "m365", weak: true, patterns: []string{".events.data.microsoft.com", ".aria.microsoft.com"}},
	{zone: "apple-push", patterns: []string{".push.apple.com"}},
	{zone: "apple", weak: true, patterns: []string{
		".apple.com", ".mzstatic.com", ".itunes-apple.com.akadns.net", ".apple.com.edgesuite.net",
	}},
}

// knownHomes is homes, to be asked for names.
var knownHomes = sync.OnceValue(func() *matcher.Matcher[home] {
	var b matcher.Builder[home]
	for _, h := range homes {
		for _, pattern := range h.patterns {
			b.Add(matcher.MustParsePattern(pattern), h)
		}
	}
	return b.Build()
})

// bundled is the zones of the bundled editions, to be asked for names, and by their names.
var bundled = sync.OnceValue(func() bundledZones {
	known := bundledZones{zones: make(map[string]*zones.Zone)}
	var b matcher.Builder[string]
	for _, edition := range zones.Editions() { // the newest last
		known.ranged = nil
		list, err := zones.Bundled(edition)
		if err != nil {
			panic("importer: " + err.Error()) // the program does not even start without its zones
		}
		for _, z := range list {
			known.zones[z.Name] = z
			known.ranged = appendRanged(known.ranged, z)
			for i := range z.Rows {
				if !z.CatchAll {
					b.AddList(z.Rows[i].Patterns, z.Name)
				}
			}
		}
	}
	known.names = b.Build()
	return known
})

// bundledZones is what the bundled editions know.
type bundledZones struct {
	names  *matcher.Matcher[string]
	zones  map[string]*zones.Zone
	ranged []ranged // of the newest edition
}

// homeOf is the home of the names that p matches; not known where nothing says it.
func homeOf(p matcher.Pattern) (h home, known bool) {
	name := []byte(p.Example().Wire())
	if found := knownHomes().Lookup(nil, name); len(found) > 0 {
		return found[0].Value, true
	}
	found := bundled().names.Lookup(nil, name)
	if len(found) == 0 {
		return home{}, false
	}
	best := found[0]
	for _, m := range found[1:] { // equal patterns stand in several zones: the choice is a fixed one
		if m.Pattern.Compare(best.Pattern) == 0 && m.Value < best.Value {
			best = m
		}
	}
	return home{zone: best.Value, weak: true}, true
}

// group is names that make one row.
type group struct {
	home  home
	names []spot[matcher.Pattern]
}

// defaultHome is the home of rows of which nothing else is known.
var defaultHome = home{zone: "intune", weak: true}

// groups sorts the names of a row by their homes, in the order of their first names. The
// names that no home is known for are returned too. Names that were printed together
// (isRow) draw those of weak homes and of none to where the others are.
func groups(names []spot[matcher.Pattern], isRow bool) (sorted []group, guessed []spot[matcher.Pattern]) {
	var loose []spot[matcher.Pattern]
	for _, n := range names {
		if h, known := homeOf(n.value); known && !h.weak {
			sorted = addTo(sorted, h, n)
		} else {
			loose = append(loose, n)
		}
	}
	var host *home
	if isRow {
		host = hostOf(sorted, loose)
	}
	for _, n := range loose {
		h, known := homeOf(n.value)
		if !known {
			h = defaultHome
			guessed = append(guessed, n)
		}
		if host != nil && (!known || !host.cdn) {
			h = *host
		}
		sorted = addTo(sorted, h, n)
	}
	return sorted, guessed
}

// hostOf is the home that the loose names of a row join: that of the firm ones, where all
// of these are of one zone, else that of most of the loose ones.
func hostOf(firm []group, loose []spot[matcher.Pattern]) *home {
	if len(firm) == 0 {
		return mostlyIn(loose)
	}
	for _, g := range firm {
		if g.home.zone != firm[0].home.zone {
			return nil
		}
	}
	return &firm[0].home
}

// mostlyIn is the home of most of the names; nil, if none is known. Of equals it is the first.
func mostlyIn(loose []spot[matcher.Pattern]) *home {
	count := make(map[string]int)
	var best *home
	for _, n := range loose {
		h, known := homeOf(n.value)
		if !known {
			continue
		}
		if count[h.zone]++; best == nil || count[h.zone] > count[best.zone] {
			best = &h
		}
	}
	return best
}

// addTo adds a name to the group of its home.
func addTo(sorted []group, h home, n spot[matcher.Pattern]) []group {
	at := slices.IndexFunc(sorted, func(g group) bool { return g.home.zone == h.zone && g.home.part == h.part })
	if at < 0 {
		return append(sorted, group{h, []spot[matcher.Pattern]{n}})
	}
	sorted[at].names = append(sorted[at].names, n)
	return sorted
}

// titled is the zone called name with the title and the vendor that are known of it.
func titled(name string) (title, vendor string) {
	z, ok := bundled().zones[name]
	if !ok {
		return "", ""
	}
	return cmp.Or(z.Title, z.Name), z.Vendor
}
