package config

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"splitdns/server/policy"
	"splitdns/zones"
	"splitdns/zones/tomlfile"
)

// upstreamGroups reads every [upstream.NAME].
func (l *loader) upstreamGroups() {
	for _, t := range l.named("upstream", maxUpstreams) {
		checkName(t)
		l.upstreams.add(t.Name())
		u := Upstream{
			Name:    t.Name(),
			Servers: tomlfile.Each(t.NeedTexts("servers", "192.0.2.53"), l.parseServer),
			Timeout: t.Duration("timeout", defaultTimeout, 100*time.Millisecond, time.Minute),
			Private: private(t),
		}
		l.cfg.Upstreams = append(l.cfg.Upstreams, u)
	}
}

// parseServer reads the address of an upstream server, which must not be ours.
func (l *loader) parseServer(text tomlfile.Text) (netip.AddrPort, error) {
	ap, err := ParseUpstream(text.Value)
	if err != nil {
		return ap, err
	}
	isOurs := func(own netip.AddrPort) bool { return own == ap || ap.Addr().IsLoopback() && covers(own, ap) }
	if i := slices.IndexFunc(l.cfg.Server.Listen, isOurs); i >= 0 {
		return ap, fmt.Errorf("%q: our own address, server.listen has %q; queries would go in a circle", text.Value, l.cfg.Server.Listen[i])
	}
	return ap, nil
}

// clientGroups reads every [client.NAME].
func (l *loader) clientGroups() {
	for _, t := range l.named("client", maxClients) {
		checkName(t)
		l.clients.add(t.Name())
		prefixes := zones.Prefixes(t.NeedTexts("addresses", "192.0.2.0/24"))
		l.cfg.Clients = append(l.cfg.Clients, policy.ClientGroup{Name: t.Name(), Prefixes: prefixes})
	}
}

// checkName records what is wrong with the name of a table.
func checkName(t *tomlfile.Table) {
	if err := zones.CheckName(t.Name()); err != nil {
		t.Problem("", "%v", err)
	}
}
