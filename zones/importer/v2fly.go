package importer

import (
	"fmt"
	"regexp"
	"strings"
)

// v2flyFormat is the lists of v2fly, of Surge and of Clash. In v2fly, full:x is that name, domain:x and x
// are x and all below; a regexp: is taken over where it says no more than that, a
// keyword: never, and what include: names is not fetched. DOMAIN, DOMAIN-SUFFIX, DOMAIN-WILDCARD, IP-CIDR
// and IP-CIDR6 are those of Surge and Clash. In a payload: of Clash, +.x is x and
// all below, .x and *.x only what is below. Attributes and policies are left out.
var v2flyFormat = format{
	name:      "v2fly",
	what:      "a list of v2fly, Surge or Clash",
	looksLike: func(data []byte) bool { return mostFit(data, v2flyFit, "#", ";", "//") },
	read:      readV2fly,
}

// Parts of lines.
var (
	v2flyRule = regexp.MustCompile(`^(full|domain|keyword|regexp|include):\s*(\S+)`)
	surgeRule = regexp.MustCompile(`^([A-Z][A-Z0-9-]+)\s*,\s*([^,]*)`)
	clashItem = regexp.MustCompile(`^-\s+(.+)$`)
)

// v2flyFit says how a line looks.
func v2flyFit(line string) fit {
	name, attributes, _ := strings.Cut(line, " ")
	switch {
	case v2flyRule.MatchString(line), surgeRule.MatchString(line), line == "payload:", isClash(line):
		return telling
	case !isNameLike(name) || strings.Contains(name, "*"):
		return foreign
	case strings.HasPrefix(strings.TrimSpace(attributes), "@"):
		return telling
	case attributes == "":
		return usual
	}
	return foreign
}

// isClash says whether line is an item of a payload.
func isClash(line string) bool {
	m := clashItem.FindStringSubmatch(line)
	if m == nil {
		return false
	}
	value := strings.TrimPrefix(strings.Trim(m[1], `"' `), "+")
	return isHost(value) || surgeRule.MatchString(value)
}

// readV2fly reads a list.
func readV2fly(r *reading) error {
	l := newListing(r)
	return l.lines(func(line int, text string) {
		text = uncommented(text, "#", ";", "//")
		switch {
		case text == "", text == "payload:":
		case clashItem.MatchString(text):
			l.clashLine(line, strings.Trim(clashItem.FindStringSubmatch(text)[1], `"' `))
		default:
			l.v2flyLine(line, text)
		}
	})
}

// v2flyLine reads a line of v2fly or Surge.
func (l *listing) v2flyLine(line int, text string) {
	if m := surgeRule.FindStringSubmatch(text); m != nil {
		l.surgeLine(line, m[1], strings.TrimSpace(m[2]))
		return
	}
	text, attributes, _ := strings.Cut(text, " ")
	for attribute := range strings.FieldsSeq(attributes) {
		if !strings.HasPrefix(attribute, "@") && !strings.HasPrefix(attribute, "&") {
			l.note(line, Skipped, "%q behind a rule: want @ATTRIBUTE", cut(attribute))
			continue
		}
		l.count(line, Normalised, "left out the attribute "+cut(attribute))
	}
	kind, value, ok := strings.Cut(text, ":")
	if !ok {
		kind, value = "domain", text
	}
	l.v2flyRule(line, kind, value)
}

// v2flyRule reads a rule of v2fly.
func (l *listing) v2flyRule(line int, kind, value string) {
	switch kind {
	case "full":
		l.name(l.list(line), line, value)
	case "domain":
		l.name(l.list(line), line, "."+strings.TrimPrefix(value, "."))
	case "regexp":
		l.expression(line, value)
	case "keyword":
		l.note(line, Skipped, "keyword %q: any name that has it", cut(value))
	case "include":
		l.note(line, Doubted, "include %q: what is in it is not read; give it as a further document", cut(value))
	default:
		l.note(line, Skipped, "%q: no kind of rule is called %s", cut(value), cut(kind))
	}
}

// surgeLine reads a rule of Surge or Clash.
func (l *listing) surgeLine(line int, kind, value string) {
	switch kind {
	case "DOMAIN":
		l.name(l.list(line), line, value)
	case "DOMAIN-SUFFIX":
		l.name(l.list(line), line, "."+strings.TrimPrefix(value, "."))
	case "DOMAIN-WILDCARD":
		l.name(l.list(line), line, value)
	case "DOMAIN-REGEX":
		l.expression(line, value)
	case "IP-CIDR", "IP-CIDR6":
		l.prefixOf(l.ranges(line), line, value)
	default:
		l.count(line, Skipped, fmt.Sprintf("a rule of the kind %s", cut(kind)))
	}
}

// clashLine reads an item of a payload.
func (l *listing) clashLine(line int, value string) {
	both, isBoth := strings.CutPrefix(value, "+.")
	below, isBelow := strings.CutPrefix(value, ".")
	switch m := surgeRule.FindStringSubmatch(value); {
	case m != nil:
		l.surgeLine(line, m[1], strings.TrimSpace(m[2]))
	case isPrefixLike(value):
		l.prefixOf(l.ranges(line), line, value)
	case isBoth:
		l.name(l.list(line), line, "."+both)
	case isBelow:
		l.name(l.list(line), line, "*."+below)
	default:
		if strings.HasPrefix(value, "*.") {
			l.count(line, Doubted, "*. is one label in Clash, and any number here")
		}
		l.name(l.list(line), line, value)
	}
}

// simpleExpression is a regular expression that says no more than a pattern can: a name, or all
// names below it, or both.
var simpleExpression = regexp.MustCompile(`^(\^|\(\^\|\\\.\)|\(\?:\^\|\\\.\)|\(\.\*\\\.\)\?|\^\(\.[*+]\\\.\)\?|\\\.|\.\+\\\.|\^\.\+\\\.)((?:[A-Za-z0-9_-]|\\-|\\\.)+)\$$`)

// expression takes over a regular expression that is a pattern.
func (l *listing) expression(line int, text string) {
	m := simpleExpression.FindStringSubmatch(text)
	if m == nil {
		l.note(line, Skipped, "regular expression %q", cut(text))
		return
	}
	name := strings.NewReplacer(`\.`, ".", `\-`, "-").Replace(m[2])
	switch m[1] {
	case "^":
	case `\.`, `.+\.`, `^.+\.`:
		name = "*." + name
	default:
		name = "." + name
	}
	l.note(line, Normalised, "regular expression %q is the pattern %s", cut(text), cut(name))
	l.name(l.list(line), line, name)
}
