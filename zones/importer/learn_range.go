package importer

import (
	"fmt"
	"html"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// A sentence about # has a range where two of its numbers are joined by a dash or by a
// word that means one, in the languages of the pages of Microsoft Learn. Where a number
// is left over that is no port and not how many there are, nobody can tell what it does
// to the range, and so there is none.

var (
	// lonelyHash is a number sign that stands for itself, as in: '#' is a number.
	lonelyHash = regexp.MustCompile(`(?:^|[^\w#&*.-])#(?:$|[^\w#.-])`)
	// hashWord is a name with a number sign in it.
	hashWord = regexp.MustCompile(`[\w.*。．｡-]*#[\w*-]*(?:[.。．｡][\w*-]+)*[.。．｡][A-Za-z][\w-]+`)
	number   = regexp.MustCompile(`\d+`)
	// dots is an ellipsis, however many dots it has.
	dots = regexp.MustCompile(`\.{2,}`)
	// clauseEnd is what ends a clause.
	clauseEnd = regexp.MustCompile(`[;；。؛।]|\.(?:\s|$)`)
	// noNumber is digits that count nothing: of a word such as IPv6, or a port.
	noNumber = regexp.MustCompile(`(?i)(?:\b(?:https?|tcp|udp|quic|ports?)[\s:：/]*\d+(?:\s*(?:,|and)\s*\d+)*)|\b\d+/(?:tcp|udp)\b|\b[a-z]+\d\w*`)
	// notAll is what leaves numbers out of a range, or gives it a form that braces do not have.
	notAll = regexp.MustCompile(`(?i)\b(?:exclusive|excluding|except|less than|below|not|without)\b|未満|未满|除|\b0\d|(?:^|[\s(])[-−]\d`)
	// between is the word that makes a range of two numbers with an "and".
	between = regexp.MustCompile(`(?i)between|entre|zwischen|между|\btra\b|\bfra\b|tussen|mell[ao]n|mellem|między|mezi|între|arasında|közöt|μεταξύ|بين|बीच|之间|之間|間|사이`)
)

// joins are what stands between the ends of a range.
var joins = []string{
	"-", "–", "—", "−", "‐", "‑", "~", "〜", "～", "…", "to", "through", "thru", "until", "till", "up to", "bis", "bis zu",
	"a", "à", "al", "ao", "até", "hasta", "jusqu'à", "jusqu’à", "do", "až", "až do", "до", "по", "έως", "ως", "μέχρι", "إلى", "الى", "حتى",
	"से", "から", "到", "至", "에서", "부터", "tot", "t/m", "til", "la", "până la", "đến", "tới", "ถึง", "hingga", "sampai", "עד",
}

// ands join the ends of a range only where a word for between stands in the clause.
var ands = []string{
	"and", "y", "e", "i", "et", "und", "en", "og", "och", "ja", "a", "și", "ve", "és", "ile", "и", "та", "και", "و", "और", "ו", "と", "和", "与", "與", "과", "와",
}

// others join two numbers that are no range, or a number and what it counts.
var others = []string{
	"or", "o", "ou", "oder", "of", "eller", "lub", "nebo", "sau", "veya", "vagy", "или", "або", "ή", "أو", "या", "de", "von", "aus", "van",
	"di", "av", "af", "in", "from", "per", "by", "x", "mod", "plus", "minus", "из", "z", "times",
}

// maxSentence is how long a text may be that is searched for a range, in octets.
const maxSentence = 4096

// maxNumbers is how many numbers a clause about a range may have.
const maxNumbers = 16

// rangesIn finds the ranges that the clauses of text give to #, and says whether any of
// them is about #.
func rangesIn(text string) (braces []string, about bool) {
	if len(text) > maxSentence {
		return nil, false
	}
	text = hashWord.ReplaceAllString(sentenceText(text), " ")
	for _, clause := range clauseEnd.Split(dots.ReplaceAllString(text, "…"), -1) {
		if !lonelyHash.MatchString(clause) {
			continue
		}
		about = true
		if first, last, ok := rangeOf(clause); ok {
			braces = append(braces, fmt.Sprintf("{%d..%d}", first, last))
		}
	}
	return braces, about
}

// sentenceText is text without markup, with plain digits and number signs.
func sentenceText(text string) string {
	text = strings.ReplaceAll(learnTag.ReplaceAllString(html.UnescapeString(text), " "), "**", "")
	return strings.Map(func(c rune) rune {
		if c == '＃' {
			return '#'
		}
		return plainDigit(c)
	}, text)
}

// plainDigit makes a decimal digit of any script one of ASCII. The digits of a script
// follow one another from 0.
func plainDigit(c rune) rune {
	if c <= unicode.MaxASCII || !unicode.IsDigit(c) {
		return c
	}
	for _, r := range unicode.Nd.R16 {
		if low := rune(r.Lo); low <= c && c <= rune(r.Hi) {
			return '0' + (c-low)%10
		}
	}
	for _, r := range unicode.Nd.R32 {
		if low := rune(r.Lo); low <= c && c <= rune(r.Hi) {
			return '0' + (c-low)%10
		}
	}
	return c
}

// rangeOf is the range in a clause; not ok where it has none, or may have another.
func rangeOf(clause string) (first, last uint64, ok bool) {
	text := noNumber.ReplaceAllString(clause, " ")
	places := number.FindAllStringIndex(text, maxNumbers+1)
	if notAll.MatchString(text) || len(places) < 2 || len(places) > maxNumbers {
		return 0, 0, false
	}
	r := clauseReader{isBetween: between.MatchString(text), hasPorts: protocolWord.MatchString(clause)}
	for i, place := range places {
		n, err := strconv.ParseUint(text[place[0]:place[1]], 10, 32)
		if err != nil {
			return 0, 0, false
		}
		r.numbers = append(r.numbers, n)
		if i > 0 {
			r.gaps = append(r.gaps, gapText(text[places[i-1][1]:place[0]]))
		}
	}
	return r.pair()
}

// gapText is what stands between two numbers, without punctuation around it.
func gapText(text string) string {
	return strings.ToLower(strings.Trim(text, " \t\u00a0,、，،`'\"“”‘’«»「」()（）"))
}

// clauseReader is the numbers of a clause.
type clauseReader struct {
	numbers   []uint64
	gaps      []string // between them
	isBetween bool     // a word for between is among the words
	hasPorts  bool     // a protocol is
}

// pair is the only two numbers that are the ends of a range.
func (r *clauseReader) pair() (first, last uint64, ok bool) {
	at, ok := r.joined()
	if !ok {
		return 0, 0, false
	}
	from := r.begin(at)
	first, last = r.numbers[from], r.numbers[at+1]
	for i, n := range r.numbers {
		if (i < from || i > at+1) && n != last-first+1 {
			return 0, 0, false
		}
	}
	return first, last, first < last
}

// joined is the place of the only gap that makes a range.
func (r *clauseReader) joined() (at int, ok bool) {
	for i, gap := range r.gaps {
		switch {
		case !r.isJoin(gap):
		case ok:
			return 0, false
		default:
			at, ok = i, true
		}
	}
	return at, ok || len(r.gaps) == 1 && !r.hasPorts && isUnknownJoin(r.gaps[0])
}

// begin is the place of the first number of a range that is joined behind the number at:
// an ellipsis may have more than one before it, as in 0, 1, … 50.
func (r *clauseReader) begin(at int) int {
	from := at
	for r.gaps[at] == "…" && from > 0 && r.gaps[from-1] == "" && r.numbers[from-1]+1 == r.numbers[from] {
		from--
	}
	return from
}

// isJoin says whether gap makes a range of the numbers around it.
func (r *clauseReader) isJoin(gap string) bool {
	return slices.Contains(joins, gap) || r.isBetween && slices.Contains(ands, gap)
}

// isUnknownJoin says whether gap, between the only two numbers of a clause, is one word
// of a script with spaces, and none that is known to join other things than a range.
func isUnknownJoin(gap string) bool {
	isWord := gap != "" && strings.IndexFunc(gap, func(c rune) bool {
		return !unicode.IsLetter(c) && !unicode.Is(unicode.M, c) || unicode.In(c, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul)
	}) < 0
	return isWord && !slices.Contains(ands, gap) && !slices.Contains(others, gap)
}
