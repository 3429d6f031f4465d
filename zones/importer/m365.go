package importer

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"splitdns/matcher"
	"splitdns/zones"
)

// m365Format is what endpoints.office.com publishes about Microsoft 365: the sets of
// /endpoints become rows, named after their number. /version, as JSON or RSS, gives
// them their edition, and /changes what was announced for them; neither has rows of
// its own.
var m365Format = format{
	name:      "m365",
	what:      "endpoints.office.com",
	looksLike: func(data []byte) bool { return m365Kind(data) != nil },
	read:      readM365,
	together:  m365Together,
}

// Zones of Microsoft 365, as the bundled editions sort them.
const (
	m365Zone      = "m365"
	m365Auth      = "m365-auth"
	m365CatchAll  = "m365-catch-all"
	m365Published = "https://endpoints.office.com/endpoints/worldwide"
)

// m365Sets says which sets are not in the zone of all others.
var m365Sets = map[string]string{"56": m365Auth, "59": m365Auth, "97": m365Auth}

// m365Wide are the wildcards, optional for Microsoft, that swallow names of every other set.
var m365Wide = []string{
	"*.microsoft.com", "*.office.com", "*.office.net", "*.office365.com", "*.onmicrosoft.com", "*.msocdn.com", "*.cloud.microsoft",
}

// m365Kind is how to read a document of Microsoft 365; nil if it is none.
func m365Kind(data []byte) func(*reading) error {
	switch {
	case hasKeys(data, true, "..endpointSetId", "..disposition"), emptyList.Match(body(data)):
		return readM365Changes
	case hasKeys(data, true, "..instance", "..latest"), hasKeys(data, false, ".instance", ".latest"):
		return readM365Versions
	case hasKeys(data, true, "..serviceArea"), hasKeys(data, true, "..id", "..tcpPorts"), hasKeys(data, true, "..id", "..udpPorts"):
		return readM365Sets
	case isM365Feed(data):
		return readM365Feed
	}
	return nil
}

// emptyList is a JSON list of nothing, as /changes gives when nothing changed.
var emptyList = regexp.MustCompile(`^\[\s*\]\s*$`)

// readM365 reads a document, whichever it is.
func readM365(r *reading) error {
	r.about = zones.Zone{Title: "Microsoft 365: published endpoints", Vendor: "Microsoft", Source: sourceOf(r.document, m365Published)}
	read := m365Kind(r.document.Data)
	if read == nil {
		read = readM365Sets // asked for by its name: the reader says what is missing
	}
	return read(r)
}

// readM365Sets reads /endpoints.
func readM365Sets(r *reading) error {
	root, err := parseJSON(r.document.Data)
	if err != nil {
		return err
	}
	if root.kind != listNode {
		return fmt.Errorf("line %d: want a list of sets", root.line)
	}
	ids := make(map[string]bool, len(root.items))
	for i := range root.items {
		set := &root.items[i]
		id := set.scalar("id")
		if set.kind != objectNode || !isSetID(id) {
			return fmt.Errorf("line %d: want a set with an id, which is a number", set.line)
		}
		if ids[id] {
			r.note(set.line, Doubted, "set %s stands here a second time; both are rows", id)
		}
		ids[id] = true
		r.m365Set(set)
	}
	return r.m365Shared()
}

// isSetID says whether id is the number of a set.
func isSetID(id string) bool {
	return id != "" && len(id) <= 9 && strings.Trim(id, "0123456789") == ""
}

// m365Set reads one set.
func (r *reading) m365Set(set *node) {
	r.members(set, "id", "serviceArea", "serviceAreaDisplayName", "urls", "ips", "tcpPorts", "udpPorts",
		"expressRoute", "category", "required", "notes")
	id := set.scalar("id")
	d := m365Draft(set, id)
	r.patternsOf(&d, set.member("urls"))
	r.prefixesOf(&d, set.member("ips"))
	for _, protocol := range []string{"tcp", "udp"} {
		ports := set.member(protocol + "Ports")
		d.ports = append(d.ports, r.ports(ports.line, protocol, ports.text)...)
	}
	switch {
	case len(d.names) == 0 && len(d.prefixes) == 0:
		r.note(set.line, Skipped, "set %s, which has neither names nor prefixes", id)
	case set.scalar("serviceArea") == "MEM":
		r.note(set.line, Doubted, "set %s is of Intune (MEM), which Microsoft no longer keeps up to date here; the page of Intune is the publication", id)
	}
	for _, part := range r.m365Parts(d) {
		r.add(part)
	}
}

