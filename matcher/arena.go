package matcher

import "strings"

// chunkSize is how many octets a chunk of an arena holds at most: as many as half an
// address can tell apart.
const chunkSize = 1 << 16

// arena holds names in wire form, one behind another, in a few large pieces: a million
// names are no work for the garbage collector, and none is moved to make room for the next.
type arena struct {
	chunks []string
	open   *strings.Builder // what chunks[last] is being written with
	last   int
}

// address is where something stands in an arena: the number of its chunk, and the place there.
type address uint32

// nowhere is the address of what is in no arena yet.
const nowhere address = 1<<32 - 1

// at returns what stands at an address, and all of the chunk that follows.
func (a *arena) at(where address) string { return a.chunks[where/chunkSize][where%chunkSize:] }

// has says whether text stands at an address. A name in wire form says itself where it
// ends, so that this name, and no longer one, stands where its octets do.
func (a *arena) has(where address, text []byte) bool {
	have := a.at(where)
	return len(have) >= len(text) && have[:len(text)] == string(text)
}

// append copies text, of at most a few hundred octets, and returns its address.
func (a *arena) append(text []byte) address {
	if a.open == nil || a.open.Len()+len(text) > chunkSize {
		a.next()
	}
	where := a.first(a.last) + address(a.open.Len())
	a.open.Write(text)
	a.chunks[a.last] = a.open.String()
	return where
}

// next opens another chunk. The first grows with what is in it, for most lists are short.
func (a *arena) next() {
	isFirst := a.open == nil
	a.open = new(strings.Builder)
	if !isFirst {
		a.open.Grow(chunkSize)
	}
	a.last = a.adopt("")
}

// adopt adds chunks of another arena, which must not change any more, and returns the
// number of the first.
func (a *arena) adopt(chunks ...string) int {
	if len(a.chunks)+len(chunks) > int(nowhere/chunkSize) {
		panic("matcher: four gigabytes of names")
	}
	a.chunks = append(a.chunks, chunks...)
	return len(a.chunks) - len(chunks)
}

// first is the address at which a chunk begins.
func (a *arena) first(chunk int) address { return address(chunk) * chunkSize }

// wireOf returns the name in wire form that text begins with, and counts its labels.
func wireOf(text string) (wire string, labels int) {
	end := 0
	for text[end] != 0 {
		end += 1 + int(text[end])
		labels++
	}
	return text[:end+1], labels
}
