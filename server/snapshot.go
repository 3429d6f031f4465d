package server

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"splitdns/server/config"
	"splitdns/server/internal/drift"
	"splitdns/server/internal/metrics"
	"splitdns/server/internal/upstream"
	"splitdns/server/policy"
)

// snapshot is all that a reload replaces: one configuration, compiled. It
// never changes; a query uses one from its first step to its last.
type snapshot struct {
	config    *config.Config
	policy    *policy.Policy
	upstreams map[string]*group
	public    map[string]bool     // the groups whose answers must not hold private addresses
	rates     *rates              // nil without server.rate_limit
	suffixes  *drift.Suffixes     // below which names are remembered that no row covers
	shadow    *shadow             // nil: none
	sets      map[policy.Set]bool // that rules name

	generation uint64 // one more than that of the snapshot before
}

// group is an upstream group as the resolver uses it.
type group struct {
	Exchanger
	config config.Upstream
	id     string // name and servers: answers of other servers are not its answers
	count  *metrics.Exchanges
}

// is reports whether g is the group that u describes.
func (g *group) is(u config.Upstream) bool {
	return g.config.Timeout == u.Timeout && g.config.Strategy == u.Strategy && slices.Equal(g.config.Servers, u.Servers) &&
		slices.Equal(g.config.Bootstrap, u.Bootstrap) && g.config.CA == u.CA
}

// newSnapshot makes a snapshot of c. local is what "local" in server.allow means. Until
// connect it has no upstreams.
func newSnapshot(c *config.Config, local []netip.Prefix) *snapshot {
	allow := c.Server.Allow
	if c.Server.AllowLocal {
		allow = append(slices.Clip(allow), local...)
	}
	return &snapshot{
		config: c, policy: c.Policy.Serving(allow), upstreams: map[string]*group{}, rates: newRates(c.Server.RateLimit),
		suffixes: drift.NewSuffixes(c.Zones, c.Edition), shadow: newShadow(c, allow), sets: setsOf(c),
	}
}

// setsOf are the sets of c.
func setsOf(c *config.Config) map[policy.Set]bool {
	sets := map[policy.Set]bool{}
	for _, named := range c.Sets() {
		sets[named.Set] = true
	}
	return sets
}

// connect gives s its upstream groups. Those that are among old already are taken
// over, with what they know of their servers. The others are left to the queries
// that began with them: see replacedGroups. None may be this server, which listens
// on own, and on what s says once it is started with it.
func (s *snapshot) connect(own []netip.AddrPort, old map[string]*group, dial dialer) error {
	own = slices.Concat(own, s.config.Server.Listen, s.config.TLS.Listen, s.config.TLS.HTTPS)
	groups, err := withSystemResolvers(s.config, own)
	if err != nil {
		return err
	}
	s.public = publicGroups(groups)
	if s.shadow != nil {
		s.shadow.snapshot.public = s.public
	}
	for _, u := range groups {
		if err := notItself(u, own); err != nil {
			return err
		}
		if have, ok := old[u.Name]; ok && have.is(u) {
			s.upstreams[u.Name] = have
			continue
		}
		s.upstreams[u.Name] = &group{Exchanger: dial(u), config: u, id: fmt.Sprint(u.Name, u.Servers)}
	}
	return nil
}

// publicGroups are those of groups whose answers must not hold private addresses.
func publicGroups(groups []config.Upstream) map[string]bool {
	public := make(map[string]bool, len(groups))
	for _, u := range groups {
		public[u.Name] = !u.PrivateAnswers()
	}
	return public
}

// notItself refuses a group that would ask this server, which listens on own.
func notItself(u config.Upstream, own []netip.AddrPort) error {
	for _, s := range u.Servers {
		if isSelf(s.AddrPort(), own) {
			return fmt.Errorf("upstream.%s.servers: %s is this server itself: queries would go in a circle", u.Name, s)
		}
	}
	for _, a := range u.Bootstrap {
		if isSelf(a, own) {
			return fmt.Errorf("upstream.%s.bootstrap: %s is this server itself: queries would go in a circle", u.Name, a)
		}
	}
	return nil
}

// strategies are those of package upstream, as the configuration has them.
var strategies = [...]upstream.Strategy{
	config.Fastest: upstream.Fastest, config.InOrder: upstream.Order, config.Parallel: upstream.Parallel,
}

// transports are those of package upstream, as the configuration has them.
var transports = map[config.Transport]upstream.Transport{
	config.Plain: upstream.Plain, config.OverTCP: upstream.TCP, config.OverTLS: upstream.TLS, config.OverHTTPS: upstream.HTTPS,
}

// dialer makes an upstream group of its configuration.
type dialer func(config.Upstream) Exchanger

// dialUpstream makes the groups of real servers. heard is called when some of their
// queries have ended, report takes what administrators should know of them.
func dialUpstream(heard func(), report func(bad bool, text string)) dialer {
	return func(u config.Upstream) Exchanger {
		o := upstream.Options{Name: u.Name, Timeout: u.Timeout, Strategy: strategies[u.Strategy], Report: report}
		for _, s := range u.Servers {
			o.Servers = append(o.Servers, upstream.Server{
				Addr: s.AddrPort(), Host: s.Host, Bootstrap: u.Bootstrap, Transport: transports[s.Transport],
				TLSName: s.TLSName, CA: u.CA, Path: s.Path, Text: s.String(),
			})
		}
		return upstream.New(o, heard)
	}
}

// close closes the upstream groups of s.
func (s *snapshot) close() {
	for _, g := range s.upstreams {
		g.Close()
	}
}

// admin reports whether client may ask what others looked up.
func (s *snapshot) admin(client netip.Addr) bool {
	return slices.ContainsFunc(s.config.Server.Admins, func(p netip.Prefix) bool { return p.Contains(client) })
}

// withSystemResolvers returns the groups of c, with the system's resolvers as
// the default group where c has none. This server, which listens on own, is none of them.
func withSystemResolvers(c *config.Config, own []netip.AddrPort) ([]config.Upstream, error) {
	if slices.ContainsFunc(c.Upstreams, func(u config.Upstream) bool { return u.Name == policy.DefaultUpstream }) {
		return c.Upstreams, nil
	}
	servers, err := systemResolvers(resolvConf, own)
	if err != nil {
		return nil, fmt.Errorf("no [upstream.default]: %w", err)
	}
	system := config.Upstream{Name: policy.DefaultUpstream, Servers: config.PlainServers(servers), Timeout: config.DefaultUpstreamTimeout}
	return append(slices.Clip(c.Upstreams), system), nil
}

// summary says in a line what s runs on.
func (s *snapshot) summary() string {
	rows, patterns := 0, 0
	for _, z := range s.config.Zones {
		rows += len(z.Rows)
		for i := range z.Rows {
			patterns += z.Rows[i].Patterns.Len()
		}
	}
	var rules []string
	for _, r := range s.config.Rules {
		rules = append(rules, r.Name)
	}
	return fmt.Sprintf("edition %s: %d zones, %d rows, %d patterns; rules: %s; config %s",
		s.config.Edition, len(s.config.Zones), rows, patterns, strings.Join(rules, ", "), s.config.Digest)
}
