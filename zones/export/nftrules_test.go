package export_test

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"testing"

	"splitdns/zones"
	"splitdns/zones/export"
)

// ported is a zone whose rows have all kinds of ports.
const ported = `
[row.web]
names    = ["*.web.example", "both.example"]
ports    = ["tcp/443", "tcp/80", "tcp/81"]
prefixes = ["192.0.2.0/24", "10.1.0.0/16"]
[row.same]
names = ["same.example", "both.example"]
ports = ["tcp/80-81", "tcp/443", "tcp/443"]
[row.push]
names    = ["push.example"]
ports    = ["udp/65535", "udp/5228-5230", "tcp/5229", "udp/5230-5231"]
prefixes = ["2001:db8:5::/48"]
required = false
[row.none]
names = ["none.example"]
[row.addresses]
ports    = ["tcp/443"]
prefixes = ["198.51.100.0/24"]
`

// rulesOptions are for a ruleset of that zone.
func rulesOptions(change func(*export.Options)) export.Options {
	o := options("nft-rules")
	change(&o)
	return o
}

// ruleLines are the lines of text that match a pattern, without blanks before them.
func ruleLines(text, pattern string) (lines []string) {
	re := regexp.MustCompile(pattern)
	for line := range strings.Lines(text) {
		if re.MatchString(line) {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	return lines
}

// What is open, by options: rules of nftables, without their ends.
func TestRulesPorts(t *testing.T) {
	const web, push = "@splitdns-z-tcp80-81.443", "@splitdns-z-tcp5229.udp5228-5231.65535"
	tests := map[string]struct {
		change func(*export.Options)
		want   []string
	}{
		"each row's": {func(*export.Options) {}, []string{
			"ip daddr " + web + "_4 tcp dport 443", "ip daddr " + web + "_4 tcp dport 80-81",
			"ip daddr " + push + "_4 tcp dport 5229", "ip daddr " + push + "_4 udp dport 65535", "ip daddr " + push + "_4 udp dport 5228-5231",
		}},
		"the zone's": {func(o *export.Options) { o.Rules.Ports = "zone" }, []string{
			"ip daddr @splitdns-z-tcp80-81.443.5229.udp5228-5231.65535_4 tcp dport { 443, 5229 }",
			"ip daddr @splitdns-z-tcp80-81.443.5229.udp5228-5231.65535_4 tcp dport 80-81",
			"ip daddr @splitdns-z-tcp80-81.443.5229.udp5228-5231.65535_4 udp dport 65535",
			"ip daddr @splitdns-z-tcp80-81.443.5229.udp5228-5231.65535_4 udp dport 5228-5231",
		}},
		"only what is required": {func(o *export.Options) { o.Required = true }, []string{
			"ip daddr " + web + "_4 tcp dport 443", "ip daddr " + web + "_4 tcp dport 80-81",
		}},
		"rows without ports": {func(o *export.Options) {
			o.Required = true
			o.Rules.DefaultPorts = []zones.Port{{Protocol: "tcp", First: 443, Last: 443}}
		}, []string{
			"ip daddr " + web + "_4 tcp dport 443", "ip daddr " + web + "_4 tcp dport 80-81", "ip daddr @splitdns-z-tcp443_4 tcp dport 443",
		}},
		"published prefixes": {func(o *export.Options) { o.Required, o.Rules.Static = true, true }, []string{
			"ip daddr " + web + "_4 tcp dport 443", "ip daddr " + web + "_4 tcp dport 80-81",
			"ip daddr " + web + "_published4 tcp dport 443", "ip daddr " + web + "_published4 tcp dport 80-81",
			"ip daddr @splitdns-z-tcp443_published4 tcp dport 443",
		}},
	}
	for name, test := range tests {
		o := rulesOptions(func(o *export.Options) { o.Family = 4; test.change(o) })
		text, _ := written(t, parsed(t, map[string]string{"z": ported}), o)
		var want []string
		for _, line := range test.want {
			want = append(want, line+" counter accept")
		}
		if got := ruleLines(text, `daddr @`); !slices.Equal(got, want) {
			t.Errorf("%s:\n%s\nwant\n%s", name, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
}

// Whatever feeds a set is told of each name that may be open on its ports, and of no other.
func TestRulesConfig(t *testing.T) {
	tests := map[string]struct {
		change func(*export.Options)
		want   []string
	}{
		"names, as a row has no ports": {func(*export.Options) {}, []string{
			`addresses = ["10.20.0.0/16", "2001:db8:20::/48"]`,
			`[rule."nft-z-tcp80-81.443"]`, `names = ["*.web.example", "both.example", "same.example"]`, `clients = ["nft-clients"]`,
			`sets = ["inet splitdns splitdns-z-tcp80-81.443_4", "inet splitdns splitdns-z-tcp80-81.443_6"]`,
			`[rule."nft-z-tcp5229.udp5228-5231.65535"]`, `names = ["push.example"]`, `clients = ["nft-clients"]`,
			`sets = ["inet splitdns splitdns-z-tcp5229.udp5228-5231.65535_4", "inet splitdns splitdns-z-tcp5229.udp5228-5231.65535_6"]`,
		}},
		"the zone, as all of it is on the same ports": {func(o *export.Options) {
			o.Rules.Ports, o.Rules.Static, o.Family = "zone", true, 6
			o.Rules.DefaultPorts = []zones.Port{{Protocol: "tcp", First: 80, Last: 80}}
			o.Rules.Clients = append([]export.Clients{{Name: "ios", Prefixes: o.Rules.Clients[0].Prefixes}}, o.Rules.Clients...)
		}, []string{
			`addresses = ["10.20.0.0/16", "2001:db8:20::/48"]`,
			`[rule."nft-z-tcp80-81.443.5229.udp5228-5231.65535"]`, `zones = ["z"]`, `clients = ["ios", "nft-clients"]`,
			`sets = ["inet splitdns splitdns-z-tcp80-81.443.5229.udp5228-5231.65535_6"]`,
		}},
		"names, as others of the zone are not required": {func(o *export.Options) {
			o.Required, o.Table, o.SetPrefix = true, "inet mdm", "a"
			o.Rules.Clients = []export.Clients{{Name: "ios", Prefixes: o.Rules.Clients[0].Prefixes}}
		}, []string{
			`[rule."nft-z-tcp80-81.443"]`, `names = ["*.web.example", "both.example", "same.example"]`, `clients = ["ios"]`,
			`sets = ["inet mdm az-tcp80-81.443_4", "inet mdm az-tcp80-81.443_6"]`,
		}},
	}
	for name, test := range tests {
		o := rulesOptions(func(o *export.Options) { o.Rules.Config = true; test.change(o) })
		text, _ := written(t, parsed(t, map[string]string{"z": ported}), o)
		if got := ruleLines(text, `^(\[rule|[a-z]+ = )`); !slices.Equal(got, test.want) {
			t.Errorf("%s:\n%s\nwant\n%s", name, strings.Join(got, "\n"), strings.Join(test.want, "\n"))
		}
	}
}

// Published prefixes that are open as a whole do not open the public resolvers within them, unless
// an administrator wants one.
func TestRulesPublicResolvers(t *testing.T) {
	const text = "[row.a]\nnames = [\"a.example\"]\nports = [\"tcp/443\"]\nprefixes = [\"8.8.0.0/16\", \"2001:4860::/32\"]\n"
	const six = "{ 2001:4860:4860::64, 2001:4860:4860::6464, 2001:4860:4860::8844, 2001:4860:4860::8888 }"
	tests := map[string]struct {
		change func(*export.Options)
		want   []string
	}{
		"what answers brought": {func(*export.Options) {}, nil},
		"published":            {func(o *export.Options) { o.Rules.Static = true }, []string{"ip daddr { 8.8.4.4, 8.8.8.8 }", "ip6 daddr " + six}},
		"one is ours": {func(o *export.Options) {
			o.Rules.Static, o.Family, o.Rules.Resolvers = true, 4, []netip.Addr{netip.MustParseAddr("8.8.8.8")}
		}, []string{"ip daddr 8.8.4.4"}},
	}
	for name, test := range tests {
		text, _ := written(t, parsed(t, map[string]string{"z": text}), rulesOptions(test.change))
		var want []string
		for _, line := range test.want {
			want = append(want, line+" goto splitdns-denied")
		}
		if got := ruleLines(text, `daddr .* goto splitdns-denied`); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
		if before, _, _ := strings.Cut(text, "jump splitdns-zones"); len(want) > 0 && !strings.Contains(before, want[0]) {
			t.Errorf("%s: the zones are asked first", name)
		}
	}
}

// What a ruleset does not hold, or not as the zones do, is noted, and stands in the file.
func TestRulesNotes(t *testing.T) {
	var many strings.Builder
	for i := range 129 {
		fmt.Fprintf(&many, "[row.r%d]\nnames = [\"a%d.example\"]\nports = [\"tcp/%d\"]\n", i, i, 2*i+1)
	}
	tests := map[string]struct {
		file   string
		change func(*export.Options)
		want   []string
	}{
		"all": {ported, func(o *export.Options) { o.Rules.Clients[0].Prefixes = o.Rules.Clients[0].Prefixes[:1] }, []string{
			"2 prefixes not open as a whole: an address is when an answer has brought it (see --static)",
			"1 prefix private: the server puts no such address into a set (see --static): 10.1.0.0/16",
			"1 row left out: without ports (see --default-ports): z/none",
			"1 row left out: without names, whose answers would open addresses (see --static): z/addresses",
			"1 zone whose names stand in the server's rules: export again when they change (or see --ports zone): z",
			"no IPv6 prefix in --clients: what they send by IPv6 is not held back",
		}},
		"none": {ported, func(o *export.Options) {
			o.Rules.Static, o.Rules.Ports, o.Rules.DefaultPorts = true, "zone", []zones.Port{{Protocol: "tcp", First: 1, Last: 65535}}
			o.Rules.Clients[0].Prefixes = append(o.Rules.Clients[0].Prefixes, netip.MustParsePrefix("10.20.1.0/24"))
		}, nil},
		"no IPv4": {ported, func(o *export.Options) {
			o.Rules.Static, o.Rules.Ports, o.Rules.DefaultPorts = true, "zone", []zones.Port{{Protocol: "tcp", First: 1, Last: 65535}}
			o.Rules.Clients[0].Prefixes = o.Rules.Clients[0].Prefixes[1:]
		}, []string{"no IPv4 prefix in --clients: what they send by IPv4 is not held back"}},
		"more sets than the server takes": {many.String(), func(*export.Options) {}, []string{
			"1 zone whose names stand in the server's rules: export again when they change (or see --ports zone): z",
			"258 sets more than the 256 that the server takes: name fewer zones (or see --ports zone)",
		}},
	}
	for name, test := range tests {
		text, notes := written(t, parsed(t, map[string]string{"z": test.file}), rulesOptions(test.change))
		if !slices.Equal(notes, test.want) {
			t.Errorf("%s: %q, want %q", name, notes, test.want)
		}
		for _, note := range notes {
			if !strings.Contains(text, "# note: "+note+"\n") {
				t.Errorf("%s: not in the file: %s", name, note)
			}
		}
	}
}

func TestRulesRefuse(t *testing.T) {
	tests := map[string]struct {
		change       func(*export.Options)
		option, want string
	}{
		"one IP version":   {func(o *export.Options) { o.Table = "ip filter" }, "table", "want family inet"},
		"no table":         {func(o *export.Options) { o.Table = "inet a; flush ruleset" }, "table", "want a family and a name"},
		"chains of others": {func(o *export.Options) { o.SetPrefix = "" }, "set-prefix", "the ruleset empties chains"},
		"nobody":           {func(o *export.Options) { o.Rules.Clients = nil }, "clients", "want the prefixes of those"},
		"an empty group":   {func(o *export.Options) { o.Rules.Clients = []export.Clients{{Name: "ios"}} }, "clients", "want the prefixes of those"},
		"interface":        {func(o *export.Options) { o.Rules.Interfaces = []string{`lan" drop`} }, "interface", "want the name of an interface"},
		"long interface":   {func(o *export.Options) { o.Rules.Interfaces = []string{"abcdefghijklmnop"} }, "interface", "want the name"},
		"ports":            {func(o *export.Options) { o.Rules.Ports = "row" }, "ports", `"row": want "rows" or "zone"`},
	}
	for name, test := range tests {
		_, err := export.New(parsed(t, map[string]string{"z": ported}), rulesOptions(test.change))
		if option, ok := err.(*export.OptionError); !ok || option.Option != test.option || !strings.Contains(option.Text, test.want) {
			t.Errorf("%s: %v, want --%s: %s", name, err, test.option, test.want)
		}
	}
	for name, text := range map[string]string{
		"no ports": "[row.a]\nnames = [\"a.example\"]\n",
		"no names": "[row.a]\nprefixes = [\"192.0.2.0/24\"]\nports = [\"tcp/443\"]\n",
	} {
		_, err := export.New(parsed(t, map[string]string{"z": text}), rulesOptions(func(*export.Options) {}))
		if err == nil || !strings.Contains(err.Error(), "nothing to export: zones z: 1 row left out: without "+strings.TrimPrefix(name, "no ")) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Names of sets and rules are within bounds and told apart, however long zones and ports are.
func TestRulesNames(t *testing.T) {
	ports := func(shift int) string {
		var b strings.Builder
		for i := range 300 {
			fmt.Fprintf(&b, "%q, ", fmt.Sprintf("tcp/%d", 3*i+1))
		}
		return b.String() + fmt.Sprintf("%q", fmt.Sprintf("udp/%d", 40000+shift))
	}
	zone := strings.Repeat("z", 63)
	text := "[row.a]\nnames = [\"a.example\"]\nports = [" + ports(0) + "]\n[row.b]\nnames = [\"b.example\"]\nports = [" + ports(1) + "]\n"
	loaded := parsed(t, map[string]string{zone: text})
	for config, pattern := range map[bool]string{false: `add set \S+ \S+ (splitdns-z\S+)`, true: `\[rule\."(\S+)"\]`} {
		text, _ := written(t, loaded, rulesOptions(func(o *export.Options) { o.Rules.Config = config }))
		seen := map[string]bool{}
		for _, match := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
			if seen[match[1]] || len(match[1]) > 140 || config && zones.CheckName(match[1]) != nil {
				t.Errorf("%q is there twice, or too long", match[1])
			}
			seen[match[1]] = true
		}
		if want := map[bool]int{false: 4, true: 2}[config]; len(seen) != want {
			t.Errorf("%d names, want %d", len(seen), want)
		}
	}
}
