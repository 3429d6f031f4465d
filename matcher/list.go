package matcher

import (
	"encoding/binary"
	"iter"
)

// List is patterns in a row. It never changes, may be copied and shared, and takes little
// more memory than the names: a pattern without ranges and stars inside labels is its name in
// wire form and one octet. The zero value has no patterns.
type List struct {
	chunks []string // of records
	odds   []*odd
	size   int
}

// A record is a head, for an odd pattern the number of its odd in four octets, and the
// suffix in wire form. The head is the anchor, with a bit for the odd ones.
const (
	oddBit  = 4
	oddSize = 4
)

// ListOf makes a list of patterns, in their order. The zero Pattern is left out: it matches nothing.
func ListOf(patterns ...Pattern) List {
	var l listed
	for _, p := range patterns {
		l.append(p)
	}
	return l.list()
}

// Len returns how many patterns l has.
func (l List) Len() int { return l.size }

// All yields the patterns in their order. It does not allocate.
func (l List) All() iter.Seq[Pattern] {
	return func(yield func(Pattern) bool) {
		for p := range l.places {
			if !yield(p) {
				return
			}
		}
	}
}

// places yields the patterns, and where in l's own chunks their suffixes stand.
func (l List) places(yield func(Pattern, address) bool) {
	for i, chunk := range l.chunks {
		for rest := chunk; rest != ""; {
			p := Pattern{anchor: anchor(rest[0] &^ oddBit)}
			isOdd := rest[0]&oddBit != 0
			if rest = rest[1:]; isOdd {
				p.odd = l.odds[binary.BigEndian.Uint32([]byte(rest[:oddSize]))]
				rest = rest[oddSize:]
			}
			wire, labels := wireOf(rest)
			p.suffix, p.fixed = Name{wire}, uint8(labels)
			if !yield(p, address(i*chunkSize+len(chunk)-len(rest))) {
				return
			}
			rest = rest[len(wire):]
		}
	}
}

// listed is a list being made.
type listed struct {
	arena
	odds []*odd
	size int
}

// append adds a pattern.
func (l *listed) append(p Pattern) {
	if p.suffix.IsZero() {
		return
	}
	var room [1 + oddSize + maxName]byte
	record := append(room[:0], byte(p.anchor))
	if p.odd != nil {
		record[0] |= oddBit
		record = binary.BigEndian.AppendUint32(record, uint32(len(l.odds)))
		l.odds = append(l.odds, p.odd)
	}
	l.arena.append(append(record, p.suffix.wire...))
	l.size++
}

// list returns the list made so far.
func (l *listed) list() List { return List{l.chunks, l.odds, l.size} }

// ListBuilder makes a list of which no pattern stands twice. The zero value is ready for use.
type ListBuilder struct {
	listed
	plain table               // of the records that are not odd
	texts map[string]struct{} // of the odd patterns
}

// List returns the patterns added so far. The builder must not be used any more.
func (b *ListBuilder) List() List { return b.list() }

// Len returns how many patterns were added so far.
func (b *ListBuilder) Len() int { return b.size }

// Add adds a pattern, and says whether it is new. The zero Pattern is ignored.
func (b *ListBuilder) Add(p Pattern) (isNew bool) {
	if p.suffix.IsZero() {
		return false
	}
	if p.odd == nil {
		var room [1 + maxName]byte
		return b.addRecord(append(append(room[:0], byte(p.anchor)), p.suffix.wire...))
	}
	if _, ok := b.texts[p.odd.text]; ok {
		return false
	}
	if b.texts == nil {
		b.texts = make(map[string]struct{})
	}
	b.texts[p.odd.text] = struct{}{}
	b.append(p)
	return true
}

// Grow makes room for so many more patterns, about as many as will be added: without, making
// room time and again takes half of the time.
func (b *ListBuilder) Grow(patterns int) { b.resize(b.plain.used + patterns) }

// AddPlain adds the pattern that text spells, if it spells one in the plainest way: in
// canonical form, of letters, digits, hyphens and underscores, with `*.` or `.` before it or
// not, and short. It refuses all else, and much that [ParsePattern] would take, which is then
// to be asked. It neither allocates for a pattern nor keeps text: what it takes, most lines of
// most lists, it takes ten times as fast.
func (b *ListBuilder) AddPlain(text []byte) (isNew, isPlain bool) {
	var room [1 + maxName]byte
	record, ok := plainRecord(room[:0], text)
	return ok && b.addRecord(record), ok
}

// addRecord adds a record that is not odd, and says whether it is new.
func (b *ListBuilder) addRecord(record []byte) (isNew bool) {
	if b.plain.isFull() {
		b.resize(16 + 2*b.plain.used)
	}
	if b.plain.find(&b.arena, record) != nil {
		return false
	}
	b.plain.add(slot{where: b.arena.append(record)}, record)
	b.size++
	return true
}

// resize makes room for so many records that are not odd.
func (b *ListBuilder) resize(records int) {
	var room [1 + maxName]byte
	b.plain = b.plain.resized(records, func(where address) []byte {
		rest := b.at(where)
		wire, _ := wireOf(rest[1:])
		return append(room[:0], rest[:1+len(wire)]...)
	})
}

// maxPlain is the length of the longest text that is plain: so much is in no danger of being
// longer than a name can be.
const maxPlain = 200

// plainRecord puts into room the record of the pattern that text spells in the plainest way. A name
// in wire form is its text with a length in place of each dot, and one before it. Looking
// octets up in a table, rather than asking for letters and digits, takes two thirds off the time.
func plainRecord(room, text []byte) (record []byte, ok bool) {
	a, text := plainAnchor(text)
	if len(text) > maxPlain {
		return nil, false
	}
	record = append(append(room, byte(a), 0), text...)
	begin, digits := 1, 0 // of the label being read
	for i := 2; i < len(record); i++ {
		kind := plainKinds[record[i]]
		digits += int(kind >> 1)
		if kind != 0 {
			continue
		}
		size := i - begin - 1
		if record[i] != '.' || size == 0 || size > maxLabel {
			return nil, false
		}
		record[begin] = byte(size)
		begin, digits = i, 0
	}
	size := len(record) - begin - 1
	record[begin] = byte(size)
	// What ends in a number may be an address, and what ends in a dot has an empty label.
	return append(record, 0), digits < size && size <= maxLabel
}

// plainKinds tells the octets of plain text apart: 3 is a digit, 1 any other that stands for
// itself and has no upper case, 0 all else.
var plainKinds = func() (kinds [256]uint8) {
	for i := range kinds {
		switch c := byte(i); {
		case isDigit(c):
			kinds[i] = 3
		case isPlain(c) && c == lower(c):
			kinds[i] = 1
		}
	}
	return kinds
}()

// plainAnchor splits off what text says of the labels to the left.
func plainAnchor(text []byte) (anchor, []byte) {
	switch {
	case len(text) > 0 && text[0] == '.':
		return subtree, text[1:]
	case len(text) > 1 && text[0] == '*' && text[1] == '.':
		return below, text[2:]
	}
	return exact, text
}
