package importer

import (
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// shape is what a word looks like.
type shape uint8

const (
	aWord     shape = iota
	aName           // or a pattern
	aPrefix         // or an address
	aNumbered       // a name in which # stands for a number
	aFile           // shaped like a name, but ending as files do
)

// word is a word of a segment.
type word struct {
	text    string // as printed, without punctuation around it
	clean   string // a name or a prefix, as it is to be read
	shape   shape
	ticked  bool   // printed as code
	isLabel bool   // a colon follows
	isURL   bool   // clean is its host
	rest    string // the path of a URL
	port    string // behind a name or an address

	isTidied bool // clean is without characters or marks that text has
}

// isEndpoint says whether w is something that a row has.
func (w *word) isEndpoint() bool {
	return w.shape == aName || w.shape == aPrefix || w.shape == aNumbered
}

// readWords splits a segment at spaces and commas. Backticks stand in pairs, but for
// stray ones.
func readWords(text string) []word {
	var words []word
	for i, part := range strings.Split(strings.ReplaceAll(text, "**", ""), "`") {
		for _, field := range strings.FieldsFunc(part, isSeparator) {
			w, ok := readWord(field)
			if ok {
				w.ticked = i%2 == 1
				words = append(words, w)
			} else if len(words) > 0 && strings.ContainsAny(field, ":：") { // a remark stood before it
				words[len(words)-1].isLabel = true
			}
		}
	}
	return words
}

// isSeparator says whether c stands between words.
func isSeparator(c rune) bool {
	return unicode.IsSpace(c) || strings.ContainsRune(",;、，；\u200b", c)
}

// Punctuation that stands around words, of several languages.
const (
	around = `'"“”‘’„«»「」『』()（）[]<>《》!?！？。·`
	behind = around + ".:："
)

// readWord tells the shape of a word; it is not ok if there is nothing but punctuation.
func readWord(field string) (w word, ok bool) {
	text := strings.TrimLeft(field, around)
	w.text = strings.TrimRight(text, behind)
	if !strings.ContainsFunc(w.text, func(c rune) bool { return unicode.IsLetter(c) || unicode.IsDigit(c) || c == '*' || c == '#' }) {
		return w, false
	}
	w.isLabel = strings.ContainsAny(text[len(w.text):], ":：")
	w.clean = w.text
	w.tidyWord()
	if scheme := learnScheme.FindString(w.clean); scheme != "" {
		w.isURL = true
		w.clean, w.rest = w.clean[len(scheme):], ""
		if end := strings.IndexAny(w.clean, `/\?#`); end >= 0 {
			w.clean, w.rest = w.clean[:end], strings.Trim(w.clean[end:], `/\`)
		}
	}
	w.cutPort()
	w.shape = shapeOf(w.clean)
	return w, true
}

// cutPort takes the port off a name or an address.
func (w *word) cutPort() {
	m := learnPort.FindStringSubmatch(w.clean)
	if m == nil || isPrefixShape(w.clean) {
		m = learnAddressPort.FindStringSubmatch(w.clean)
	}
	if m != nil {
		w.clean, w.port = strings.TrimSuffix(m[1], "]"), m[2]
	}
}

// Shapes of URLs and ports. Learn escapes the slashes of URLs that are not to be links.
var (
	learnScheme = regexp.MustCompile(`^(?i)https?:[\\/]+`)
	learnPort   = regexp.MustCompile(`^(.*[A-Za-z]):(\d{1,5})$`)
	// learnAddressPort is an address with a port, one of IPv6 behind its bracket.
	learnAddressPort = regexp.MustCompile(`^(\d{1,3}(?:\.\d{1,3}){3}(?:/\d{1,2})?|[0-9A-Fa-f:.]+\]):(\d{1,5})$`)
	learnQuad        = regexp.MustCompile(`^\d{1,3}(?:\.\d{1,3}){3}(?:[/-][\d./]*)?$`)
)

// shapeOf tells the shape of a word without punctuation around it.
func shapeOf(s string) shape {
	switch {
	case len(s) > 1024:
		return aWord
	case isPrefixShape(s):
		return aPrefix
	case strings.Count(s, "#") == 1 && nameShape(strings.Replace(s, "#", "0", 1)) == aName:
		return aNumbered
	}
	return nameShape(s)
}

// isPrefixShape says whether s is an address or a prefix, or was meant as one.
func isPrefixShape(s string) bool {
	address, _, _ := strings.Cut(s, "/")
	_, err := netip.ParseAddr(address)
	return err == nil && len(address) > 2 || learnQuad.MatchString(s)
}

// nameShape says whether s is shaped like a name or a pattern, or like the name of a file.
func nameShape(s string) shape {
	labels := strings.Split(strings.TrimSuffix(eastDots.Replace(s), "."), ".")
	last := labels[len(labels)-1]
	if len(labels) < 2 || !isTopLevel(last) {
		return aWord
	}
	for i, label := range labels {
		if label == "" && i > 0 || !isLabelShape(label) {
			return aWord
		}
	}
	if slices.Contains(fileEndings, strings.ToLower(last)) {
		return aFile
	}
	return aName
}

// eastDots makes the dots of East Asian text full stops, in order to look at the labels.
var eastDots = strings.NewReplacer("\u3002", ".", "\uff0e", ".", "\uff61", ".")

// fileEndings are ends of file names that Learn's pages have.
var fileEndings = []string{
	"md", "png", "jpg", "gif", "svg", "pdf", "json", "xml", "yml", "csv", "txt", "html", "htm", "js", "ps1", "exe", "msi", "dll", "intunewin",
}

// isTopLevel says whether s may be the last label of a name.
func isTopLevel(s string) bool {
	letters := strings.TrimFunc(s, func(c rune) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' })
	return len(s) >= 2 && (letters == "" || strings.HasPrefix(strings.ToLower(s), "xn--"))
}

// isLabelShape says whether s has only what labels of names and patterns have. A star may
// be escaped, as Markdown wants it.
func isLabelShape(s string) bool {
	s = strings.ReplaceAll(s, `\*`, "*")
	return strings.TrimFunc(s, func(c rune) bool {
		return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune("-_*", c)
	}) == ""
}

// findTokens finds what is shaped like names, prefixes or names of files in text.
func findTokens(text string) []string {
	var tokens []string
	for _, run := range learnToken.FindAllString(text, -1) {
		run = strings.Trim(run, `:/\-／－`)
		if isPrefixShape(narrowAddress(run)) {
			tokens = append(tokens, run)
			continue
		}
		for _, part := range strings.FieldsFunc(run, func(c rune) bool { return strings.ContainsRune("/:／", c) }) {
			tokens = appendToken(tokens, part)
		}
	}
	return tokens
}

// appendToken adds a part of a run, if it is shaped like a name. One with letters that no
// name on the wire has is added whole: what stands between them is another name.
func appendToken(tokens []string, part string) []string {
	part = strings.TrimRight(part, ".。．｡#＃")
	if file, _, isLink := strings.Cut(part, "#"); isLink && shapeOf(file) == aFile {
		part = file
	}
	plain := strings.Map(foreignToLetter, part)
	if isMentioned(plain) && (plain == part || plain == strings.ToLower(plain) || strings.Count(plain, ".") > 1) {
		return append(tokens, part)
	}
	if plain != part {
		for _, piece := range strings.FieldsFunc(part, isForeign) {
			tokens = appendToken(tokens, piece)
		}
	}
	return tokens
}

// isMentioned says whether a token is more than two sentences that meet without a space,
// as they do in Chinese and Japanese.
func isMentioned(token string) bool {
	if isPrefixShape(narrowAddress(token)) {
		return true
	}
	if shapeOf(narrow(token)) == aWord {
		return false
	}
	return !strings.ContainsAny(token, "。．｡") || token == strings.ToLower(token) && strings.Count(eastDots.Replace(token), ".") > 1
}

// joinWords is words as they were printed, with spaces.
func joinWords(words []word) string {
	texts := make([]string, len(words))
	for i, w := range words {
		texts[i] = w.text
	}
	return strings.Join(texts, " ")
}

// cutText is text in quotation marks, as a note quotes it.
func cutText(text string) string { return `"` + cut(text) + `"` }

// learnText is prose without markup, on one line.
func learnText(text string) string {
	text = learnBreak.ReplaceAllString(text, " ")
	text = learnLink.ReplaceAllString(text, "$1")
	text = learnTag.ReplaceAllString(text, "")
	text = strings.NewReplacer("**", "", "`", "", "\u00a0", " ").Replace(text)
	return tidy(text)
}
