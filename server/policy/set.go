package policy

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// A Set names an nftables set: the family and the name of its table, and its own name.
type Set struct {
	Family, Table, Name string
}

// families are those of nftables, as nft has the words.
var families = []string{"inet", "ip", "ip6", "bridge", "netdev", "arp"}

// maxSetWord is the longest name of a table or a set that Linux takes, in octets
// (NFT_NAME_MAXLEN, without the octet that ends it).
const maxSetWord = 255

// errSet says what `sets` takes.
var errSet = errors.New(`want the family and the name of a table, and the name of a set, such as "inet filter mdm4"`)

// ParseSet reads a set as nft writes it, "inet filter mdm4".
func ParseSet(s string) (Set, error) {
	words := strings.Fields(s)
	if len(words) != 3 {
		return Set{}, fmt.Errorf("%q: %w", s, errSet)
	}
	if !slices.Contains(families, words[0]) {
		return Set{}, fmt.Errorf("%q: no family %q: want one of %s", s, words[0], strings.Join(families, ", "))
	}
	for _, word := range words[1:] {
		if !isSetWord(word) {
			return Set{}, fmt.Errorf("%q: %q is no name that nft takes: want a letter, then letters, digits and / \\ _ . -, at most %d", s, word, maxSetWord)
		}
	}
	return Set{Family: words[0], Table: words[1], Name: words[2]}, nil
}

// isSetWord reports whether word can be the name of a table or of a set, as nft(8) has them under
// LEXICAL CONVENTIONS.
func isSetWord(word string) bool {
	isLetter := func(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }
	if len(word) > maxSetWord || !isLetter(word[0]) && word[0] != '_' && word[0] != '.' {
		return false
	}
	for i := range len(word) {
		if c := word[i]; !isLetter(c) && (c < '0' || c > '9') && !strings.ContainsRune(`/\_.-`, rune(c)) {
			return false
		}
	}
	return true
}

// String is the set as nft writes it.
func (s Set) String() string { return s.Family + " " + s.Table + " " + s.Name }

// Token is the set without a space, for lines of words: "inet#filter#mdm4". No name has a #.
func (s Set) Token() string { return s.Family + "#" + s.Table + "#" + s.Name }

// Compare orders sets as their text.
func (s Set) Compare(t Set) int {
	return cmp.Or(cmp.Compare(s.Family, t.Family), cmp.Compare(s.Table, t.Table), cmp.Compare(s.Name, t.Name))
}
