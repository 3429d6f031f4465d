package config_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"splitdns/server/config"
	"splitdns/server/policy"
)

func TestSetDefaults(t *testing.T) {
	s := config.Default().Server
	if s.SetFailure != config.SetFailureAnswer || s.SetGrace != 2*time.Minute || s.SetMin != 10*time.Minute {
		t.Errorf("on_set_failure %v, set_grace %v, set_min %v; want answer, 2m, 10m", s.SetFailure, s.SetGrace, s.SetMin)
	}
	if sets := config.Default().Sets(); len(sets) != 0 {
		t.Errorf("Sets = %v, want none", sets)
	}
}

func TestSetsNamesEachOnceWithItsRules(t *testing.T) {
	cfg, problems := config.Parse("c.toml", []byte("[rule.b]\nnames = ['b.example']\nsets = ['inet filter mdm4', 'inet filter mdm6']\n"+
		"[rule.a]\nnames = ['a.example']\nsets = ['ip fw x', 'inet  filter mdm6']\n[rule.c]\nnames = ['c.example']\nlog = true\n"))
	if cfg == nil || len(problems) > 0 {
		t.Fatal(problems)
	}
	want := []config.NamedSet{
		{Set: policy.Set{Family: "inet", Table: "filter", Name: "mdm4"}, Rules: []string{"b"}},
		{Set: policy.Set{Family: "inet", Table: "filter", Name: "mdm6"}, Rules: []string{"b", "a"}},
		{Set: policy.Set{Family: "ip", Table: "fw", Name: "x"}, Rules: []string{"a"}},
	}
	if diff := cmp.Diff(want, cfg.Sets()); diff != "" {
		t.Errorf("Sets (-want +got):\n%s", diff)
	}
}

func TestSetProblems(t *testing.T) {
	var many strings.Builder
	for i := range 17 {
		fmt.Fprintf(&many, "\n'inet filter s%d',", i)
	}
	var rules strings.Builder
	for i := range 257 {
		fmt.Fprintf(&rules, "[rule.r%[1]d]\nnames = ['r%[1]d.example']\nsets = ['inet filter s%[1]d']\n", i)
	}
	check(t, map[string]mistake{
		"values": {
			text: "[server]\non_set_failure = 'servfial'\nset_grace = '2h'\nset_min = '0s'\n[rule.a]\nnames = ['a.example']\n" +
				"sets = ['mdm4', 'inet6 filter mdm4', 'inet filter 4mdm', 5]\nset_addresses = 'published'\n[rule.b]\nnames = ['b.example']\nsets = []\n" +
				"[rule.c]\nnames = ['c.example']\nsets = 'inet filter mdm4'\nset_addresses = true\n",
			want: []string{
				`c.toml:2: server.on_set_failure: "servfial": did you mean "servfail"?`,
				`c.toml:3: server.set_grace: "2h": want 0s to 1h`,
				`c.toml:4: server.set_min: "0s": want 1s to 24h`,
				`c.toml:7: rule.a.sets[3]: want a set such as "inet filter mdm4", have an integer`,
				`c.toml:7: rule.a.sets[0]: "mdm4": want the family and the name of a table, and the name of a set, such as "inet filter mdm4"`,
				`c.toml:7: rule.a.sets[1]: "inet6 filter mdm4": no family "inet6": want one of inet, ip, ip6, bridge, netdev, arp`,
				`c.toml:7: rule.a.sets[2]: "inet filter 4mdm": "4mdm" is no name that nft takes: want a letter, then letters, digits and / \ _ . -, at most 255`,
				`c.toml:8: rule.a.set_addresses: "published": want "inside" or "all"`,
				`c.toml:11: rule.b.sets: the list is empty; leave the key out`,
				`c.toml:14: rule.c.sets: want a list of strings, have a string; write ["inet filter mdm4"]`,
				`c.toml:15: rule.c.set_addresses: want "inside" or "all", have a boolean`,
			},
		},
		"twice": {
			text: "[rule.a]\nnames = ['a.example']\nsets = ['inet filter mdm4', 'inet  filter  mdm4']\n",
			want: []string{`c.toml:3: warning: rule.a.sets[1]: "inet  filter  mdm4" stands in this list twice, first as rule.a.sets[0]`},
		},
		"too many in a rule": {
			text: "[rule.a]\nnames = ['a.example']\nsets = [" + many.String() + "]\n",
			want: []string{`c.toml:20: rule.a.sets[16]: more than 16 sets`},
		},
		"too many in all rules": {
			text: rules.String(),
			want: []string{`c.toml:771: rule.r256.sets[0]: more than 256 different sets in all rules`},
		},
		"a rule that does nothing else": {
			text: "[rule.a]\nnames = ['a.example']\nsets = ['inet filter mdm4']\n",
		},
		"keys of the server without any set": {
			text: "[server]\non_set_failure = 'servfail'\nset_grace = '0s'\nset_min = '24h'\n",
		},
	})
}

