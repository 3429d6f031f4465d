//go:build linux

package main

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
)

// allServers are the servers that bench knows, in the order of the tables. Each is
// configured alike: one thread that answers, one address, everything forwarded to the
// stub, no validation, no log, and where there is a list, NXDOMAIN for its names.
func allServers() []*server {
	return []*server{
		{Name: echoName, Large: true, Configure: configureEcho},
		{Name: splitdnsName, Large: true, List: plainList, Configure: configureSplitdns},
		{Name: splitdnsLogName, Configure: configureSplitdnsLog, Only: []string{"cached"}},
		{Name: "splitdns-unheld", Configure: configureSplitdnsUnheld, Only: []string{"moderate"}},
		{Name: "unbound", Programs: []string{"unbound"}, Package: "unbound", Version: "-V", Large: true, List: unboundList, Configure: configureUnbound},
		{Name: "dnsdist", Programs: []string{"dnsdist"}, Package: "dnsdist", Version: "--version", Large: true, List: plainList, Configure: configureDNSDist},
		{Name: "dnsmasq", Programs: []string{"dnsmasq"}, Package: "dnsmasq-base", Version: "--version", List: dnsmasqList, Configure: configureDnsmasq},
		{Name: "knot-resolver", Programs: []string{"kresd"}, Package: "knot-resolver", Version: "--version", List: rpzList, Configure: configureKnot},
		{Name: "pdns-recursor", Programs: []string{"pdns_recursor"}, Package: "pdns-recursor", Version: "--version", List: rpzList, Configure: configureRecursor},
		{Name: "bind9", Programs: []string{"named"}, Package: "bind9", Version: "-v", List: rpzList, Configure: configureBind},
	}
}

// splitdns without a log, and with one.
const (
	splitdnsName    = "splitdns"
	splitdnsLogName = "splitdns-log"
)

// lines joins lines, without those that are empty.
func lines(all ...string) string {
	var b strings.Builder
	for _, line := range all {
		if line != "" {
			b.WriteString(line + "\n")
		}
	}
	return b.String()
}

// withList is a line of a configuration with the file of the list for its %s, or
// nothing without a list.
func (at setup) withList(format string) string {
	if at.List == "" {
		return ""
	}
	return fmt.Sprintf(format, at.List)
}

// configureEcho: it has only a port.
func configureEcho(at setup) configuration {
	return configuration{Args: []string{strconv.Itoa(at.Port)}}
}

// configureSplitdns has its policy at work: all that is published is held against
// its ranges.
func configureSplitdns(at setup) configuration {
	return at.splitdns(`queries = "off"`, "log = false")
}

// configureSplitdnsLog logs each query for a published name, too.
func configureSplitdnsLog(at setup) configuration {
	return at.splitdns(fmt.Sprintf("queries = %q", filepath.Join(at.Dir, "queries.jsonl")), "log = true")
}

// configureSplitdnsUnheld has readers that do not wait inside the system call.
func configureSplitdnsUnheld(at setup) configuration {
	return at.splitdns(`queries = "off"`, "log = false", `udp_hold = "0s"`)
}

// splitdns is the configuration of splitdns with the lines that say what is logged, and
// more of [server].
func (at setup) splitdns(log, rule string, server ...string) configuration {
	text := lines(
		"[server]", fmt.Sprintf(`listen = ["127.0.0.1:%d"]`, at.Port), lines(server...),
		"[cache]", fmt.Sprintf("entries = %d\nmemory = %d", at.Cache.Names, at.Cache.Octets>>20),
		"[upstream.default]", fmt.Sprintf(`servers = ["127.0.0.1:%d"]`, at.Upstream),
		"[rule.published]", `zones = ["*"]`, `tags = ["bench"]`, `pin = "observe"`, rule,
		at.withList("[zone.list]\nfile = %q\nformat = \"list\"\n[rule.list]\nzones = [\"list\"]\nanswer = \"nxdomain\""),
		"[log]", log,
	)
	return configuration{
		Files: map[string]string{"splitdns.toml": text},
		Args:  []string{"serve", "-c", "splitdns.toml"},
		Env:   []string{"GODEBUG=gctrace=1"}, // a line for each collection, which the bench counts
	}
}

// configureUnbound: the list is one of local zones.
func configureUnbound(at setup) configuration {
	text := lines(
		"server:",
		`  chroot: ""`, `  username: ""`, `  pidfile: ""`, fmt.Sprintf("  directory: %q", at.Dir),
		"  use-syslog: no", "  verbosity: 0", "  do-daemonize: no",
		"  interface: 127.0.0.1", fmt.Sprintf("  port: %d", at.Port), "  do-ip6: no",
		"  num-threads: 1", "  incoming-num-tcp: 64", "  do-not-query-localhost: no",
		`  module-config: "iterator"`,
		fmt.Sprintf("  msg-cache-size: %d", at.Cache.Octets/2), fmt.Sprintf("  rrset-cache-size: %d", at.Cache.Octets/2),
		at.withList("  include: %q"),
		"remote-control:", "  control-enable: no",
		"forward-zone:", `  name: "."`, fmt.Sprintf("  forward-addr: 127.0.0.1@%d", at.Upstream),
	)
	return configuration{Files: map[string]string{"unbound.conf": text}, Args: []string{"-d", "-c", filepath.Join(at.Dir, "unbound.conf")}}
}

