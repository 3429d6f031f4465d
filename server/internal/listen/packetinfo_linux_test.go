package listen_test

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"splitdns/server/internal/listen"
)

// control is a control message as the system gives it.
func control(level, kind int32, data []byte) []byte {
	b := make([]byte, unix.CmsgSpace(len(data)))
	h := (*unix.Cmsghdr)(unsafe.Pointer(&b[0]))
	h.Level, h.Type = level, kind
	h.SetLen(unix.CmsgLen(len(data)))
	copy(b[unix.CmsgLen(0):], data)
	return b
}

// info4 is a control message with struct in_pktinfo.
func info4(index uint32, local, header string) []byte {
	data := binary.NativeEndian.AppendUint32(nil, index)
	data = append(data, netip.MustParseAddr(local).AsSlice()...)
	data = append(data, netip.MustParseAddr(header).AsSlice()...)
	return control(unix.IPPROTO_IP, unix.IP_PKTINFO, data)
}

// info6 is a control message with struct in6_pktinfo.
func info6(index uint32, local string) []byte {
	data := netip.MustParseAddr(local).AsSlice()
	return control(unix.IPPROTO_IPV6, unix.IPV6_PKTINFO, binary.NativeEndian.AppendUint32(data, index))
}

func TestTurnPacketInfo(t *testing.T) {
	tests := map[string]struct {
		received, sent []byte
		asked          string
	}{
		"IPv4 without the interface":    {info4(7, "192.0.2.1", "192.0.2.1"), info4(0, "192.0.2.1", "192.0.2.1"), "192.0.2.1"},
		"IPv4 broadcast":                {info4(7, "192.0.2.1", "192.0.2.255"), info4(0, "192.0.2.1", "192.0.2.255"), "192.0.2.1"},
		"IPv6 without the interface":    {info6(7, "2001:db8::1"), info6(0, "2001:db8::1"), "2001:db8::1"},
		"link-local with the interface": {info6(7, "fe80::1"), info6(7, "fe80::1"), "fe80::1"},
		"multicast is no source":        {info6(7, "ff02::1"), nil, ""},
		"another message":               {control(unix.SOL_SOCKET, unix.SO_TIMESTAMP, make([]byte, 16)), nil, ""},
		"too short for IPv4":            {control(unix.IPPROTO_IP, unix.IP_PKTINFO, make([]byte, 4)), nil, ""},
		"too short for IPv6":            {control(unix.IPPROTO_IPV6, unix.IPV6_PKTINFO, make([]byte, 4)), nil, ""},
		"cut off":                       {info6(7, "2001:db8::1")[:10], nil, ""},
		"nothing":                       {nil, nil, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			asked, size := listen.TurnPacketInfo(test.received)
			if !bytes.Equal(test.received[:size], test.sent) {
				t.Errorf("sent %x, want %x", test.received[:size], test.sent)
			}
			if got := asked; got.IsValid() && got.String() != test.asked || !got.IsValid() && test.asked != "" {
				t.Errorf("asked %v, want %v", got, test.asked)
			}
		})
	}
}
