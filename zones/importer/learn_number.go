package importer

import (
	"slices"
	"strings"

	"splitdns/matcher"
)

// Bounds on the search for what # stands for: pages have a handful of such names, in
// lines of some hundred octets.
const (
	maxNumbered  = 256
	maxNumberRow = 4 << 10
)

// numbered reads a name in which # stands for a number. The range is read from the
// sentence beside it; without one the name is doubted, and not taken over.
func (p *learnPage) numbered(line int, printed string) (matcher.Pattern, bool) {
	sentence, braces := p.rangeBeside(line, printed)
	if braces == "" {
		p.note(line, Doubted, "%q: no sentence beside it says which numbers # stands for; not taken over", printed)
		return matcher.Pattern{}, false
	}
	pattern, ok := p.pattern(line, strings.Replace(printed, "#", braces, 1))
	if ok {
		p.note(line, Normalised, "%q: read as %q, by the sentence %s", printed, pattern, cutText(strings.TrimSpace(sentence)))
	}
	return pattern, ok
}

// rangeBeside finds the range of numbers that # stands for in a name: in its own cell,
// else in its row. The paragraphs beside its table are asked last, and only if no other
// name in the table has a #, and no sentence in the row is about #. What is nearest and
// about # decides, even if it says no range.
func (p *learnPage) rangeBeside(line int, printed string) (sentence, braces string) {
	if p.numberedNames++; p.numberedNames > maxNumbered || len(p.lines[line-1]) > maxNumberRow {
		return "", ""
	}
	text := p.unquoted(line)
	cells, _ := splitCells(text)
	var places [][]string
	own := slices.IndexFunc(cells, func(c string) bool { return strings.Contains(sentenceText(c), printed) })
	if own >= 0 {
		places = append(places, sentencesOf(learnBreak.Split(cells[own], -1), printed))
	}
	places = append(places, lonely(cells))
	for _, texts := range places {
		if sentence, braces, isAbout := agreed(texts); isAbout {
			return sentence, braces
		}
	}
	if len(hashWord.FindAllString(sentenceText(text), 2)) != 1 {
		return "", ""
	}
	sentence, braces, _ = agreed(p.paragraphs(line))
	return sentence, braces
}

// sentencesOf are the pieces of a cell that may be about the name: its own behind the
// last name, or those that follow. A piece that has a name and a sentence of its own ends
// them. Where the name is the only one with a #, those before it count too.
func sentencesOf(pieces []string, printed string) (texts []string) {
	own := slices.IndexFunc(pieces, func(piece string) bool { return strings.Contains(sentenceText(piece), printed) })
	if own < 0 {
		return nil
	}
	texts = []string{behindNames(pieces[own])}
	if names := hashWord.FindAllString(sentenceText(strings.Join(pieces, " ")), 2); len(names) == 1 {
		texts[0] = pieces[own]
		texts = append(texts, pieces[:own]...)
	}
	isSaid := slices.ContainsFunc(texts, isAbout)
	for _, piece := range pieces[own+1:] {
		isSaid = isSaid || isAbout(piece)
		if isSaid && hashWord.MatchString(sentenceText(piece)) {
			break
		}
		texts = append(texts, piece)
	}
	return texts
}

// behindNames is what stands in a piece behind the last name with a #.
func behindNames(piece string) string {
	piece = sentenceText(piece)
	if names := hashWord.FindAllStringIndex(piece, -1); len(names) > 0 {
		return piece[names[len(names)-1][1]:]
	}
	return piece
}

// isAbout says whether text has a sentence about #.
func isAbout(text string) bool {
	_, about := rangesIn(text)
	return about
}

// lonely are the pieces of the texts that have no name with a #: what texts with one say
// is about that.
func lonely(texts []string) (pieces []string) {
	for _, text := range texts {
		if !hashWord.MatchString(sentenceText(text)) {
			pieces = append(pieces, learnBreak.Split(text, -1)...)
		}
	}
	return pieces
}

// agreed is the range that texts give to #, none if they give several, and whether any of
// them is about #.
func agreed(texts []string) (sentence, braces string, isAbout bool) {
	for _, text := range texts {
		found, about := rangesIn(text)
		isAbout = isAbout || about
		for _, b := range found {
			if braces != "" && b != braces {
				return "", "", true
			}
			if braces == "" {
				sentence, braces = text, b
			}
		}
	}
	return sentence, braces, isAbout
}

// unquoted is a line without the marks of a quotation; "" outside of the page.
func (p *learnPage) unquoted(line int) string {
	if line < 1 || line > len(p.lines) {
		return ""
	}
	return learnQuote.ReplaceAllString(p.lines[line-1], "")
}

// lineSort is what a line is, as far as it matters where a table or a list ends.
type lineSort uint8

const (
	isBlank lineSort = iota
	isTabled
	isListed
	isHeaded
	isProse
)

// sortOf tells what a line is.
func (p *learnPage) sortOf(line int) lineSort {
	text := p.unquoted(line)
	switch {
	case strings.TrimSpace(text) == "":
		return isBlank
	case learnHeading.MatchString(text):
		return isHeaded
	case strings.Contains(text, "|"):
		return isTabled
	case learnItem.MatchString(text):
		return isListed
	}
	return isProse
}

// maxParagraph is how many lines of a paragraph are read.
const maxParagraph = 20

// paragraphs are the paragraphs directly before and behind the table or the list of line;
// none if another of its lines, or one of theirs, has a name with a #.
func (p *learnPage) paragraphs(line int) (texts []string) {
	sort := p.sortOf(line)
	for _, step := range []int{-1, 1} {
		at := line + step
		for ; p.sortOf(at) == sort && sort != isProse; at += step {
			if p.hasNumbered(at) {
				return nil
			}
		}
		for at >= 1 && at <= len(p.lines) && p.sortOf(at) == isBlank {
			at += step
		}
		text, isOther := p.paragraph(at, step)
		if isOther {
			return nil
		}
		texts = append(texts, text)
	}
	return texts
}

// paragraph is the prose from a line on, by steps of 1 or -1, and whether it has a name
// with a #.
func (p *learnPage) paragraph(line, step int) (text string, isNumbered bool) {
	for at := line; p.sortOf(at) == isProse && (at-line)*step < maxParagraph; at += step {
		if p.hasNumbered(at) {
			return "", true
		}
		if step > 0 {
			text += " " + p.unquoted(at)
		} else {
			text = p.unquoted(at) + " " + text
		}
	}
	return text, false
}

// hasNumbered says whether a line has a name with a #.
func (p *learnPage) hasNumbered(line int) bool {
	text := p.unquoted(line)
	return strings.ContainsAny(text, "#＃") && hashWord.MatchString(sentenceText(text))
}
