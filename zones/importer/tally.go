package importer

import (
	"errors"
	"fmt"

	"splitdns/zones"
)

// maxAlike is how many notes of one form a document may have, so that one of some
// million lines without sense does not become as many notes.
const maxAlike = 500

// tallies count notes that come again and again. The zero value is ready for use.
type tallies struct {
	alike map[alike]*tally // by form
	same  map[alike]*tally // by text
}

// alike is what notes have in common that are counted together.
type alike struct {
	kind Kind
	text string
}

// tally is how often a note came.
type tally struct {
	note  int // its place, or that of the last of its form
	times int
	line  int // the last
}

// full says whether a note of this form, which would be put at place, is only to be counted.
func (t *tallies) full(kind Kind, form string, line, place int) bool {
	n := counted(&t.alike, alike{kind, form})
	if n.times, n.line = n.times+1, line; n.times > maxAlike {
		return true
	}
	n.note = place
	return false
}

// counted is the tally of key in m.
func counted(m *map[alike]*tally, key alike) *tally {
	if *m == nil {
		*m = make(map[alike]*tally)
	}
	n, ok := (*m)[key]
	if !ok {
		n = new(tally)
		(*m)[key] = n
	}
	return n
}

// count notes what happens again and again in the same words: once, with the number.
func (r *reading) count(line int, kind Kind, text string) {
	if n, ok := r.tallies.same[alike{kind, text}]; ok {
		n.times, n.line = n.times+1, line
		return
	}
	place := len(r.notes)
	r.note(line, kind, "%s", text)
	if len(r.notes) > place {
		*counted(&r.tallies.same, alike{kind, text}) = tally{note: place, times: 1, line: line}
	}
}

// sum says in notes what was only counted. It is called once, when all is read.
func (t *tallies) sum(notes []Note) {
	for _, n := range t.same {
		if n.times > 1 {
			notes[n.note].Text += fmt.Sprintf(" (%d times, the last in line %d)", n.times, n.line)
		}
	}
	for _, n := range t.alike {
		if n.times > maxAlike {
			notes[n.note].Text += fmt.Sprintf("; and %d more of the kind, the last in line %d", n.times-maxAlike, n.line)
		}
	}
	*t = tallies{}
}

// How much a document may come to.
const (
	maxRows = 10_000
	maxNote = 300 // octets of a document that a note quotes
)

// What a document comes to when it is too much.
var (
	errRows     = fmt.Errorf("more than %d rows", maxRows)
	errPatterns = fmt.Errorf("more than %d names and prefixes", zones.MaxListPatterns)
	errPrinted  = errors.New("too long for a name or a prefix")
)

// bounds says of what r has too much.
func (r *reading) bounds() error {
	if len(r.drafts) > maxRows {
		return errRows
	}
	n := len(r.minus)
	for i := range r.drafts {
		n += len(r.drafts[i].names) + len(r.drafts[i].prefixes)
	}
	if n > zones.MaxListPatterns {
		return errPatterns
	}
	return nil
}
