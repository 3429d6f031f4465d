package listen

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// overflowed is how many packets the system had no room for on this socket. ok is false if it does not say.
func (s *udpSocket) overflowed() (n uint64, ok bool) {
	var info [unix.SK_MEMINFO_VARS]uint32
	size := uint32(unsafe.Sizeof(info))
	err := s.raw.Control(func(fd uintptr) {
		_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, fd, unix.SOL_SOCKET, unix.SO_MEMINFO,
			uintptr(unsafe.Pointer(&info)), uintptr(unsafe.Pointer(&size)), 0)
		ok = errno == 0 && size == uint32(unsafe.Sizeof(info))
	})
	return uint64(info[unix.SK_MEMINFO_DROPS]), ok && err == nil
}
