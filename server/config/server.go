package config

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"splitdns/zones"
	"splitdns/zones/tomlfile"
)

// allowLocal is the word for the networks around the machine.
const allowLocal = "local"

// server reads [server].
func (l *loader) server() {
	t := l.file.Table("server")
	s := &l.cfg.Server
	s.Listen = listenAddresses(t.SomeTexts("listen", defaultListen...), dnsPort, nil)
	s.ListenByDefault = !t.Has("listen")
	l.allow(t)
	s.Admins = zones.Prefixes(t.Texts("admins", defaultAdmins...))
	s.Annotate = Annotate(t.OneOf("annotate", annotateWords...))
	s.StrictFamilies = t.OneOf("pin_families", "pass", "strict") == 1
	s.NAT64 = nat64(t.Texts("nat64", defaultNAT64...))
	s.HideIdentity = t.Bool("hide_identity", false)
	if s.Control = l.control(t); s.Control != "" {
		text, _ := t.Text("control")
		folder(text, s.Control)
	}
	s.State = l.state(t)
	s.KeepClients = t.Bool("keep_clients", false)
	s.QueriesInFlight = t.Int("queries_in_flight", defaultQueriesInFlight, 1, 1_000_000)
	s.TCPConnections = t.Int("tcp_connections", defaultTCPConnections, 1, 100_000)
	s.TCPIdle = t.Duration("tcp_idle", defaultTCPIdle, time.Second, time.Hour)
	s.Drain = t.Duration("drain", defaultDrain, 0, 5*time.Minute)
	// 512 octets is what every resolver must take (RFC 6891, section 6.2.3).
	s.UDPSize = t.Int("udp_size", defaultUDPSize, 512, 4096)
	s.UDPHold = t.Duration("udp_hold", defaultUDPHold, 0, 10*time.Millisecond)
	s.Cookies = t.Bool("cookies", true)
	s.RateLimit = t.Int("rate_limit", 0, 0, 1_000_000)
	setKeys(t, s)
}

// allow reads who is served.
func (l *loader) allow(t *tomlfile.Table) {
	texts := t.SomeTexts("allow", defaultAllow...)
	isLocal := func(text tomlfile.Text) bool { return text.Value == allowLocal }
	l.cfg.Server.AllowLocal = slices.ContainsFunc(texts, isLocal)
	rest := slices.DeleteFunc(slices.Clone(texts), isLocal)
	l.cfg.Server.Allow = tomlfile.Each(rest, func(text tomlfile.Text) (netip.Prefix, error) {
		p, err := zones.ParsePrefix(text.Value)
		switch {
		case err == nil && p.Bits() == 0:
			text.Warn("%q serves the whole internet: an open resolver is used for attacks on others", text.Value)
		case err != nil && !strings.ContainsAny(text.Value, ".:/"):
			err = fmt.Errorf("%q: want %q, addresses or prefixes; everybody is \"0.0.0.0/0\" and \"::/0\", which makes an open resolver", text.Value, allowLocal)
		}
		return p, err
	})
}

// nat64 reads prefixes of the lengths that RFC 6052, section 2.2, gives them.
func nat64(texts []tomlfile.Text) []netip.Prefix {
	return tomlfile.Each(texts, func(text tomlfile.Text) (netip.Prefix, error) {
		p, err := zones.ParsePrefix(text.Value)
		if err == nil && (!p.Addr().Is6() || !slices.Contains([]int{32, 40, 48, 56, 64, 96}, p.Bits())) {
			err = fmt.Errorf("%q: want an IPv6 prefix of 32, 40, 48, 56, 64 or 96 bits", text.Value)
		}
		return p, err
	})
}

// cache reads [cache].
func (l *loader) cache() {
	t := l.file.Table("cache")
	l.cfg.Cache = Cache{
		Entries:        t.Int("entries", defaultEntries, 1, 100_000_000),
		Memory:         int64(t.Int("memory", defaultMemory, 1, 65_536)) << 20,
		MaxTTL:         t.Duration("max_ttl", defaultMaxTTL, time.Second, maxTTL),
		MaxNegativeTTL: t.Duration("max_negative_ttl", defaultMaxNegativeTTL, time.Second, maxTTL),
		// RFC 9520, section 3.2: 5 minutes at most.
		FailureTTL: t.Duration("failure_ttl", defaultFailureTTL, time.Second, 5*time.Minute),
		Stale:      t.Duration("stale", defaultStale, 0, maxTTL),
		Prefetch:   t.Bool("prefetch", true),
	}
}

// maxTTL is the longest time to live that can be asked for (RFC 8767, section 4, recommends a week).
const maxTTL = 7 * 24 * time.Hour

// log reads [log].
func (l *loader) log() {
	l.cfg.Log.Queries = defaultQueries
	text, ok := l.file.Table("log").Text("queries")
	switch {
	case !ok:
	case text.Value == LogStdout || text.Value == LogOff:
		l.cfg.Log.Queries = text.Value
	case !strings.ContainsAny(text.Value, "./"):
		text.Problem("%q: want %q, %q or a file, such as \"queries.log\"", text.Value, LogStdout, LogOff)
	default:
		l.cfg.Log.Queries = absolute(l.resolve(text.Value))
		folder(text, l.cfg.Log.Queries)
	}
}
