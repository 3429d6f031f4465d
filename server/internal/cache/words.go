package cache

import (
	"maps"
	"slices"
	"sync"
	"sync/atomic"
)

// words numbers the few strings that all entries share: upstream groups and their
// servers. They come from the configuration, and a reload adds a few at most, so there
// is no need to forget any.
type words struct {
	mu    sync.Mutex // held to add one
	known atomic.Pointer[vocabulary]
}

// vocabulary is the words known at a time. It never changes.
type vocabulary struct {
	list    []string
	numbers map[string]int // in list
}

// number returns the number of word if it is known.
func (w *words) number(word string) (n int, ok bool) {
	v := w.known.Load()
	if v == nil {
		return 0, false
	}
	n, ok = v.numbers[word]
	return n, ok
}

// word returns the word of that number, which is known.
func (w *words) word(n int) string { return w.known.Load().list[n] }

// add returns the number of word, which is known from now on.
func (w *words) add(word string) int {
	if n, ok := w.number(word); ok {
		return n
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if n, ok := w.number(word); ok {
		return n // another one was faster
	}
	next := &vocabulary{numbers: map[string]int{}}
	if v := w.known.Load(); v != nil {
		next.list, next.numbers = v.list, maps.Clone(v.numbers)
	}
	next.list = append(slices.Clip(next.list), word)
	next.numbers[word] = len(next.list) - 1
	w.known.Store(next)
	return len(next.list) - 1
}