// configureDNSDist: a packet cache in front of the stub.
func configureDNSDist(at setup) configuration {
	text := lines(
		fmt.Sprintf("setLocal('127.0.0.1:%d', {maxInFlight=64})", at.Port),
		fmt.Sprintf("newServer({address='127.0.0.1:%d', sockets=4})", at.Upstream),
		"getServer(0):setUp()", "setSecurityPollSuffix('')", "setMaxTCPClientThreads(1)",
		fmt.Sprintf("getPool(''):setCache(newPacketCache(%d, {maxTTL=86400}))", at.Cache.Names),
		at.withList("local names = newDNSNameSet()\nfor line in io.lines(%q) do names:add(newDNSName(line)) end\n"+
			"addAction(QNameSetRule(names), RCodeAction(DNSRCode.NXDOMAIN))"),
	)
	return configuration{Files: map[string]string{"dnsdist.conf": text}, Args: []string{"--supervised", "--disable-syslog", "-C", "dnsdist.conf"}}
}

// configureDnsmasq: more queries under way than it allows by itself.
func configureDnsmasq(at setup) configuration {
	text := lines(
		fmt.Sprintf("port=%d", at.Port), "listen-address=127.0.0.1", "bind-interfaces",
		"no-resolv", "no-hosts", "no-poll", fmt.Sprintf("server=127.0.0.1#%d", at.Upstream),
		fmt.Sprintf("cache-size=%d", at.Cache.Names), "dns-forward-max=1000", "pid-file", "user="+at.User,
		at.withList("conf-file=%s"),
	)
	return configuration{Files: map[string]string{"dnsmasq.conf": text}, Args: []string{"--keep-in-foreground", "--conf-file=" + filepath.Join(at.Dir, "dnsmasq.conf")}}
}

// configureKnot: the list is a response policy zone. What its modules would ask by
// themselves is left out.
func configureKnot(at setup) configuration {
	text := lines(
		fmt.Sprintf("net.listen('127.0.0.1', %d, { kind = 'dns' })", at.Port),
		"for _, name in ipairs({'ta_update', 'ta_signal_query', 'priming', 'detect_time_jump', 'detect_time_skew'}) do",
		"  if modules.list and package.loaded['kres_modules.' .. name] then modules.unload(name) end",
		"end",
		"trust_anchors.remove('.')",
		fmt.Sprintf("cache.open(%d, 'lmdb://%s')", at.Cache.Octets, at.Dir),
		at.withList("policy.add(policy.rpz(policy.DENY, %q, false))"),
		fmt.Sprintf("policy.add(policy.all(policy.STUB('127.0.0.1@%d')))", at.Upstream),
	)
	return configuration{Files: map[string]string{"kresd.conf": text}, Args: []string{"--noninteractive", "--config=" + filepath.Join(at.Dir, "kresd.conf"), at.Dir}}
}

// configureRecursor: PowerDNS Recursor 4; the list is a response policy zone.
func configureRecursor(at setup) configuration {
	files := map[string]string{"recursor.conf": lines(
		"local-address=127.0.0.1", fmt.Sprintf("local-port=%d", at.Port), "socket-dir="+at.Dir,
		"daemon=no", "disable-syslog=yes", "quiet=yes", "loglevel=3", "security-poll-suffix=",
		"dnssec=off", fmt.Sprintf("forward-zones-recurse=.=127.0.0.1:%d", at.Upstream), "hint-file=no",
		"threads=1", "pdns-distributes-queries=no", "max-tcp-clients=64", "max-concurrent-requests-per-tcp-connection=64",
		fmt.Sprintf("max-cache-entries=%d", at.Cache.Names), fmt.Sprintf("max-packetcache-entries=%d", at.Cache.Names),
		at.withList("lua-config-file="+filepath.Join(at.Dir, "recursor.lua")+"\n# the list: %s"),
	)}
	if at.List != "" {
		files["recursor.lua"] = at.withList("rpzFile(%q, {policyName='list'})\n")
	}
	return configuration{Files: files, Args: []string{"--config-dir=" + at.Dir}}
}

// configureBind: the list is a response policy zone.
func configureBind(at setup) configuration {
	text := lines(
		"options {", fmt.Sprintf("  directory %q; pid-file none; session-keyfile none; lock-file none;", at.Dir),
		fmt.Sprintf("  listen-on port %d { 127.0.0.1; }; listen-on-v6 { none; };", at.Port),
		fmt.Sprintf("  forward only; forwarders port %d { 127.0.0.1; };", at.Upstream),
		fmt.Sprintf("  recursion yes; dnssec-validation no; max-cache-size %d; recursive-clients 2000;", at.Cache.Octets),
		at.withList("  response-policy { zone \"list\"; } qname-wait-recurse no; # %s"),
		"};", "controls { };", "logging { category default { null; }; };",
		at.withList("zone \"list\" { type primary; file %q; allow-query { none; }; };"),
	)
	return configuration{Files: map[string]string{"named.conf": text}, Args: []string{"-f", "-n", "1", "-c", filepath.Join(at.Dir, "named.conf")}}
}
