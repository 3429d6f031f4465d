package listen_test

import (
	"encoding/binary"
	"net"
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"

	"splitdns/server/internal/listen"
)

// sockaddr is an address as the system gives it.
func sockaddr(a netip.AddrPort, scope uint32) []byte {
	family := uint16(unix.AF_INET)
	if a.Addr().Is6() {
		family = unix.AF_INET6
	}
	b := binary.NativeEndian.AppendUint16(nil, family)
	b = binary.BigEndian.AppendUint16(b, a.Port())
	if a.Addr().Is4() {
		return append(append(b, a.Addr().AsSlice()...), make([]byte, 8)...)
	}
	b = append(append(b, 0, 0, 0, 0), a.Addr().AsSlice()...)
	return binary.NativeEndian.AppendUint32(b, scope)
}

func TestAddresses(t *testing.T) {
	lo, err := net.InterfaceByName("lo")
	if err != nil {
		t.Skip(err)
	}
	tests := map[string]struct {
		addr  string
		scope uint32
		want  string
	}{
		"IPv4":                       {"192.0.2.1:53", 0, "192.0.2.1:53"},
		"IPv6":                       {"[2001:db8::1]:65535", 0, "[2001:db8::1]:65535"},
		"IPv4-mapped":                {"[::ffff:192.0.2.1]:1", 0, "192.0.2.1:1"},
		"link-local":                 {"[fe80::1]:5353", uint32(lo.Index), "[fe80::1%lo]:5353"},
		"link-local, no interface":   {"[fe80::1]:5353", 1 << 30, "[fe80::1%1073741824]:5353"},
		"link-local, as the one was": {"[fe80::2]:5353", uint32(lo.Index), "[fe80::2%lo]:5353"},
	}
	addresses := listen.Addresses()
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			for range 2 { // the second time from what is known
				got := addresses(sockaddr(netip.MustParseAddrPort(test.addr), test.scope))
				if got.String() != test.want {
					t.Errorf("got %v, want %v", got, test.want)
				}
			}
		})
	}
}

// FuzzAddresses holds the reading of addresses to their writing, for whatever octets come.
func FuzzAddresses(f *testing.F) {
	f.Add(sockaddr(netip.MustParseAddrPort("192.0.2.1:53"), 0))
	f.Add(sockaddr(netip.MustParseAddrPort("[2001:db8::1]:53"), 0))
	f.Add(sockaddr(netip.MustParseAddrPort("[fe80::1]:53"), 1))
	f.Add([]byte{byte(unix.AF_INET6), 0, 0, 53})
	f.Add([]byte{})
	addresses := listen.Addresses()
	f.Fuzz(func(t *testing.T, b []byte) {
		got := addresses(b)
		if !got.IsValid() {
			return
		}
		if got.Addr().Is4In6() {
			t.Errorf("%x: %v is IPv4-mapped", b, got)
		}
		plain := netip.AddrPortFrom(got.Addr().WithZone(""), got.Port())
		again := addresses(sockaddr(plain, 0))
		if again != plain {
			t.Errorf("%x: read %v, which reads as %v when written", b, plain, again)
		}
	})
}
