//go:build !linux

package listen

import (
	"net/netip"
	"syscall"
)

// havePacketInfo: the portable way knows nothing but the address that the socket is bound to.
const havePacketInfo = false

// packetInfoSize is the room for packet info: none.
const packetInfoSize = 0

// askForPacketInfo asks for nothing; see havePacketInfo.
func askForPacketInfo(syscall.RawConn, bool) error { return nil }

// turnPacketInfo finds nothing; see havePacketInfo.
func turnPacketInfo([]byte) (asked netip.Addr, size int) { return netip.Addr{}, 0 }
