package export

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"splitdns/zones/tomlfile"
)

// format is one way of writing zones.
type format struct {
	Format
	comment string                 // what a line of comment begins with; "" where there is none
	check   func(*Options) error   // of the options that only some formats have; nil for none
	write   func(w *writing) error // called twice, see the package's comment
}

// formatEDL is the format that has comments only where they are asked for.
const formatEDL = "edl"

// formats in the order in which help texts list them.
var formats = []format{
	{Format{"nft", "nftables: a file for `nft -f` that fills two sets for each zone", []string{"family", "table", "set-prefix"}}, "#", checkTable, writeNFT},
	{Format{formatRules, "nftables: a ruleset by which --clients reach the zones, on their ports, and nothing else", rulesOptions}, "#", checkRules, writeRules},
	{Format{"ipset", "ipset: a file for `ipset restore`, replacing each set at once", []string{"family", "set-prefix"}}, "#", nil, writeIPSet},
	{Format{"pf", "pf (BSD, OPNsense): a table file for `pfctl -T replace -f`", []string{"family"}}, "#", nil, writePF},
	{Format{formatEDL, "a list of prefixes or names, one a line (PAN-OS EDL and others)", []string{"family", "what", "comments", "widen"}}, "#", checkEDL, writeEDL},
	{Format{"fortigate", "FortiOS 6.2.2 and later: a script of addresses, and a group for each zone", []string{"family", "set-prefix", "widen"}}, "#", nil, writeFortiGate},
	{Format{"rpz", "a response policy zone: bind, unbound, knot-resolver, PowerDNS", []string{"action", "counter", "widen"}}, ";", checkRPZ, writeRPZ},
	{Format{"dnsmasq", "dnsmasq: names to a resolver, or their answers into firewall sets", []string{"use", "upstream", "family", "table", "set-prefix", "widen"}}, "#", checkDNSMasq, writeDNSMasq},
	{Format{"unbound", "unbound: names to a resolver, or past its block lists", []string{"upstream", "widen"}}, "#", nil, writeUnbound},
	{Format{"pac", "a PAC file for browsers: names of the zones directly, all else by --proxy", []string{"proxy"}}, "//", checkPAC, writePAC},
	{Format{"json", "everything that the zones say, for programs", []string{"family"}}, "", nil, writeJSON},
	{Format{"csv", "a line for each name and prefix, for spreadsheets (RFC 4180)", []string{"family"}}, "", nil, writeCSV},
}

// otherNames are what people call formats beside their names, in lower case.
var otherNames = map[string]string{
	"nftables": "nft", "nftset": "nft", "nftrules": "nft-rules", "nftables-rules": "nft-rules", "pftable": "pf", "pf-table": "pf", "fortios": "fortigate", "pacfile": "pac",
}

// FormatName is the name of the format that people call word, in any case; word itself if
// there is none.
func FormatName(word string) string {
	name := strings.ToLower(word)
	if other, ok := otherNames[name]; ok {
		return other
	}
	if slices.ContainsFunc(formats, func(f format) bool { return f.Name == name }) {
		return name
	}
	return word
}

// formatOf is the format that o asks for. It fills in o's defaults and checks what o says for it.
func formatOf(o *Options) (format, error) {
	o.Format = FormatName(o.Format)
	i := slices.IndexFunc(formats, func(f format) bool { return f.Name == o.Format })
	if i < 0 {
		return format{}, noFormat(o.Format)
	}
	if o.Family != 0 && o.Family != 4 && o.Family != 6 {
		return format{}, &OptionError{"family", fmt.Sprintf("%d is no IP version; want 4 or 6", o.Family)}
	}
	if !isSetPrefix(o.SetPrefix) {
		return format{}, &OptionError{"set-prefix", fmt.Sprintf("%q: want a letter, then a-z, 0-9, dot, hyphen and underscore, at most %d", o.SetPrefix, maxSetPrefix)}
	}
	if check := formats[i].check; check != nil {
		if err := check(o); err != nil {
			return format{}, err
		}
	}
	return formats[i], nil
}

// noFormat says that there is no such format.
func noFormat(name string) error {
	var have []string
	for _, f := range formats {
		have = append(have, f.Name)
	}
	text := fmt.Sprintf("no format %q", name)
	if name == "" {
		text = "want a format"
	}
	if near := tomlfile.Nearest(name, have); near != "" && name != "" {
		text += "; did you mean " + near
	}
	return &OptionError{"format", text + "; have " + strings.Join(have, ", ")}
}

// maxSetPrefix bounds the option, so that something is left of names of sets.
const maxSetPrefix = 16

// setPrefix is what every firewall takes at the beginning of a name.
var setPrefix = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9._-]*$`)

// isSetPrefix says whether names of sets can begin with s.
func isSetPrefix(s string) bool {
	return s == "" || len(s) <= maxSetPrefix && setPrefix.MatchString(s)
}

// oneOf says what is wrong with the value of an option that takes one of words. No value is the first.
func oneOf(option string, value *string, words ...string) error {
	if *value == "" {
		*value = words[0]
	}
	if slices.Contains(words, *value) {
		return nil
	}
	return &OptionError{option, fmt.Sprintf("%q: want %s", *value, tomlfile.Alternatives(words))}
}
