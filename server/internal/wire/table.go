package wire

// few is up to how many keys comparing one by one is cheaper than a map.
const few = 16

// table is a map that needs no memory of its own while it has few keys, as it has
// for nearly every message. Strangers may send thousands, so above that it is a
// map indeed. The zero value is empty.
type table[K comparable, V any] struct {
	size   int // of keys and values
	keys   [few]K
	values [few]V
	more   map[K]V
}

// find returns the value of k.
func (t *table[K, V]) find(k K) (v V, ok bool) {
	for i := range t.keys[:t.size] {
		if t.keys[i] == k {
			return t.values[i], true
		}
	}
	v, ok = t.more[k]
	return v, ok
}

// add adds k, which is not in t.
func (t *table[K, V]) add(k K, v V) {
	if t.size < few {
		t.keys[t.size], t.values[t.size] = k, v
		t.size++
		return
	}
	if t.more == nil {
		t.more = make(map[K]V)
	}
	t.more[k] = v
}
