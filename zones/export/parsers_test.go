package export_test

import (
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"testing"

	"splitdns/matcher"
	"splitdns/zones/export"
)

// FortiOS, pfctl and the firewalls that read EDLs are not to be had here. These tests read
// their files by the grammar that their vendors document, strictly.

// The lines of a FortiOS script, by what may stand where.
var (
	fortiConfig = regexp.MustCompile(`^config firewall (address|address6|addrgrp|addrgrp6)$`)
	fortiEdit   = regexp.MustCompile(`^    edit "([A-Za-z0-9._/:+-]{1,79})"$`)
	fortiMember = regexp.MustCompile(`"([^"]*)"`)
	fortiSets   = map[string]*regexp.Regexp{
		"address": regexp.MustCompile(`^        set (type (ipmask|fqdn)|subnet \d+(\.\d+){3} \d+(\.\d+){3}|fqdn "(\*\.)?[a-z0-9_-]+(\.[a-z0-9_-]+)*"|` +
			`comment "[^"\\?]{0,255}")$`),
		"address6": regexp.MustCompile(`^        set (ip6 [0-9a-f:]+/\d+|comment "[^"\\?]{0,255}")$`),
		"addrgrp":  regexp.MustCompile(`^        set (member( "[^"]{1,79}")+|comment "[^"\\?]{0,255}")$`),
	}
)

// checkFortiGate reads a script, and returns the objects of each group.
func checkFortiGate(t *testing.T, text string) map[string][]string {
	t.Helper()
	known, groups := map[string]bool{}, map[string][]string{}
	table, name := "", "" // that are open
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		switch config, edit := fortiConfig.FindStringSubmatch(line), fortiEdit.FindStringSubmatch(line); {
		case strings.HasPrefix(line, "#") || line == "":
		case table == "" && config != nil:
			table = config[1]
		case table != "" && name == "" && edit != nil:
			name = edit[1]
		case name != "" && fortiSets[strings.Replace(table, "addrgrp6", "addrgrp", 1)].MatchString(line):
			if members, ok := strings.CutPrefix(line, "        set member "); ok {
				groups[name] = quotedWords(t, known, members)
			}
		case line == "    next" && name != "":
			known[name], name = true, ""
		case line == "end" && name == "" && table != "":
			table = ""
		default:
			t.Fatalf("%q has no place in config firewall %s, object %q", line, table, name)
		}
	}
	if table != "" || name != "" {
		t.Errorf("the script ends within %s %s", table, name)
	}
	return groups
}

// quotedWords are the members of a group, each of them made before.
func quotedWords(t *testing.T, known map[string]bool, members string) (words []string) {
	for _, m := range fortiMember.FindAllStringSubmatch(members, -1) {
		if !known[m[1]] {
			t.Errorf("group of %q, which there is not", m[1])
		}
		words = append(words, m[1])
	}
	if len(words) > 250 {
		t.Errorf("%d members", len(words))
	}
	return words
}

func TestFortiGate(t *testing.T) {
	text, _ := written(t, samples(t), options("fortigate"))
	groups := checkFortiGate(t, text)
	want := map[string][]string{
		"splitdns-mdm": {
			"splitdns-mdm/192.0.2.0/24", "splitdns-mdm/192.0.2.7", "splitdns-mdm/198.51.100.9",
			"splitdns-mdm/portal.example", "splitdns-mdm/below/portal.example", "splitdns-mdm/deep.er.portal.example",
			"splitdns-mdm/apps.example", "splitdns-mdm/below/apps.example",
			"splitdns-mdm/1-push.example", "splitdns-mdm/2-push.example", "splitdns-mdm/3-push.example",
		},
		"splitdns-mdm/ipv6": {"splitdns-mdm/2001:db8::/32"},
		"splitdns-other":    {"splitdns-other/192.0.2.0/25", "splitdns-other/below/example", "splitdns-other/portal.example"},
	}
	for name := range want {
		if !slices.Equal(groups[name], want[name]) {
			t.Errorf("group %s is %q, want %q", name, groups[name], want[name])
		}
	}
	if len(groups) != len(want) {
		t.Errorf("%d groups, want %d", len(groups), len(want))
	}
}

// A pf table has a prefix or a single address a line, and comments.
func TestPF(t *testing.T) {
	text, _ := written(t, samples(t), options("pf"))
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		_, notAddress := netip.ParseAddr(line)
		_, notPrefix := netip.ParsePrefix(line)
		if !strings.HasPrefix(line, "#") && notAddress != nil && notPrefix != nil {
			t.Errorf("%q is no line of a table", line)
		}
	}
}

// A list has nothing but its entries, unless comments are asked for.
func TestEDL(t *testing.T) {
	for what, isEntry := range map[string]func(string) bool{"prefixes": isPrefix, "names": isName} {
		text, _ := written(t, samples(t), export.Options{Format: "edl", What: what})
		for line := range strings.Lines(text) {
			if !isEntry(strings.TrimSuffix(line, "\n")) {
				t.Errorf("%s: %q is none", what, line)
			}
		}
	}
}

// isPrefix says whether s is a prefix, or a single address.
func isPrefix(s string) bool {
	_, err := netip.ParsePrefix(s)
	_, errAddr := netip.ParseAddr(s)
	return err == nil || errAddr == nil
}

// isName says whether s is a name, or *. and a name.
func isName(s string) bool {
	_, err := matcher.ParseName(strings.TrimPrefix(s, "*."))
	return err == nil && !strings.Contains(strings.TrimPrefix(s, "*."), "*")
}
