package wire_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"splitdns/server/internal/wire"
)

// TestTableIsAMap compares a table with a map after each key that comes, on both sides of the size
// where it becomes one, and in any order of keys.
func TestTableIsAMap(t *testing.T) {
	for _, size := range []int{0, 1, wire.Few - 1, wire.Few, wire.Few + 1, 5000} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			var table wire.Table[int, int]
			twin := make(map[int]int)
			keys := rand.Perm(2 * size)
			check := func(k int) {
				t.Helper()
				v, ok := table.Find(k)
				want, has := twin[k]
				if v != want || ok != has {
					t.Fatalf("with %d keys: Find(%d) = %d, %v, want %d, %v", len(twin), k, v, ok, want, has)
				}
			}
			check(0) // whose place is there before it is
			for i, k := range keys[:size] {
				table.Add(k, i)
				twin[k] = i
				check(k)
				check(keys[i+1])
				check(keys[rand.IntN(len(keys))])
			}
			for _, k := range keys {
				check(k)
			}
		})
	}
}
