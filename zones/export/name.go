package export

import (
	"net/netip"
	"strconv"
	"strings"

	"splitdns/matcher"
)

// anchor says what of a name is meant.
type anchor uint8

const (
	exact   anchor = iota // the name
	below                 // every name below it
	subtree               // both
)

// plain is a name, or all below it, without ranges and stars: what most programs can say.
type plain struct {
	anchor anchor
	name   string // in canonical form, as [matcher.Pattern.String] writes it; "" is the root
}

// shape is how a pattern is put together.
type shape struct {
	plain        // its name may have ranges and stars
	text  string // of the pattern
}

// shapeOf takes a pattern apart. It needs no parser: the text is in canonical form, where a
// dot separates labels, a brace opens a range, and a star is a star.
func shapeOf(p matcher.Pattern) shape {
	text := p.String()
	if text == "*" {
		return shape{plain{below, ""}, text}
	}
	if name, ok := strings.CutPrefix(text, "*."); ok {
		return shape{plain{below, name}, text}
	}
	if name, ok := strings.CutPrefix(text, "."); ok {
		return shape{plain{subtree, name}, text}
	}
	return shape{plain{exact, text}, text}
}

// isOdd says whether there are ranges or stars inside labels.
func (s shape) isOdd() bool { return strings.ContainsAny(s.name, "*{") }

// hasStar says whether there is a star inside a label.
func (s shape) hasStar() bool { return strings.Contains(s.name, "*") }

// maxSpelled is how many names a pattern with ranges is written out as. {0..50} is 51.
const maxSpelled = 1000

// spelled gives the names that name, which may have ranges, stands for.
func spelled(name string) (names []string, fits bool) {
	before, rest, found := strings.Cut(name, "{")
	if !found {
		return []string{name}, true
	}
	numbers, after, _ := strings.Cut(rest, "}")
	low, high, _ := strings.Cut(numbers, "..")
	first, _ := strconv.ParseUint(low, 10, 64) // canonical: it is a number
	last, _ := strconv.ParseUint(high, 10, 64)
	tails, fits := spelled(after)
	if !fits || last-first >= uint64(maxSpelled/len(tails)) {
		return nil, false
	}
	for n := range last - first + 1 {
		for _, tail := range tails {
			names = append(names, before+strconv.FormatUint(first+n, 10)+tail)
		}
	}
	return names, true
}

// widened is the narrowest suffix of s without ranges and stars. There is none if it would be a
// top-level domain, or everything: nobody means that.
func (s shape) widened() (p plain, ok bool) {
	name := s.name
	if i := strings.LastIndexAny(name, "*}"); i >= 0 {
		_, name, _ = strings.Cut(name[i:], ".")
	}
	return plain{below, name}, strings.Contains(name, ".")
}

// What becomes of patterns that a format cannot say.
const (
	noteSpelled  = "written out as names of a range"
	noteOctets   = "left out: octets that host names do not have"
	noteAddress  = "left out: it would be read as an address"
	noteOdd      = "left out: a star in a label or a wide range (see --widen)"
	noteWidened  = "widened: a star in a label or a wide range"
	noteTooWide  = "left out: --widen would take a top-level domain"
	notePrefixes = "left out: this format has names only"
	noteEmpty    = "without a prefix"
	noteNames    = "left out: this format has prefixes only"
)

// octets says which octets a format can write in names.
type octets bool

const (
	hostNames octets = false // letters, digits, hyphen and underscore
	anyOctets octets = true  // also others, as \DDD
)

// plains yields what p comes to without ranges and stars, and notes what is lost or gained.
func (w *writing) plains(p matcher.Pattern, have octets, yield func(plain)) {
	s := shapeOf(p)
	switch {
	case have == hostNames && strings.Contains(s.name, `\`):
		w.notes.add("patterns", noteOctets, s.text)
	case s.isOdd():
		w.oddPlains(s, yield)
	case isAddress(s.name):
		w.notes.add("patterns", noteAddress, s.text)
	default:
		yield(s.plain)
	}
}

// oddPlains is plains for a pattern with ranges or stars inside labels.
func (w *writing) oddPlains(s shape, yield func(plain)) {
	if names, fits := spelled(s.name); fits && !s.hasStar() {
		w.notes.add("patterns", noteSpelled, s.text)
		w.spell(s, names, yield)
		return
	}
	wide, ok := s.widened()
	switch {
	case !w.o.Widen:
		w.notes.add("patterns", noteOdd, s.text)
	case !ok || isAddress(wide.name):
		w.notes.add("patterns", noteTooWide, s.text)
	default:
		w.notes.add("patterns", noteWidened, s.text)
		yield(wide)
	}
}

// spell yields the names that a pattern's ranges stand for. Those too long to exist are none.
func (w *writing) spell(s shape, names []string, yield func(plain)) {
	for _, name := range names {
		if isAddress(name) {
			w.notes.add("patterns", noteAddress, s.text)
		} else if _, err := matcher.ParseName(name); err == nil {
			yield(plain{s.anchor, name})
		}
	}
}

// isAddress says whether a program would read name as an address. It is in canonical form.
func isAddress(name string) bool {
	if name == "" || name[len(name)-1] < '0' || name[len(name)-1] > '9' {
		return false
	}
	_, err := netip.ParseAddr(name)
	return err == nil
}

// parent is name without its first label; "" is the root.
func parent(name string) string {
	_, rest, _ := strings.Cut(name, ".")
	return rest
}

// once tells what was seen from what is new. It is compact for plain patterns.
type once struct{ seen matcher.ListBuilder }

// newOnce is ready for all the patterns of w: making room time and again takes half of the time.
func (w *writing) newOnce() *once {
	patterns := 0
	for _, z := range w.zones {
		for i := range z.Rows {
			patterns += z.Rows[i].Patterns.Len()
		}
	}
	o := new(once)
	o.seen.Grow(patterns)
	return o
}

// isNew says whether p was not asked for before.
func (o *once) isNew(p plain) bool {
	text := []string{exact: "", below: "*.", subtree: "."}[p.anchor] + p.name
	if isNew, ok := o.seen.AddPlain([]byte(text)); ok {
		return isNew
	}
	pattern, err := matcher.ParsePattern(text)
	return err != nil || o.seen.Add(pattern) // what cannot be remembered had better stand twice
}
