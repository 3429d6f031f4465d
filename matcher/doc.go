// Package matcher finds the patterns that match a name.
//
// A [Name] is a domain name in wire form, a [Pattern] is what a zone's row or a
// rule matches names with, and a [Matcher] holds many patterns, each with a value.
// [Matcher.Lookup] returns the values of every pattern that matches, most specific
// first, from the octets of a packet and without allocating. The package knows no
// DNS message, no rule and no file.
//
// # The trie
//
// The patterns form a trie of labels, read from the right. It is flattened into
// one Go map: a node is found by its suffix, the literal labels from the node to
// the root, in wire form and lower case. Every ancestor of a node is in the map
// too, as a marker without entries where no pattern ends there. A lookup folds the
// name into a buffer on the stack and asks for one suffix after the other, from
// the root to the left, until one does not exist: nothing longer can exist then,
// so a name that matches nothing is usually refused after two or three questions.
//
// A node's entries lie next to each other in one slice, the least specific first.
// An entry stands for a pattern whose literal labels end at this node. What is
// left of the pattern, its tail, begins with a label that holds a range or a star;
// it is compared label by label, and is empty for most patterns. Since the walk
// meets the entries from the least to the most specific, no lookup sorts:
// reversing what it found gives the order that [Pattern.Compare] describes.
//
// # Why a map
//
// Measured beside it with 200 to a million patterns were the matchers of other
// resolvers and proxies: minimal perfect hashes, succinct and qp-tries, tries of
// maps, pairs of maps under a lock, scans and regular expressions. A plain map of
// suffixes was ahead in most cells of the table, at 20 to 60 ns for 200
// patterns, and it was built several times faster. Walking from the root, rather than
// asking for the longest suffix first, costs a name that hits some 40 ns among 200
// patterns and 130 among a million. It takes a third off a miss among a million, and it
// passes every matching pattern on its way: all of them are wanted. The price is
// memory, about 100 octets for each pattern.
//
// Turned down:
//   - Succinct tries. They take 12 to 17 octets for each pattern, but 1 to 5
//     microseconds for a lookup among a million.
//   - A flat hash table of our own with one-octet tags and fingerprints. It takes
//     13 to 33 octets and halves a miss among a million patterns, is no faster
//     below a hundred thousand, and is several times the code.
//   - Spelling out small ranges as literal names. It makes one kind of pattern
//     faster that is rare and cheap already, and a range would have to be kept
//     ranking below the literal that it coincides with. A range stays one entry
//     whatever its width.
//
// The map's hash is seeded by the runtime for each map, so nobody outside can
// choose names that collide.
//
// Tails of one node are compared one after the other. Patterns with ranges and
// stars are few under one suffix in every published list. A list made to do harm may
// hold any number: [Matcher.Widest] counts them, and [MaxTails] says how many are too
// many. Turned down is an index of tails by the literals that they begin or end with:
// patterns such as *.a*1*b agree in both, and the order of results would have to be
// restored.
package matcher
