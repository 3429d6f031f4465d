package wire

// Few is up to how many keys a table is no map.
const Few = few

// Table is a table.
type Table[K comparable, V any] struct{ t table[K, V] }

// Find returns the value of k.
func (t *Table[K, V]) Find(k K) (V, bool) { return t.t.find(k) }

// Add adds k, which is not in t.
func (t *Table[K, V]) Add(k K, v V) { t.t.add(k, v) }
