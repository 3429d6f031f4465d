package listen

import (
	"encoding/binary"
	"net"
	"net/netip"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// Places in struct sockaddr_in and sockaddr_in6. The family, in front, has the machine's order of
// octets, as has the scope.
const (
	sockaddrPort   = 2
	sockaddrAddr4  = 4
	sockaddrAddr6  = 8
	sockaddrScope6 = 24
)

// sockaddrs reads addresses as the system gives them, without allocating. It is one reader's.
type sockaddrs struct {
	scope uint32 // whose zone was asked for last
	zone  string
	until time.Time // when it is asked for again, as interfaces can be renamed
}

// addrPort is the address in b; not a valid one if b holds none.
func (s *sockaddrs) addrPort(b []byte) netip.AddrPort {
	if len(b) < unix.SizeofSockaddrInet4 {
		return netip.AddrPort{}
	}
	port := binary.BigEndian.Uint16(b[sockaddrPort:])
	switch family := binary.NativeEndian.Uint16(b); {
	case family == unix.AF_INET:
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte(b[sockaddrAddr4:])), port)
	case family != unix.AF_INET6 || len(b) < unix.SizeofSockaddrInet6:
		return netip.AddrPort{}
	}
	a := netip.AddrFrom16([16]byte(b[sockaddrAddr6:])).Unmap()
	if scope := binary.NativeEndian.Uint32(b[sockaddrScope6:]); scope != 0 {
		a = a.WithZone(s.zoneOf(scope))
	}
	return netip.AddrPortFrom(a, port)
}

// zoneTime is how long the name of an interface is believed, as in package net.
const zoneTime = time.Minute

// zoneOf is the name of the interface that is number scope, or the number. Only link-local addresses
// have one, and mostly all the same.
func (s *sockaddrs) zoneOf(scope uint32) string {
	now := time.Now()
	if scope == s.scope && now.Before(s.until) {
		return s.zone
	}
	s.scope, s.zone, s.until = scope, strconv.FormatUint(uint64(scope), 10), now.Add(zoneTime)
	if i, err := net.InterfaceByIndex(int(scope)); err == nil {
		s.zone = i.Name
	}
	return s.zone
}
