package importer

import (
	"strings"

	"splitdns/matcher"
)

// nearLines is how many lines before and behind a name are searched for the sentence that
// says what # in it stands for, where its own line does not.
const nearLines = 5

// numberRange is what # stands for by a line. Braces are empty where it does not say it.
type numberRange struct{ sentence, braces string }

// numbered reads a name in which # stands for a number. The range is read from a sentence
// nearby that has a # of its own and exactly two numbers; without one the name is doubted,
// and not taken over.
func (p *learnPage) numbered(line int, printed string) (matcher.Pattern, bool) {
	sentence, braces := p.rangeNear(line)
	if braces == "" {
		p.note(line, Doubted, "%q: no sentence nearby says which numbers # stands for; not taken over", printed)
		return matcher.Pattern{}, false
	}
	pattern, ok := p.pattern(line, strings.Replace(printed, "#", braces, 1))
	if ok {
		p.note(line, Normalised, "%q: read as %q, by the sentence %s", printed, pattern, cutText(sentence))
	}
	return pattern, ok
}

// rangeNear finds the range of numbers that # stands for: in the line itself, else in the
// lines around it.
func (p *learnPage) rangeNear(line int) (sentence, braces string) {
	if sentence, braces = p.rangeIn(line - 1); braces != "" {
		return sentence, braces
	}
	for away := 1; away <= nearLines; away++ {
		for _, i := range []int{line - 1 + away, line - 1 - away} {
			if i < 0 || i >= len(p.lines) {
				continue
			}
			if sentence, braces = p.rangeIn(i); braces != "" {
				return sentence, braces
			}
		}
	}
	return "", ""
}

// rangeIn finds a range in the line with index i, which is no heading. Each line is
// searched once.
func (p *learnPage) rangeIn(i int) (sentence, braces string) {
	found, ok := p.ranges[i]
	if !ok {
		if line := p.lines[i]; !learnHeading.MatchString(line) {
			found.sentence, found.braces = rangeIn(line)
		}
		p.ranges[i] = found
	}
	return found.sentence, found.braces
}

// rangeIn finds a range in one of the sentences of a line.
func rangeIn(line string) (sentence, braces string) {
	for piece := range strings.SplitSeq(learnBreak.ReplaceAllString(line, "|"), "|") {
		if found, _ := rangesIn(piece); len(found) == 1 {
			return strings.TrimSpace(piece), found[0]
		}
	}
	return "", ""
}
