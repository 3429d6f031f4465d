package main

import "splitdns/matcher"

// ours is the matcher of splitdns.
var ours = candidate{Name: "splitdns", Returns: "all IDs, octets", Build: buildOurs}

// buildOurs takes the first of the IDs found, that of the most specific rule.
func buildOurs(rules []rule) find {
	var b matcher.Builder[int32]
	for i, r := range rules {
		b.Add(r.pattern, int32(i))
	}
	m := b.Build()
	found := make([]matcher.Match[int32], 0, 16)
	return func(q *query) int32 {
		found = m.Lookup(found[:0], q.wire)
		if len(found) == 0 {
			return none
		}
		return found[0].Value
	}
}
