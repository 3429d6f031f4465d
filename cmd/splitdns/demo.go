package main

import (
	"fmt"
	"io"
	"net/netip"
)

// demonstration is a dig command worth trying on the simulated internet.
type demonstration struct {
	dig   string // the arguments after the server and its port
	says  string // what it shows, for people
	shows string // a regular expression that its output matches; . matches a line feed, too
}

// demonstrations are what --demo offers, with demo.toml as the configuration.
// They are tried in this order: some look at what those before left in the cache.
var demonstrations = []demonstration{
	{
		dig:   "0-courier.push.apple.com",
		says:  "a published name; the EDE line names row and rule, and the verdict: inside what Apple publishes",
		shows: `EDE: 0 \(Other\): \(rule=published zone=apple-push row=courier pin=observe verdict=inside tags=demo\).*\sA\s+17\.252\.28\.22\s`,
	},
	{
		dig:   "CH TXT 50-courier.push.apple.com",
		says:  "the last number that the pattern {0..50}-courier.push.apple.com matches",
		shows: `"match zone=apple-push row=courier pattern=\{0\.\.50\}-courier\.push\.apple\.com rule=published"`,
	},
	{
		dig:   "CH TXT 51-courier.push.apple.com",
		says:  "one more: matched by nothing, but near that pattern",
		shows: `"match none".*"near zone=apple-push row=courier pattern=\{0\.\.50\}-courier\.push\.apple\.com"`,
	},
	{
		dig:   "courier.push.apple.com",
		says:  "a NODATA that is no failure: the name is a placeholder, devices put a number in front",
		shows: `status: NOERROR.*verdict=no-address.*ANSWER SECTION.*\sCNAME\s+courier-push-apple\.com\.akadns\.net\..*\sSOA\s`,
	},
	{
		dig:   "swda01-mscdn.manage.microsoft.com",
		says:  "content from a third party's network: no range is published for it, and it is held to none",
		shows: `row=win32-cdn pin=observe verdict=no-range.*\sCNAME\s+\S+\.cdn\.example\..*\sA\s+198\.51\.100\.\d+`,
	},
	{
		dig:   "CH TXT swda01-mscdn.manage.microsoft.com",
		says:  "why not to those of *.manage.microsoft.com: its row is carved out",
		shows: `"published no-range carve-out=intune-cdn/win32-cdn"`,
	},
	{
		dig:   "12-courier.push.apple.com",
		says:  "one address inside the published ranges and one outside: mixed, observed, left as it is",
		shows: `pin=observe verdict=mixed.*\sA\s+17\.57\.144\.23\s.*\sA\s+198\.51\.100\.9\s`,
	},
	{
		dig:   "CH TXT 12-courier.push.apple.com",
		says:  "the same name explained: rule, ranges, and each cached address with its verdict",
		shows: `"cache A age=\d+ ttl=\d+ from=simulated 17\.57\.144\.23=inside 198\.51\.100\.9=outside".*"verdict=mixed"`,
	},
	{
		dig:   "CH TXT 12-courier.push.apple.com +subnet=10.2.7.41",
		says:  "and as it would be for another client, one of the group phones",
		shows: `client=10\.2\.7\.41 .*"decision log tags=demo,phones pin=observe`,
	},
	{
		dig:   "CH TXT -x 17.57.144.23",
		says:  "who publishes an address",
		shows: `"published zone=apple-push row=courier prefix=17\.57\.144\.0/22"`,
	},
	{
		dig:   "portal.manage.microsoft.com",
		says:  "the enforced name: the simulated internet gives an address outside, too; it is gone, and the EDE says why",
		shows: `ANSWER: 2,.*EDE: 17 \(Filtered\): \(rule=enforced,published zone=intune row=core pin=enforce verdict=mixed tags=demo\)`,
	},
	{
		dig:   "HTTPS login.microsoftonline.com",
		says:  "HTTPS hints obey, too: under the pin prefer, ipv4hint has lost 198.51.100.44",
		shows: `pin=prefer verdict=mixed.*alpn="?h2,h3"? ipv4hint=20\.190\.128\.10 ipv6hint=2603:1026:3000::10\s`,
	},
	{
		dig:   "vpn.corp.example",
		says:  "a name of one's own whose only address is outside: the pin substitute answers with the right ones",
		shows: `EDE: 4 \(Forged Answer\): .*pin=substitute verdict=outside.*\s60\s+IN\s+A\s+192\.0\.2\.10\s`,
	},
	{
		dig:   "mask.icloud.com",
		says:  "a blocked name: NXDOMAIN, which is how devices are told not to use Private Relay",
		shows: `status: NXDOMAIN.*EDE: 15 \(Blocked\): \(rule=blocked,published `,
	},
}

// announceDemo says that everything is simulated, and what to try at the address
// that the server listens on.
func announceDemo(w io.Writer, at netip.AddrPort) {
	fmt.Fprint(w, `
DEMONSTRATION: the internet behind this server is SIMULATED. No query leaves the
process; the answers are made up, or copied from recordings. Try, in another
terminal (with -c the rules are your own, and some of these show something else):
`)
	for _, d := range demonstrations {
		fmt.Fprintf(w, "\n# %s\n%s\n", d.says, d.command(at))
	}
	fmt.Fprint(w, `
Every name has an answer. Of those with published ranges, such as all below
manage.microsoft.com, mixed.NAME and outside.NAME have addresses outside them.

`)
}

// command is d as it is typed, for a server that listens on at.
func (d demonstration) command(at netip.AddrPort) string {
	return fmt.Sprintf("dig @%s -p %d %s", reachable(at.Addr()), at.Port(), d.dig)
}

// reachable is an address at which a server on this machine that listens on a
// can be asked.
func reachable(a netip.Addr) netip.Addr {
	switch {
	case !a.IsUnspecified():
		return a
	case a.Is4():
		return netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	return netip.IPv6Loopback()
}
