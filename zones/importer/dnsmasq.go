package importer

import (
	"fmt"
	"regexp"
	"strings"
)

// dnsmasqFormat is the names in the configuration of dnsmasq: /x/ is x and all below, /*.x/ only what
// is below, /*x/ what ends so, read as .x. The options server, address, local, ipset and
// nftset are a row each; to which server, address or set names are sent is left out.
var dnsmasqFormat = format{
	name:      "dnsmasq",
	what:      "configuration of dnsmasq",
	looksLike: func(data []byte) bool { return mostFit(data, dnsmasqFit, "#") },
	read:      readDnsmasq,
}

// dnsmasqLine is an option, and its value if it has one.
var dnsmasqLine = regexp.MustCompile(`^(?:--)?([a-z][a-zA-Z0-9-]*)(?:\s*=\s*(.*))?$`)

// dnsmasqOptions are the options that name names between slashes, and what they are for.
var dnsmasqOptions = map[string]string{
	"server":  "dnsmasq: names for a server of their own",
	"local":   "dnsmasq: names that are not forwarded",
	"address": "dnsmasq: names with an address given",
	"ipset":   "dnsmasq: names whose addresses go into an ipset",
	"nftset":  "dnsmasq: names whose addresses go into an nftables set",
}

// dnsmasqFit says how a line looks.
func dnsmasqFit(line string) fit {
	m := dnsmasqLine.FindStringSubmatch(line)
	switch {
	case m == nil:
		return foreign
	case dnsmasqOptions[m[1]] != "" && strings.HasPrefix(m[2], "/"):
		return telling
	}
	return usual
}

// readDnsmasq reads a configuration.
func readDnsmasq(r *reading) error {
	l := newListing(r)
	return l.lines(func(line int, text string) {
		if text = uncommented(text, "#"); text != "" {
			l.dnsmasqLine(line, text)
		}
	})
}

// dnsmasqLine reads one option.
func (l *listing) dnsmasqLine(line int, text string) {
	m := dnsmasqLine.FindStringSubmatch(text)
	if m == nil {
		l.note(line, Skipped, "%q: no option of dnsmasq", cut(text))
		return
	}
	option, value := m[1], m[2]
	switch purpose := dnsmasqOptions[option]; {
	case purpose == "":
		l.count(line, Skipped, fmt.Sprintf("option %s, which names no names", cut(option)))
	case !strings.HasPrefix(value, "/"):
		l.count(line, Skipped, fmt.Sprintf("%s for every name", option))
	default:
		l.dnsmasqNames(l.row(line, "dnsmasq-"+option, purpose), line, value)
	}
}

// dnsmasqNames reads what stands between slashes.
func (l *listing) dnsmasqNames(row *listRow, line int, value string) {
	end := strings.LastIndexByte(value, '/')
	if end == 0 {
		l.note(line, Skipped, "%q: want names between slashes", cut(value))
		return
	}
	for _, name := range strings.Split(value[1:end], "/") {
		name = strings.TrimSpace(name)
		switch {
		case name == "":
			l.count(line, Skipped, "names of one label (//)")
		case name == "#":
			l.count(line, Skipped, "every name (/#/)")
		case strings.HasPrefix(name, "*"):
			l.name(row, line, name)
		default:
			l.name(row, line, "."+strings.TrimPrefix(name, "."))
		}
	}
}
