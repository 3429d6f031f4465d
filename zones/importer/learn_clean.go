package importer

import (
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Words are printed with what does not belong to them: full-width characters, marks of
// footnotes, emphasis. They are read without, and that is noted.

// narrow makes the full-width forms of ASCII characters plain, but for the full stop: that
// is noted where names are read.
func narrow(s string) string {
	return strings.Map(func(c rune) rune {
		if c >= '！' && c <= '～' && c != '．' {
			return c - '！' + '!'
		}
		return c
	}, s)
}

// narrowAddress makes the full-width characters and the dots of East Asian text plain.
func narrowAddress(s string) string { return eastDots.Replace(narrow(s)) }

// tidyWord makes w.clean plain where that makes an address or a name of it.
func (w *word) tidyWord() {
	before := w.clean
	w.clean = narrow(w.clean)
	if address := eastDots.Replace(w.clean); isPrefixShape(address) {
		w.clean = address
	} else if shapeOf(w.clean) == aWord {
		w.clean = unmarked(w.clean)
	}
	w.isTidied = w.clean != before
}

// footnotes are marks behind a name that refer to a remark.
const footnotes = "*†‡§¹²³⁴⁵⁶⁷⁸⁹⁰"

// unmarked is a name without the mark of a footnote behind it, or without emphasis around
// it; s itself if that is no name.
func unmarked(s string) string {
	name := strings.TrimRight(s, footnotes)
	for _, emphasis := range []string{"_", "*"} {
		if inner := strings.Trim(s, emphasis); strings.HasPrefix(s, emphasis) && strings.HasSuffix(s, emphasis) {
			name = inner
		}
	}
	if strings.HasSuffix(name, ".") || shapeOf(name) == aWord {
		return s
	}
	return name
}

// learnWide are the characters of names and prefixes in East Asian text: full-width
// digits, signs and dots.
const learnWide = `０-９＊＃／＿－。．｡`

// learnToken is a run of what names, prefixes and URLs consist of, and of the letters of
// scripts that put spaces between words: with them a name ends no sooner.
var learnToken = regexp.MustCompile(`[0-9A-Za-z\p{Latin}\p{Greek}\p{Cyrillic}\p{M}_*#\\.:/` + learnWide + `-]+`)

// isForeign says whether c is a letter, or a mark on one, that no name on the wire has.
func isForeign(c rune) bool { return c >= utf8.RuneSelf && (unicode.IsLetter(c) || unicode.IsMark(c)) }

// foreignToLetter makes any letter one that names have, in order to look at the shape.
func foreignToLetter(c rune) rune {
	if isForeign(c) {
		return 'x'
	}
	return c
}

// learnApart is an address with its length, with spaces or backticks around the slash.
var learnApart = regexp.MustCompile("([0-9A-Fa-f:.。．｡０-９]+)([`\\s*]*[/／][`\\s*]*)([0-9.]+)")

// joinLengths joins addresses and lengths that stand apart, for the address alone would be
// another prefix; and says which.
func joinLengths(text string) (joined string, found []string) {
	joined = learnApart.ReplaceAllStringFunc(text, func(apart string) string {
		m := learnApart.FindStringSubmatch(apart)
		length, err := strconv.ParseUint(strings.TrimRight(m[3], "."), 10, 8)
		if strings.Trim(m[2], "/／") == "" || err != nil || length > 128 || !isPrefixShape(narrowAddress(m[1])) {
			return apart
		}
		found = append(found, apart)
		return m[1] + "/" + strings.TrimRight(m[3], ".") + strings.Repeat("`", strings.Count(m[2], "`")%2)
	})
	return joined, found
}
