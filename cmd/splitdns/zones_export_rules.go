package main

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"splitdns/server/config"
	"splitdns/zones"
	"splitdns/zones/export"
	"splitdns/zones/tomlfile"
)

// rulesFlags are the flags of a ruleset, as texts.
type rulesFlags struct {
	clients, ports, resolvers []string
}

// add adds the flags of a ruleset. Those that are no more than a text or a yes go to o.
func (r *rulesFlags) add(f *pflag.FlagSet, o *export.Rules) {
	f.StringSliceVar(&r.clients, "clients", nil, "nft-rules: whom it is for: `PREFIX,...`, or with -c FILE the names of client groups")
	f.StringVar(&o.Ports, "ports", export.DefaultPorts, "nft-rules: ports of each name's `ROWS`, or those of its whole zone: rows, zone")
	f.StringSliceVar(&r.ports, "default-ports", nil, "nft-rules: `PORT,...` as tcp/443 for rows without ports, which are left out else")
	f.BoolVar(&o.Static, "static", false, "nft-rules: published prefixes are open before an answer has brought an address")
	f.BoolVar(&o.Drop, "drop", false, "nft-rules: drop what is denied; else it is rejected")
	f.BoolVar(&o.Input, "input", false, "nft-rules: of the router itself, only DNS, DHCP, NTP and ping")
	f.StringSliceVar(&o.Interfaces, "interface", nil, "nft-rules: `NAME,...` of where the clients' packets come in; else anywhere")
	f.StringSliceVar(&r.resolvers, "resolver", nil, "nft-rules: `ADDRESS,...` of resolvers beyond the router that clients may ask, too; they fill no sets")
	f.BoolVar(&o.Config, "splitdns-config", false, "nft-rules: write the rules of splitdns that fill the sets, not the ruleset")
}

// read reads the texts into o. Client groups are those of a configuration.
func (r *rulesFlags) read(o *export.Rules, from *config.Config) (err error) {
	groups := make([]export.Clients, 0, len(from.Clients))
	for _, g := range from.Clients {
		groups = append(groups, export.Clients(g))
	}
	if o.Clients, err = clientsOf(r.clients, groups); err != nil {
		return fmt.Errorf("--clients: %w", err)
	}
	for _, text := range r.ports {
		port, err := zones.ParsePort(text)
		if err != nil {
			return fmt.Errorf("--default-ports: %w", err)
		}
		o.DefaultPorts = append(o.DefaultPorts, port)
	}
	for _, text := range r.resolvers {
		addr, err := netip.ParseAddr(text)
		if err != nil || addr.Zone() != "" || addr.Is4In6() {
			return fmt.Errorf("--resolver: %q: want an address, as 10.0.0.2 or 2001:db8::2", text)
		}
		o.Resolvers = append(o.Resolvers, addr)
	}
	return nil
}

// clientsOf reads prefixes and the names of client groups, each once.
func clientsOf(texts []string, groups []export.Clients) ([]export.Clients, error) {
	var named, found []export.Clients
	var prefixes []netip.Prefix
	for _, text := range texts {
		i := slices.IndexFunc(groups, func(g export.Clients) bool { return g.Name == text })
		if i >= 0 {
			named = append(named, groups[i])
			continue
		}
		p, err := zones.ParsePrefix(text)
		if err != nil {
			return nil, noClients(text, groups, err)
		}
		if !slices.Contains(prefixes, p) {
			prefixes = append(prefixes, p)
		}
	}
	for _, c := range named {
		if !slices.ContainsFunc(found, func(have export.Clients) bool { return have.Name == c.Name }) {
			found = append(found, c)
		}
	}
	if len(prefixes) > 0 {
		found = append(found, export.Clients{Prefixes: prefixes})
	}
	return found, nil
}

// noClients says what is wrong with text, which is neither a client group nor, because of err, a prefix.
func noClients(text string, groups []export.Clients, err error) error {
	if strings.ContainsAny(text, "/:") || text == "" || zones.CheckName(text) != nil {
		return err
	}
	if len(groups) == 0 {
		return fmt.Errorf("%q is no prefix, and there are no client groups: -c FILE has those of a configuration", text)
	}
	have := make([]string, 0, len(groups))
	for _, g := range groups {
		have = append(have, g.Name)
	}
	hint := "; have " + strings.Join(have, ", ")
	if near := tomlfile.Nearest(text, have); near != "" {
		hint = "; did you mean " + near + "?"
	}
	return fmt.Errorf("%q is no prefix, and there is no [client.%s]%s", text, text, hint)
}
