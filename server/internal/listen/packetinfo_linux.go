package listen

import (
	"encoding/binary"
	"net/netip"
	"syscall"

	"golang.org/x/sys/unix"
)

// havePacketInfo: Linux tells where a packet was sent to, and takes the same as the source to send from.
const havePacketInfo = true

// Sizes of the two control messages, and the places in them.
const (
	// packetInfoSize is the room for struct in6_pktinfo, the larger one, behind its header.
	packetInfoSize = 64
	// in_pktinfo: interface index (4 octets), local address (4), destination in the header (4).
	info4Address = 4
	// in6_pktinfo: address (16 octets), interface index (4).
	info6Index = 16
)

// askForPacketInfo makes the system tell, with every packet, the address that it was sent to.
func askForPacketInfo(c syscall.RawConn, six bool) error {
	var set error
	err := c.Control(func(fd uintptr) {
		if six {
			set = unix.SetsockoptInt(int(fd), unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, 1)
			return
		}
		set = unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_PKTINFO, 1)
	})
	if err != nil {
		return err
	}
	return set
}

// turnPacketInfo reads the address asked from info, as received, and makes info what is sent with the
// response: the same, without the interface, as the way back may lead through another one. Only a
// link-local address means nothing without its interface. size is how much of info to send; 0 if the
// address cannot be a source, and the system then chooses.
func turnPacketInfo(info []byte) (asked netip.Addr, size int) {
	if len(info) < unix.SizeofCmsghdr { // which the parser below takes for granted
		return netip.Addr{}, 0
	}
	header, data, _, err := unix.ParseOneSocketControlMessage(info)
	if err != nil {
		return netip.Addr{}, 0
	}
	switch kind := [2]int32{header.Level, header.Type}; kind {
	case [2]int32{unix.IPPROTO_IP, unix.IP_PKTINFO}:
		asked = turnInfo4(data)
	case [2]int32{unix.IPPROTO_IPV6, unix.IPV6_PKTINFO}:
		asked = turnInfo6(data)
	}
	if !asked.IsValid() || asked.IsMulticast() {
		return netip.Addr{}, 0
	}
	return asked, len(info)
}

// turnInfo4 reads and changes struct in_pktinfo.
func turnInfo4(data []byte) netip.Addr {
	if len(data) < unix.SizeofInet4Pktinfo {
		return netip.Addr{}
	}
	binary.NativeEndian.PutUint32(data, 0)
	return netip.AddrFrom4([4]byte(data[info4Address:]))
}

// turnInfo6 reads and changes struct in6_pktinfo.
func turnInfo6(data []byte) netip.Addr {
	if len(data) < unix.SizeofInet6Pktinfo {
		return netip.Addr{}
	}
	asked := netip.AddrFrom16([16]byte(data))
	if !asked.IsLinkLocalUnicast() {
		binary.NativeEndian.PutUint32(data[info6Index:], 0)
	}
	return asked
}
