package nftset_test

import (
	"context"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"splitdns/server/internal/nftset"
	"splitdns/server/policy"
)

// set4 is the set of most tests.
var set4 = policy.Set{Family: "inet", Table: "f", Name: "m4"}

// v6 is an address of the other version.
var v6 = netip.MustParseAddr("2001:db8::1")

// A bench is a keeper on a fake kernel, in a bubble.
type bench struct {
	*nftset.Keeper
	kernel *nftset.Fake
	end    func() // ends Run

	mu        sync.Mutex
	good, bad []string
	lost      int
	flushed   time.Time // when the test last flushed the set
}

// start starts a keeper for set4, within a bubble.
func start(t testing.TB, kernel *nftset.Fake) *bench {
	t.Helper()
	b := &bench{kernel: kernel}
	b.Keeper = nftset.NewWith(nftset.Options{Report: b.report, Lost: func() { b.mu.Lock(); b.lost++; b.mu.Unlock() }}, kernel)
	b.Follow(nftset.Config{Grace: 2 * time.Minute, Min: 10 * time.Minute, Sets: []nftset.Wanted{{Set: set4, Rules: []string{"mdm"}}}})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- b.Run(ctx) }()
	b.end = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	t.Cleanup(b.end)
	return b
}

func (b *bench) report(bad bool, text string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if bad {
		b.bad = append(b.bad, text)
		return
	}
	b.good = append(b.good, text)
}

// told is what was reported so far, but for the rule with one IP version.
func (b *bench) told() (good, bad string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var rest []string
	for _, text := range b.bad {
		if !strings.HasPrefix(text, "rule mdm: ") {
			rest = append(rest, text)
		}
	}
	return strings.Join(b.good, "\n"), strings.Join(rest, "\n")
}

// losses is how often Lost was called.
func (b *bench) losses() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.lost
}

// deaf makes the monitor hear nothing, or hear again.
func deaf(f *nftset.Fake, is bool) { f.Change(func() { f.Deaf = is }) }

// puts is how many transactions the kernel was given.
func puts(f *nftset.Fake) (n int) {
	f.Change(func() { n = f.Puts })
	return n
}

// add puts addresses in, for a TTL, and is the verdict.
func (b *bench) add(ttl time.Duration, addrs ...netip.Addr) error {
	done := make(chan error, 2)
	b.Add(of(ttl, addrs...), func(err error) { done <- err })
	return <-done
}

// of are elements of set4.
func of(ttl time.Duration, addrs ...netip.Addr) []nftset.Element {
	es := make([]nftset.Element, len(addrs))
	for i, addr := range addrs {
		es[i] = nftset.Element{Set: set4, Addr: addr, TTL: ttl, Name: "push.example", Client: netip.MustParseAddr("10.0.0.1")}
	}
	return es
}

// nth is an address.
func nth(i int) netip.Addr {
	return netip.AddrFrom4([4]byte{192, byte(i >> 16), byte(i >> 8), byte(i)})
}

// healthy is a kernel with set4.
func healthy() *nftset.Fake {
	f := nftset.NewFake()
	f.Make(set4, "ipv4_addr", 0)
	return f
}
