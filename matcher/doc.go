// Package matcher finds the patterns that match a name.
//
// A [Name] is a domain name in wire form, a [Pattern] is what a zone's row or a
// rule matches names with, a [List] holds patterns in a row, and a [Matcher] holds
// many patterns, each with a value. [Matcher.Lookup] returns every pattern that
// matches, most specific first, from the octets of a packet and without allocating.
// The package knows no DNS message, no rule and no file.
//
// # Each name once
//
// A list of a million names is the largest thing in the program. Its names lie one behind
// another, in wire form, in chunks that no collector has to search. A Matcher that is made
// with a list holds on to the list's chunks; and since the end of a name in wire form is a
// name too, the place of a suffix is a place inside a name. So zone, policy and matcher share
// one copy. A pattern of a list takes some 38 octets in all of them together, 15 of these for
// the table, and a pattern without ranges and stars has no text until somebody asks for it.
//
// Patterns of a list come with one value, and the value, rather than a number for each
// pattern, says where they stand; which of them matched, the lookup returns. So nodes need not
// have entries of their own: those whose patterns came with the same values share them.
//
// # The trie
//
// The patterns form a trie of labels, read from the right. It is flattened into
// one hash table: a node is found by its suffix, the literal labels from the node to
// the root, in wire form and lower case. Every ancestor of a node is in the table
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
// # Why a table of our own
//
// Measured beside it with 200 to a million patterns were the matchers of other
// resolvers and proxies: minimal perfect hashes, succinct and qp-tries, tries of
// maps, pairs of maps under a lock, scans and regular expressions. A plain Go map of
// suffixes was ahead of them in most cells of the measurements, and this package had one
// until lists of a million names came. The table takes the same time with 200
// patterns, four fifths of it with ten thousand, half with a hundred thousand and two
// thirds to all of it with a million; where nothing matches among a million, 0.6 times. It
// takes 38 octets for each pattern where the map took 94. The price is a hundred lines.
// The plain map, asked for the longest suffix first, is still the oracle of the tests.
//
// Walking from the root costs a name that hits some 40 ns among 200 patterns and 130 among a
// million, against asking for the longest suffix first. It takes a third off a miss, and it
// passes every matching pattern on its way: all of them are wanted.
//
// Turned down:
//   - Succinct tries. They take 12 to 17 octets for each pattern, but 1 to 5
//     microseconds for a lookup among a million.
//   - A fingerprint of 32 bits beside each tag. It would save a look at a wrong name in one
//     lookup of twenty, for four octets or more for each pattern.
//   - Nodes that hold their parent's place and one label, rather than a place in a name. They
//     would take less for many hosts of one domain, but a list would have to be read into the
//     very table that it ends up in, with those of all other zones.
//   - Spelling out small ranges as literal names. It makes one kind of pattern
//     faster that is rare and cheap already, and a range would have to be kept
//     ranking below the literal that it coincides with. A range stays one entry
//     whatever its width.
//
// Each table has a hash of its own, seeded by chance, so nobody outside can
// choose names that collide.
//
// Tails of one node are compared one after the other. Patterns with ranges and
// stars are few under one suffix in every published list. A list made to do harm may
// hold any number: [Matcher.Widest] counts them, and [MaxTails] says how many are too
// many. Turned down is an index of tails by the literals that they begin or end with:
// patterns such as *.a*1*b agree in both, and the order of results would have to be
// restored.
package matcher