func TestSetAdvice(t *testing.T) {
	check(t, map[string]mistake{
		"sets that nothing goes into": {
			text: "[rule.a]\nnames = ['a.example']\nsets = ['inet filter mdm4']\nanswer = 'nxdomain'\n[rule.b]\nnames = ['b.example']\nsets = ['inet filter mdm4']\nanswer = 'null'\n" +
				"[rule.c]\nnames = ['c.example']\nsets = ['inet filter mdm4']\nanswer = ['10.0.0.1', 'fe80::1']\n[rule.d]\nnames = ['d.example']\nlog = true\nset_addresses = 'all'\n",
			want: []string{
				`c.toml:3: warning: rule.a.sets: the rule answers "nxdomain": no address ever goes into them; leave out one of the two`,
				`c.toml:7: warning: rule.b.sets: the rule answers "null": no address ever goes into them; leave out one of the two`,
				`c.toml:11: warning: rule.c.sets: the rule answers with 10.0.0.1,fe80::1: none of these goes into a set, as they lead into this network or to nobody`,
				`c.toml:16: warning: rule.d.set_addresses: stands without sets: no address goes anywhere; give the rule sets, or leave this out`,
			},
		},
		"nothing to say": {
			text: "[rule.a]\nnames = ['a.example', '*.corp.example', '.corp']\nsets = ['inet filter mdm4']\nmax_ttl = '5m'\npin = 'observe'\nset_addresses = 'all'\n" +
				"[rule.b]\nnames = ['b.example']\nsets = ['inet filter mdm4']\nanswer = ['10.0.0.1', '192.0.2.1']\n" +
				"[rule.c]\nzones = ['intune', 'apple-push', 'fcm', 'wns', 'apple']\nsets = ['inet filter mdm4', 'inet filter mdm6']\n" +
				"[rule.d]\nnames = ['d.example']\nsets = ['inet filter mdm4']\nanswer = 'e.example'\n[rule.e]\nnames = ['*.mine.azureedge.net']\nsets = ['inet filter mdm4']\n" +
				"[rule.f]\nzones = ['*']\nlog = true\n",
		},
	})
}

