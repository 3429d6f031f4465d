package main

import (
	"bufio"
	"fmt"
	"strconv"
	"strings"
)

// pageWidth is how many columns the lines of reports have at most, but for words that are longer.
const pageWidth = 100

// shortList is how many values of a list are shown where lists are shortened.
const shortList = 5

// page is a report being written: paragraphs and lists, broken at pageWidth. Errors of
// writing show at Flush.
type page struct {
	*bufio.Writer
	all bool // no list is shortened
}

// paragraph writes text, its further lines indented by two columns more.
func (p *page) paragraph(indent, text string) { p.words(indent, indent+"  ", strings.Fields(text)) }

// item writes a key and what is said about it, in a column of its own.
func (p *page) item(key, text string) {
	const column = 12
	key = fmt.Sprintf("%-*s", column-1, key)
	p.words(key+" ", strings.Repeat(" ", column), strings.Fields(text))
}

// list writes a key and a list of values, unless it is empty. A long list is shortened.
func (p *page) list(key string, values []string) {
	if len(values) == 0 {
		return
	}
	total := len(values)
	if !p.all && total > shortList+1 {
		values = values[:shortList]
	}
	words := make([]string, len(values))
	for i, v := range values {
		if words[i] = v + ","; i == total-1 {
			words[i] = v
		}
	}
	if len(values) < total {
		words = append(words, fmt.Sprintf("… and %s more (--all)", number(total-len(values))))
	}
	p.words(key+": ", strings.Repeat(" ", 2+strings.IndexFunc(key, func(r rune) bool { return r != ' ' })), words)
}

// words writes words in lines, the first of which begins with first.
func (p *page) words(first, indent string, words []string) {
	line, isEmpty := first, true
	for _, word := range words {
		if !isEmpty && len([]rune(line))+1+len([]rune(word)) > pageWidth {
			fmt.Fprintln(p, line)
			line, isEmpty = indent, true
		}
		if !isEmpty {
			line += " "
		}
		line, isEmpty = line+word, false
	}
	fmt.Fprintln(p, strings.TrimRight(line, " "))
}

// number writes n with commas between thousands.
func number[N ~int | ~uint64](n N) string {
	text := strconv.FormatUint(uint64(n), 10)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// plural is how many there are of what is called so where there is one.
func plural(n int, what string) string { return number(n) + " " + plainPlural(uint64(n), what) }

// plainPlural is what n of them are called.
func plainPlural(n uint64, what string) string {
	switch {
	case n == 1:
		return what
	case strings.HasSuffix(what, "x"), strings.HasSuffix(what, "s"):
		return what + "es"
	}
	return what + "s"
}