// m365Draft is the row of a set without its names, prefixes and ports.
func m365Draft(set *node, id string) draft {
	var about []string
	for _, text := range []string{cmp.Or(set.scalar("serviceAreaDisplayName"), set.scalar("serviceArea")), set.scalar("category"), set.scalar("notes")} {
		if text = tidy(text); text != "" {
			about = append(about, text)
		}
	}
	return draft{
		zone:     cmp.Or(m365Sets[id], m365Zone),
		name:     "m365-" + id,
		line:     set.line,
		purpose:  strings.Join(about, "; "),
		optional: set.scalar("required") == "false",
	}
}

// m365Parts is d, and apart from it those of its names that would swallow all others.
func (r *reading) m365Parts(d draft) []draft {
	isWide := func(p matcher.Pattern) bool { return slices.Contains(m365Wide, p.String()) }
	if !slices.ContainsFunc(d.names, isWide) {
		return []draft{d}
	}
	wide, rest := d, d
	wide.zone, wide.catchAll, wide.names, rest.names = m365CatchAll, true, nil, nil
	for _, p := range d.names {
		switch {
		case !isWide(p):
			rest.names = append(rest.names, p)
		case d.optional:
			r.note(d.line, Normalised, "%s: %s is optional and takes in names of everything else; it belongs in zone %s", d.name, p, m365CatchAll)
			wide.names = append(wide.names, p)
		default:
			r.note(d.line, Doubted, "%s: %s is required here, and takes in names of everything else", d.name, p)
			rest.names = append(rest.names, p)
		}
	}
	return m365NotEmpty(rest, wide)
}

// m365NotEmpty leaves out parts that are left without names.
func m365NotEmpty(parts ...draft) []draft {
	return slices.DeleteFunc(parts, func(d draft) bool { return len(d.names) == 0 })
}

// m365Shared notes the names of several sets.
func (r *reading) m365Shared() error {
	sets := make(map[string]string)
	for i := range r.drafts {
		for _, p := range r.drafts[i].names {
			if first, ok := sets[p.String()]; ok && first != r.drafts[i].name {
				r.count(r.drafts[i].line, Normalised, "a name of several sets stands in the row of each; the first is "+p.String())
			}
			sets[p.String()] = r.drafts[i].name
		}
	}
	return nil
}

// m365Edition is the day of a version, which is the date and a number of two digits.
func m365Edition(version string) string {
	if len(version) != len("2018063000") {
		return ""
	}
	return dateOf(version)
}

// readM365Versions reads /version.
func readM365Versions(r *reading) error {
	root, err := parseJSON(r.document.Data)
	if err != nil {
		return err
	}
	r.mayBeEmpty = true
	instances := root.items
	if root.kind == objectNode {
		instances = []node{*root}
	}
	for i := range instances {
		instance := &instances[i]
		edition := m365Edition(instance.scalar("latest"))
		if edition == "" {
			return fmt.Errorf("line %d: latest %q: want a version of ten digits, which begins with a date", instance.line, cut(instance.scalar("latest")))
		}
		switch name := instance.scalar("instance"); {
		case r.about.Edition == "" || strings.EqualFold(name, "Worldwide"):
			r.about.Edition = edition
		case r.about.Edition != edition:
			r.note(instance.line, Doubted, "instance %s has version %s; the edition is that of Worldwide, or the first", cut(name), edition)
		}
	}
	return nil
}

// m365Guid is the version of an item of the RSS feed.
var m365Guid = regexp.MustCompile(`<guid[^<>]*>\s*(20\d{8})\s*</guid>`)

// isM365Feed says whether data is the RSS form of /version.
func isM365Feed(data []byte) bool {
	head := data[:min(len(data), shapeSize)]
	return strings.Contains(string(head[:min(len(head), 4096)]), "<rss") && m365Guid.Match(head)
}

// readM365Feed reads the RSS form of /version. Its addresses have ampersands that XML does not allow.
func readM365Feed(r *reading) error {
	r.mayBeEmpty = true
	version := ""
	err := readXML(r.document.Data, false, func(e element) {
		if e.name == "guid" {
			version = max(version, strings.TrimSpace(e.text))
		}
	})
	if err != nil {
		return err
	}
	if r.about.Edition = m365Edition(version); r.about.Edition == "" {
		return fmt.Errorf("no item has a version of ten digits, which begins with a date")
	}
	return nil
}
