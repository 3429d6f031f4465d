package nftset_test

import (
	"net/netip"
	"testing"
	"time"

	"splitdns/server/internal/nftset"
	"splitdns/server/policy"
)

// elements are addresses for one set, each for five minutes.
func elements(t testing.TB, set string, addrs ...string) []nftset.Element {
	t.Helper()
	s, err := policy.ParseSet(set)
	if err != nil {
		t.Fatal(err)
	}
	es := make([]nftset.Element, len(addrs))
	for i, addr := range addrs {
		es[i] = nftset.Element{
			Set: s, Addr: netip.MustParseAddr(addr), TTL: 5 * time.Minute,
			Name: "push.example", Client: netip.MustParseAddr("10.0.0.1"),
		}
	}
	return es
}
