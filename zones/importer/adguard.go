package importer

import (
	"strings"
)

// adguardFormat is the simple rules of AdGuard and other ad blockers: ||x^ is x and all below, |x^ and
// x are that name, and lines of a hosts file are too. Rules that block, exceptions
// (@@) and those that rewrite answers are a row each. Regular expressions, rules for
// parts of pages, and rules for paths or kinds of requests say nothing about names.
var adguardFormat = format{
	name:      "adguard",
	what:      "rules of AdGuard",
	looksLike: func(data []byte) bool { return mostFit(data, adguardFit, "!", "#") },
	read:      readAdguard,
}

// adguardFit says how a line looks.
func adguardFit(line string) fit {
	rule := strings.TrimPrefix(line, "@@")
	switch {
	case strings.HasPrefix(rule, "||") && !strings.Contains(rule[2:], "||"), strings.HasPrefix(line, "@@"), isAdguardHeading(line):
		return telling
	case strings.HasPrefix(rule, "|") && !strings.Contains(rule[1:], "|"):
		return telling
	case isCosmetic(line), strings.HasPrefix(line, "/"), isNameLike(line), hostsFit(line) != foreign:
		return usual
	}
	return foreign
}

// isAdguardHeading says whether line is the first of a list for ad blockers.
func isAdguardHeading(line string) bool {
	return strings.HasPrefix(line, "[Adblock") || strings.HasPrefix(line, "[uBlock") || strings.HasPrefix(line, "[AdGuard")
}

// isCosmetic says whether a rule is for parts of pages.
func isCosmetic(line string) bool {
	for _, mark := range []string{"##", "#@#", "#?#", "#$#", "#%#"} {
		if strings.Contains(line, mark) && !strings.HasPrefix(line, "###") {
			return true
		}
	}
	return false
}

// readAdguard reads rules.
func readAdguard(r *reading) error {
	l := newListing(r)
	return l.lines(func(line int, text string) {
		switch {
		case isAdguardHeading(text), strings.HasPrefix(text, "!"):
		case isCosmetic(text) && !strings.HasPrefix(text, "## "):
			l.count(line, Skipped, "a rule for parts of pages")
		case strings.HasPrefix(text, "#"):
		default:
			text = uncommented(text, "#", "!", "| ")
			if text != "" {
				l.adguardRule(line, text)
			}
		}
	})
}

// adguardRule reads one rule.
func (l *listing) adguardRule(line int, text string) {
	rule, isException := strings.CutPrefix(text, "@@")
	if strings.HasPrefix(rule, "/") {
		l.note(line, Skipped, "regular expression or path %q", cut(text))
		return
	}
	rule, modifiers, _ := strings.Cut(rule, "$")
	rowName, ok := l.adguardModifiers(line, text, modifiers)
	if !ok {
		return
	}
	if isException {
		rowName = adguardAllowed
	}
	row := l.row(line, rowName, adguardRows[rowName])
	words := strings.Fields(rule)
	if len(words) > 1 && isAddr(words[0]) {
		l.hostsLine(row, line, words)
		return
	}
	if name, ok := l.adguardName(line, text, rule); ok {
		l.name(row, line, name)
	}
}

// Rows of rules.
const (
	adguardBlocked   = "blocked"
	adguardAllowed   = "allowed"
	adguardRewritten = "rewritten"
)

// adguardRows says what rows are for.
var adguardRows = map[string]string{
	adguardBlocked:   "AdGuard: blocked",
	adguardAllowed:   "AdGuard: exceptions",
	adguardRewritten: "AdGuard: answers rewritten",
}

// adguardModifiers is the row of a rule with these modifiers; not ok if it is no rule about names.
func (l *listing) adguardModifiers(line int, rule, modifiers string) (row string, ok bool) {
	row = adguardBlocked
	for modifier := range strings.SplitSeq(modifiers, ",") {
		switch key, _, _ := strings.Cut(strings.TrimPrefix(modifier, "~"), "="); key {
		case "":
		case "important":
			l.count(line, Normalised, "left out the modifier $important")
		case "dnsrewrite":
			l.count(line, Normalised, "left out what $dnsrewrite answers")
			row = adguardRewritten
		case "client", "ctag", "dnstype", "denyallow":
			l.note(line, Doubted, "%q holds for some queries only; read as for all", cut(rule))
		default:
			l.note(line, Skipped, "%q: the modifier $%s makes it no rule about names", cut(rule), cut(key))
			return "", false
		}
	}
	return row, true
}

// adguardName is the pattern that a rule without its modifiers means.
func (l *listing) adguardName(line int, text, rule string) (name string, ok bool) {
	name, isBelow := strings.CutPrefix(rule, "||")
	isExact := false
	if !isBelow {
		name, isExact = strings.CutPrefix(rule, "|")
	}
	name, _ = strings.CutSuffix(name, "|")
	name, isEnded := strings.CutSuffix(name, "^")
	switch {
	case name == "" || strings.ContainsAny(name, "/:?=^|&% "):
		l.note(line, Skipped, "%q: more than a name, or less", cut(text))
		return "", false
	case !isEnded && (isBelow || isExact):
		l.count(line, Doubted, "a rule without ^ at its end takes in names that go on differently; read as if it had one")
	}
	if strings.Contains(strings.TrimPrefix(name, "*."), "*") {
		l.count(line, Doubted, "a star stands for dots as well in AdGuard, and not here")
	}
	if isBelow && !strings.HasPrefix(name, "*") {
		return "." + strings.TrimPrefix(name, "."), true
	}
	return name, true
}
