package localzone

import (
	"strings"

	"splitdns/matcher"
	"splitdns/server/internal/wire"
)

// A Zone is one zone file, ready to answer. It never changes.
type Zone struct {
	name   string // of its table
	origin matcher.Name
	nodes  map[string]*node // by name in wire form, empty non-terminals too
	soa    wire.Record      // as it goes with negative answers
	size   int              // records that were read
}

// Origin is the name that the zone is about.
func (z *Zone) Origin() matcher.Name { return z.origin }

// node is what stands at one name; an empty non-terminal has nothing.
type node struct {
	sets []rrset
	line int // of the last record that was added
}

// rrset is the records of one name and type. It is never empty.
type rrset []wire.Record

// of is the RRset of type t, nil if there is none.
func (n *node) of(t wire.Type) rrset {
	if n == nil {
		return nil
	}
	for _, set := range n.sets {
		if set[0].Type() == t {
			return set
		}
	}
	return nil
}

// answer is RFC 1034, section 4.3.2, step 3, from the zone's own name down: a delegation or
// a DNAME on the way, then what stands at the name, then a wildcard.
func (z *Zone) answer(name matcher.Name, t wire.Type) found {
	encloser := "" // the longest name that exists and is name or above it (RFC 4592, section 3.3.1)
	for _, suffix := range z.down(name) {
		n := z.nodes[suffix]
		if n == nil {
			break
		}
		encloser = suffix
		if f, ok := z.leads(n, suffix, name, t); ok {
			return f
		}
	}
	if encloser == name.Wire() {
		return z.at(z.nodes[encloser], name, t)
	}
	if wildcard := z.nodes["\x01*"+encloser]; wildcard != nil {
		if set := wildcard.of(wire.TypeNS); set != nil {
			return found{zone: z.name, delegation: set[0].Name()}
		}
		return z.at(wildcard, name, t)
	}
	return found{zone: z.name, rcode: wire.NXDomain, soa: z.soa}
}

// leads says where n, which is at suffix, leads name: to servers elsewhere or to another name,
// if to anything.
func (z *Zone) leads(n *node, suffix string, name matcher.Name, t wire.Type) (f found, ok bool) {
	isName := suffix == name.Wire()
	if set := n.of(wire.TypeNS); set != nil && suffix != z.origin.Wire() && !(isName && t == wire.TypeDS) {
		return found{zone: z.name, delegation: set[0].Name()}, true
	}
	if set := n.of(wire.TypeDNAME); set != nil && !isName {
		return z.redirected(set, name), true
	}
	return found{}, false
}

// down is the zone's own name, then what lies between, then name, each in wire form.
func (z *Zone) down(name matcher.Name) []string {
	var up [128]string
	i := len(up)
	for suffix := name.Wire(); ; suffix = suffix[1+int(suffix[0]):] {
		i--
		up[i] = suffix
		if len(suffix) == len(z.origin.Wire()) {
			return up[i:]
		}
	}
}

// at is what n says about name: itself, or the wildcard that covers it.
func (z *Zone) at(n *node, name matcher.Name, t wire.Type) found {
	f := found{zone: z.name}
	if t == wire.TypeANY && len(n.sets) > 0 {
		f.records = []wire.Record{wire.AnyRecord(name, z.soa.TTL())} // RFC 8482, section 4.2
		return f
	}
	if set := n.of(t); set != nil {
		f.records = set.owned(name)
		return f
	}
	if set := n.of(wire.TypeCNAME); set != nil {
		f.records = set.owned(name)
		f.next, _ = set[0].Target()
		return f
	}
	f.soa = z.soa
	return f
}

// redirected is what a DNAME above name makes of it (RFC 6672, section 3.2).
func (z *Zone) redirected(set rrset, name matcher.Name) found {
	f := found{zone: z.name, records: set}
	cname, ok := set[0].CNAMEFor(name)
	if !ok {
		f.rcode = wire.YXDomain
		return f
	}
	f.records = []wire.Record{set[0], cname}
	f.next, _ = cname.Target()
	return f
}

// owned is the set as name's own.
func (set rrset) owned(name matcher.Name) []wire.Record {
	if set[0].Name() == name {
		return set
	}
	own := make([]wire.Record, len(set))
	for i, r := range set {
		own[i] = r.WithName(name)
	}
	return own
}

// covers reports whether name is the zone's or below it.
func (z *Zone) covers(name matcher.Name) bool {
	return strings.HasSuffix(name.Wire(), z.origin.Wire()) && (name == z.origin || name.Below(z.origin))
}
