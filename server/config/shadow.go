package config

import (
	"slices"
	"strings"

	"splitdns/server/policy"
	"splitdns/zones"
	"splitdns/zones/tomlfile"
)

// Shadow is a set of zones beside the one in force: what answers would be by it is
// judged and counted, and never acted on.
type Shadow struct {
	Edition string         // of its bundled zones; may be the one in force
	Pending []string       // the zones that differ from those of Edition and one's own, each with what it is; sorted
	Zones   []*zones.Zone  // all, by name
	Policy  *policy.Policy // what they come to with the rules in force
}

// Text says what s is, in a few words: "edition 2020-09-08".
func (s *Shadow) Text() string {
	words := []string{"edition " + s.Edition}
	return strings.Join(append(words, s.Pending...), ", ")
}

// shadow reads zones.shadow. It comes after the rules.
func (l *loader) shadow() {
	text, ok := l.file.Table("zones").Text("shadow")
	if !ok || text.Value == "" {
		if len(l.cfg.Pending) > 0 {
			l.addShadow(l.cfg.Edition, l.cfg.Pending)
		}
		return
	}
	if !slices.Contains(zones.Editions(), text.Value) {
		text.Problem("no edition %q; have %s", text.Value, strings.Join(zones.Editions(), ", "))
		return
	}
	if text.Value == l.cfg.Edition {
		text.Warn("%s is the edition in force: there is nothing to compare; leave this out, or name another edition", text.Value)
		return
	}
	l.addShadow(text.Value, l.cfg.Pending)
	if l.cfg.Shadow != nil {
		l.lacksInShadow(text)
	}
}

// lacksInShadow warns of zones that rules name and the edition of text does not have.
func (l *loader) lacksInShadow(text tomlfile.Text) {
	for i := range l.cfg.Rules {
		r := &l.cfg.Rules[i]
		for _, name := range r.Zones {
			if !hasZone(l.cfg.Shadow.Zones, name) && hasZone(l.cfg.Zones, name) {
				text.Warn("edition %s has no zone %q, which rule.%s names: there the rule matches nothing by it", text.Value, name, r.Name)
			}
		}
	}
}

// addShadow adds the shadow of the bundled zones of an edition, one's own zones, and
// those of pending in the place of others of their names, if the configuration is good so far.
func (l *loader) addShadow(edition string, pending []*zones.Zone) {
	if l.file.Failed() > 0 {
		return
	}
	bundled, err := zones.Bundled(edition)
	if err != nil {
		l.file.Table("zones").Problem("shadow", "%v", err)
		return
	}
	s := &Shadow{Edition: edition, Zones: replaced(replaced(bundled, l.own), pending)}
	for _, z := range pending {
		s.Pending = append(s.Pending, strings.TrimSpace("zone "+z.Name+" "+z.Edition))
	}
	slices.Sort(s.Pending)
	s.Policy = policy.New(l.policyInput(s.Zones))
	l.cfg.Shadow = s
}

// policyInput is what a policy on those zones is made of.
func (l *loader) policyInput(loaded []*zones.Zone) policy.Input {
	return policy.Input{
		Zones: loaded, Rules: l.cfg.Rules, Clients: l.cfg.Clients, Allow: l.cfg.Server.Allow,
		NAT64: l.cfg.Server.NAT64, StrictFamilies: l.cfg.Server.StrictFamilies,
	}
}

// replaced is zones with others in the place of those of their names, by name.
func replaced(all, others []*zones.Zone) []*zones.Zone {
	all = slices.DeleteFunc(slices.Clone(all), func(z *zones.Zone) bool { return hasZone(others, z.Name) })
	all = append(all, others...)
	slices.SortFunc(all, func(a, b *zones.Zone) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// hasZone says whether a zone of that name is among all.
func hasZone(all []*zones.Zone, name string) bool {
	return slices.ContainsFunc(all, func(z *zones.Zone) bool { return z.Name == name })
}
