package server

import (
	"fmt"
	"net/netip"

	"splitdns/server/internal/wire"
	"splitdns/server/policy"
)

// lessPrivate is o, which lacks those private addresses, with a word about them.
func (s *snapshot) lessPrivate(o Outcome, private []netip.Addr, d policy.Decision) Outcome {
	if len(private) == 0 {
		return o
	}
	o.Private = private
	o.Notes = append(o.Notes, s.privateNote(private, d))
	if !o.Changed {
		o.Changed, o.Code = true, wire.EDEFiltered
	}
	return o
}

// withoutPrivate is m without private addresses, which are given too, wherever they stand
// in it. That protects against DNS rebinding: servers out in the world have nothing to say
// about machines in here, but whoever owns a name can have them say so, and his pages in a
// browser are then of one origin with the machine. It costs an answer without such
// addresses no allocation.
func (s *snapshot) withoutPrivate(m wire.Message, d policy.Decision) (kept wire.Message, private []netip.Addr) {
	if !s.guards(d) {
		return m, nil
	}
	for _, a := range m.Addresses() {
		if s.policy.PrivateKind(a) != "" {
			private = append(private, a)
		}
	}
	if len(private) == 0 {
		return m, nil
	}
	kept, _ = m.WithoutAddresses(among(private))
	if kept.Empty() && !m.Empty() {
		kept = kept.WithSOA(ownTTL)
	}
	return kept, private
}

// guards reports whether answers from the group of d must not hold private addresses: a
// rule says so, or else the group does.
func (s *snapshot) guards(d policy.Decision) bool {
	if d.Private != policy.PrivateUnset {
		return d.Private == policy.PrivateRemoved
	}
	return s.public[d.Upstream]
}

// privateNote is the extended error for the addresses that were removed: what they are,
// and how they are let through.
func (s *snapshot) privateNote(private []netip.Addr, d policy.Decision) wire.EDE {
	first, more := private[0], ""
	if len(private) > 1 {
		more = fmt.Sprintf(" and %d more", len(private)-1)
	}
	text := fmt.Sprintf("private address %s (%s)%s from upstream %s removed; to allow it: private_answers = true in a rule for the name, or in [upstream.%s]",
		first, s.policy.PrivateKind(first), more, d.Upstream, d.Upstream)
	return wire.EDE{Code: wire.EDEFiltered, Text: text}
}
