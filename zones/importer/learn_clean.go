package importer

import (
	"regexp"
	"strings"
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
	}
	w.isTidied = w.clean != before
}

// learnWide are the characters of names and prefixes in East Asian text: full-width
// digits, signs and dots.
const learnWide = `０-９＊＃／＿－。．｡`

// learnToken is a run of what names, prefixes and URLs consist of.
var learnToken = regexp.MustCompile(`[0-9A-Za-z_*#\\.:/` + learnWide + `-]+`)
