package server_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"splitdns/matcher"
	"splitdns/server"
	"splitdns/server/internal/wire"
	"splitdns/server/policy"
)

// asked is what a finished answer is for, in any generation.
type asked struct {
	query wire.Query
	class policy.Class
}

// answered is what the twin of the table knows of the last answer to that.
type answered struct {
	generation uint64
	until      time.Duration
	number     uint32
}

// randomAsked is a question for one of that many names, with flags, of one of three classes.
func randomAsked(t *testing.T, names int) asked {
	t.Helper()
	n, err := matcher.ParseName(fmt.Sprintf("h%d.example", rand.IntN(names)))
	if err != nil {
		t.Fatal(err)
	}
	q := wire.Query{Question: wire.Question{Name: n, Type: wire.TypeA, Class: wire.ClassIN}}
	if rand.IntN(2) == 0 {
		q.Type = wire.TypeAAAA
	}
	q.DO, q.CD = rand.IntN(4) == 0, rand.IntN(4) == 0
	return asked{q, policy.Class(rand.IntN(3))}
}

// TestFinishedTableIsAMap puts and finds at random while time passes and generations change, and compares
// with a map of all that was put last: never is there another answer, none is there after its time or in
// another generation, and where there is room for all, all are there.
func TestFinishedTableIsAMap(t *testing.T) {
	const plenty = 1 << 30
	for name, c := range map[string]struct {
		entries int
		octets  int64
		names   int
		roomy   bool
	}{
		"room for all": {100_000, plenty, 10, true},
		"few places":   {1, plenty, 10, false},
		"few octets":   {10_000, 1 << 16, 100, false},
	} {
		t.Run(name, func(t *testing.T) {
			table, twin, hits := server.NewFinishedTable(c.entries, c.octets), map[asked]answered{}, 0
			generation, now := uint64(1), time.Duration(0)
			for number := range uint32(20_000) {
				now += time.Duration(rand.IntN(100)) * time.Millisecond
				if rand.IntN(500) == 0 {
					generation++
				}
				if a := randomAsked(t, c.names); rand.IntN(2) == 0 {
					fresh := answered{generation - uint64(rand.IntN(2)), now + time.Duration(rand.IntN(30))*time.Second, number}
					m := wire.NewMessage(a.query.Question, wire.NoError)
					table.Put(a.query, a.class, fresh.generation, fresh.until, m, number)
					twin[a] = fresh
				}
				a := randomAsked(t, c.names)
				got, ok := table.Find(a.query, a.class, generation, now)
				want, put := twin[a]
				holds := put && want.generation == generation && now < want.until
				switch {
				case ok && (!holds || got != want.number):
					t.Fatalf("%+v: answer %d, want %+v, which holds: %v", a, got, want, holds)
				case holds && !ok && c.roomy:
					t.Fatalf("%+v is not there, want %+v", a, want)
				case ok:
					hits++
				}
			}
			if counted, said, limit := table.Octets(); counted != said || counted > limit {
				t.Errorf("%d octets are counted, the answers take %d, want the same and %d at most", counted, said, limit)
			}
			if hits == 0 {
				t.Error("nothing was ever found")
			}
		})
	}
}
