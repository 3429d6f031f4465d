package nftset_test

import (
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"

	"splitdns/server/internal/nftset"
	"splitdns/server/policy"
)

// FuzzMessages gives what the kernel might send to all parsers: ranges are whole, and events are no
// more than there is room for in the message.
func FuzzMessages(f *testing.F) {
	set := policy.Set{Family: "inet", Table: "f", Name: "s"}
	var all []byte
	for _, addr := range []string{"192.0.2.1", "2001:db8::1", "255.255.255.255", "0.0.0.0"} {
		for _, kind := range []uint8{unix.NFT_MSG_DELSETELEM, unix.NFT_MSG_NEWSETELEM, unix.NFT_MSG_DELSET, unix.NFT_MSG_NEWGEN} {
			b := nftset.Question(kind, set, netip.MustParseAddr(addr))
			f.Add(b, true)
			f.Add(b[:len(b)-5], false)
			all = append(all, b...)
		}
	}
	f.Add(all, true)
	f.Add([]byte{}, false)
	f.Fuzz(func(t *testing.T, b []byte, interval bool) {
		p, err := nftset.ParseAll(b, interval)
		if most := len(b) / 16; p.Events > most {
			t.Errorf("%d events in %d octets", p.Events, len(b))
		}
		if most := len(b) / 4; p.Added > most {
			t.Errorf("%d elements in %d octets", p.Added, len(b))
		}
		for _, r := range p.Ranges {
			if !r[0].IsValid() || !r[1].IsValid() || !interval && r[0] != r[1] && err == nil && r[1].Less(r[0]) {
				t.Errorf("range %v", r)
			}
		}
	})
}

// TestMessages has the parsers read what they should.
func TestMessages(t *testing.T) {
	set := policy.Set{Family: "inet", Table: "f", Name: "s"}
	b := nftset.Question(unix.NFT_MSG_NEWSETELEM, set, netip.MustParseAddr("192.0.2.1"))
	p, err := nftset.ParseAll(append(b, nftset.Question(unix.NFT_MSG_DELSETELEM, set, netip.MustParseAddr("192.0.2.2"))...), false)
	if err != nil || p.Events != 2 || p.Added != 1 || len(p.Ranges) != 1 || p.Ranges[0][0] != netip.MustParseAddr("192.0.2.1") {
		t.Errorf("%+v, %v, want two events and one element", p, err)
	}
	if _, err := nftset.ParseAll(b[:20], false); err == nil {
		t.Error("a message that is cut off is fine")
	}
}
