package importer

import (
	"cmp"
	"net/netip"
	"slices"

	"splitdns/matcher"
	"splitdns/zones"
)

// Learn prints names and prefixes twice: in tables beside what they are for, and in a
// consolidated list for firewalls. The copies contradict each other. What either has is
// taken over, and each difference is noted, for one of the two is a mistake.

// leastCopy is how many entries a list has at least that should have all of the tables.
const leastCopy = 10

// mostCopies is how many lists are compared with the tables so. Pages have two, one of
// names and one of prefixes.
const mostCopies = 8

// originals is the first places of names and prefixes.
type originals struct {
	names    map[string]*printed
	prefixes map[netip.Prefix]*printed
	compared int // lists
}

// put adds what p has.
func (o *originals) put(p *printed) {
	for _, n := range p.names {
		if text := n.value.String(); o.names[text] == nil {
			o.names[text] = p
		}
	}
	for _, prefix := range p.prefixes {
		if o.prefixes[prefix.value] == nil {
			o.prefixes[prefix.value] = p
		}
	}
}

// has counts the entries of p that are known.
func (o *originals) has(p *printed) (n int) {
	for _, name := range p.names {
		if o.names[name.value.String()] != nil {
			n++
		}
	}
	for _, prefix := range p.prefixes {
		if o.prefixes[prefix.value] != nil {
			n++
		}
	}
	return n
}

// joinCopies takes the lists out of p.printed that repeat what stands elsewhere. Lists
// that stand for themselves are small, and consolidated ones large: so the small ones are
// looked at first.
func (p *learnPage) joinCopies() {
	known := originals{names: make(map[string]*printed), prefixes: make(map[netip.Prefix]*printed)}
	var kept, lists []*printed
	for _, row := range p.printed {
		if row.isRow {
			known.put(row)
			kept = append(kept, row)
		} else {
			lists = append(lists, row)
		}
	}
	slices.SortStableFunc(lists, func(a, b *printed) int { return cmp.Compare(a.size(), b.size()) })
	for _, list := range lists {
		if 2*known.has(list) <= list.size() {
			known.put(list)
			kept = append(kept, list)
			continue
		}
		if rest := p.joinCopy(list, &known); rest != nil {
			known.put(rest)
			kept = append(kept, rest)
		}
	}
	p.printed = kept
}

// joinCopy notes how list differs from what is known, and returns the names that only it
// has, as a row; nil if there are none. Prefixes that only it has are added to the row
// that has most of the others.
func (p *learnPage) joinCopy(list *printed, known *originals) *printed {
	p.note(list.line, Normalised, "a list that repeats: of %d names and prefixes the page has %d elsewhere",
		list.size(), known.has(list))
	if known.compared < mostCopies && list.size() >= leastCopy {
		known.compared++
		p.missing(list, known)
	}
	rest := &printed{line: list.line, section: list.section, ports: list.ports, purpose: list.purpose, optional: true, isRest: true}
	for _, n := range list.names {
		if known.names[n.value.String()] != nil {
			continue
		}
		p.note(n.line, Doubted, "%q stands only in the list of line %d, not in what it repeats; taken over as not required", n.value, list.line)
		rest.names = append(rest.names, n)
	}
	rest.prefixes = p.joinPrefixes(list, known)
	if rest.size() == 0 {
		return nil
	}
	if len(rest.names) > 0 {
		rest.line = rest.names[0].line
	}
	return rest
}

// joinPrefixes adds the prefixes that only list has to the row that has most of its others.
// Where no row has any of them, it returns them.
func (p *learnPage) joinPrefixes(list *printed, known *originals) (rest []spot[netip.Prefix]) {
	target := known.mostOf(list)
	if target == nil {
		return list.prefixes
	}
	for _, prefix := range list.prefixes {
		if known.prefixes[prefix.value] != nil {
			continue
		}
		p.note(prefix.line, Doubted, "%s stands only in the list of line %d, not in the row of line %d: taken over for that row",
			zones.PrefixText(prefix.value), list.line, target.line)
		target.prefixes = append(target.prefixes, prefix)
		known.prefixes[prefix.value] = target
	}
	return nil
}

// mostOf is the row that has most of the prefixes of list; nil if none has any.
func (o *originals) mostOf(list *printed) *printed {
	count := make(map[*printed]int)
	var best *printed
	for _, prefix := range list.prefixes {
		row := o.prefixes[prefix.value]
		if row == nil {
			continue
		}
		if count[row]++; best == nil || count[row] > count[best] {
			best = row
		}
	}
	return best
}

// missing notes what the tables have that list lacks: of names, if it has most of them,
// and of prefixes likewise.
func (p *learnPage) missing(list *printed, known *originals) {
	var b matcher.Builder[struct{}]
	for _, n := range list.names {
		b.Add(n.value, struct{}{})
	}
	names := b.Build()
	has := make(map[netip.Prefix]bool, len(list.prefixes))
	for _, prefix := range list.prefixes {
		has[prefix.value] = true
	}
	for _, row := range p.printed {
		if !row.isRow {
			continue
		}
		if 2*len(list.names) > len(known.names) {
			p.missingNames(row, list.line, names)
		}
		if 2*len(list.prefixes) > len(known.prefixes) {
			p.missingPrefixes(row, list.line, has)
		}
	}
}

// missingNames notes the names of row that no pattern of the list has.
func (p *learnPage) missingNames(row *printed, list int, names *matcher.Matcher[struct{}]) {
	for _, n := range row.names {
		if len(names.Lookup(nil, []byte(n.value.Example().Wire()))) == 0 {
			p.note(n.line, Doubted, "%q stands here, but not in the list of line %d", n.value, list)
		}
	}
}

// missingPrefixes notes the prefixes of row that the list does not have.
func (p *learnPage) missingPrefixes(row *printed, list int, has map[netip.Prefix]bool) {
	for _, prefix := range row.prefixes {
		if !has[prefix.value] {
			p.note(prefix.line, Doubted, "%s stands here, but not in the list of line %d", zones.PrefixText(prefix.value), list)
		}
	}
}