func TestSetsThatStrangersCouldFill(t *testing.T) {
	const (
		register  = "anybody can register a name that matches "
		unlisted  = ", and have addresses of his own let in, as nothing is published for it; name the hosts or the zones that are needed, or publish ranges for it in a zone of your own"
		oneFamily = ", and have addresses of his own let in, as only those of one IP version are published for it; " +
			`write [server] pin_families = "strict", or name the hosts that are needed`
		outside = `, and "all" lets in what he gives it, although ranges are published for it; leave it out, or pin to "enforce"`
		sets    = "sets = ['inet filter mdm4']\n"
		store4  = "[zone.store]\nnames = ['app*.blob.core.windows.net']\nprefixes = ['198.51.100.0/24']\n"
		store   = "[zone.store]\nnames = ['app*.blob.core.windows.net']\nprefixes = ['198.51.100.0/24', '2001:db8::/32']\n"
		byZone  = "[rule.a]\nzones = ['store']\n" + sets
	)
	check(t, map[string]mistake{
		"names of a rule": {
			text: "[rule.a]\nnames = ['apple*.com', 'login.example.com', '*-files.sharepoint.com']\n" + sets + "[rule.b]\nnames = ['*']\n" + sets,
			want: []string{
				`c.toml:3: warning: rule.a.sets: ` + register + `one of apple*.com, *-files.sharepoint.com` + unlisted,
				`c.toml:6: warning: rule.b.sets: ` + register + `*` + unlisted,
			},
		},
		"a bundled zone": {
			text: "[rule.a]\nzones = ['windows-update']\n" + sets,
			want: []string{`c.toml:3: warning: rule.a.sets: ` + register + `payloadprod*.blob.core.windows.net (windows-update/autopatch)` + unlisted},
		},
		"the catch-all, which * is not": {
			text: "[rule.a]\nzones = ['m365-catch-all']\n" + sets,
			want: []string{`c.toml:3: warning: rule.a.sets: ` + register +
				`one of *.onmicrosoft.com (m365-catch-all/wildcards), autodiscover.*.onmicrosoft.com (m365-catch-all/wildcards)` + unlisted},
		},
		"all that is published": {
			text: "[rule.a]\nzones = ['*']\n" + sets,
			want: []string{`c.toml:3: warning: rule.a.sets: ` + register + `one of 6 patterns, such as .googleusercontent.com (android-enterprise/play), ` +
				`*.googleapis.com (android-enterprise/emm-api), *.msecnd.net (m365-auth/identity-cdn), *.monitor.azure.com (remote-help/remote-help), ` +
				`*.webpubsub.azure.com (remote-help/pubsub)` + unlisted},
		},
		"a pattern of two zones, said once": {
			text: "[zone.a]\nnames = ['*.workers.dev']\n[zone.b]\nnames = ['*.workers.dev']\n[rule.a]\nzones = ['a', 'b']\nnames = ['*.pages.dev']\n" + sets,
			want: []string{`c.toml:8: warning: rule.a.sets: ` + register + `one of *.pages.dev, *.workers.dev (a/inline)` + unlisted},
		},
		"ranges hold the name":                         {text: store + byZone},
		"ranges of a zone that the rule does not name": {text: store + "[rule.a]\nnames = ['app1*.blob.core.windows.net']\n" + sets},
		"ranges of one IP version": {
			text: store4 + byZone,
			want: []string{`c.toml:6: warning: rule.a.sets: ` + register + `app*.blob.core.windows.net (store/inline)` + oneFamily},
		},
		"ranges of one IP version, taken strictly": {text: "[server]\npin_families = 'strict'\n" + store4 + byZone},
		"ranges that the rule does not ask for": {
			text: store + byZone + "set_addresses = 'all'\n",
			want: []string{`c.toml:7: warning: rule.a.set_addresses: ` + register + `app*.blob.core.windows.net (store/inline)` + outside},
		},
		"ranges that the rule does not ask for, and a pin holds": {
			text: store + byZone + "set_addresses = 'all'\n[rule.b]\nnames = ['*.windows.net']\npin = 'enforce'\n",
			want: []string{
				`c.toml:10: warning: rule.b.pin: clients that validate DNSSEC take a changed signed answer as bogus and get no address at all`,
			},
		},
		"ranges that the rule does not ask for, and a pin holds for other clients": {
			text: "[client.x]\naddresses = ['10.1.0.0/16']\n[client.y]\naddresses = ['10.2.0.0/16']\n" + store + byZone +
				"clients = ['x']\nset_addresses = 'all'\n[rule.b]\nzones = ['store']\nclients = ['y']\npin = 'enforce'\n",
			want: []string{
				`c.toml:12: warning: rule.a.set_addresses: ` + register + `app*.blob.core.windows.net (store/inline)` + outside,
				`c.toml:16: warning: rule.b.pin: clients that validate DNSSEC take a changed signed answer as bogus and get no address at all`,
			},
		},
		"blocked": {
			text: "[rule.a]\nnames = ['*']\nanswer = 'nodata'\n" + sets,
			want: []string{
				`c.toml:3: warning: rule.a.answer: "*" in names matches every name: "nodata" blocks them all`,
				`c.toml:4: warning: rule.a.sets: the rule answers "nodata": no address ever goes into them; leave out one of the two`,
			},
		},
	})
}

// TestManySetsThatStrangersCouldFill holds that what is looked at for warnings is bounded, and that
// the message says so.
func TestManySetsThatStrangersCouldFill(t *testing.T) {
	text := "[zone.many]\nnames = [\n" + repeated(1500, "'x%d-*.a.cloudapp.azure.com',\n") + "]\n" +
		repeated(1000, "[rule.r%d]\nzones = ['many']\nsets = ['inet filter mdm4']\n")
	_, problems := config.Parse("c.toml", []byte(text))
	if want := "anybody can register a name that matches one of at least "; !strings.Contains(problems.String(), want) {
		t.Errorf("problems without %q:\n%.2000s", want, problems)
	}
}

// TestSetThatNftCannotName holds that a name which only a program could give a set is warned of.
func TestSetThatNftCannotName(t *testing.T) {
	_, problems := config.Parse("c.toml", []byte("[rule.a]\nnames = ['a.example']\nsets = ['inet filter dynamic', 'inet filter mdm4']\n"))
	want := `c.toml:3: warning: rule.a.sets: "inet filter dynamic": nft takes "dynamic" for a word of its language: no ruleset and no nft command can make this set; choose another name`
	if len(problems) != 1 || problems[0].String() != want {
		t.Errorf("%v, want %s", problems, want)
	}
}
