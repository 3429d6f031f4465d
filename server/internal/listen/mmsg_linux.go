package listen

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// messages is what recvmmsg fills and sendmmsg sends: one header for each packet, which points to the
// packet, its address and its packet info.
type messages struct {
	headers [batchSize]unix.Mmsghdr
	packets [batchSize]unix.Iovec
}

// point makes the i-th message one that has its packet in b.
func (m *messages) point(i int, b []byte) *unix.Msghdr {
	m.packets[i].Base = unsafe.SliceData(b)
	m.packets[i].SetLen(len(b))
	h := &m.headers[i].Hdr
	h.Iov = &m.packets[i]
	h.SetIovlen(1)
	return h
}

// receive reads packets into headers, and returns how many there were: at least one if errno is 0.
func receive(fd uintptr, headers []unix.Mmsghdr) (n int, errno syscall.Errno) {
	return mmsg(unix.SYS_RECVMMSG, fd, headers)
}

// transmit sends headers, and returns how many left. errno is about the first of them.
func transmit(fd uintptr, headers []unix.Mmsghdr) (n int, errno syscall.Errno) {
	return mmsg(unix.SYS_SENDMMSG, fd, headers)
}

// mmsg is recvmmsg or sendmmsg, without waiting. The scheduler is not told (RawSyscall6): a batch takes
// so long, some 100 µs, that it would give our place to another thread, and we would have to wait for
// one. That cost more than batches save: 5.2 µs for each query instead of 3.8. The price is that the
// collector may have to wait for the end of a batch. The last arguments are those of recvmmsg alone: it
// has no timeout.
func mmsg(call, fd uintptr, headers []unix.Mmsghdr) (int, syscall.Errno) {
	for {
		n, _, errno := unix.RawSyscall6(call, fd, uintptr(unsafe.Pointer(unsafe.SliceData(headers))), uintptr(len(headers)),
			unix.MSG_DONTWAIT, 0, 0)
		switch errno {
		case 0:
			return int(n), 0
		case unix.EINTR:
			continue
		}
		return 0, errno
	}
}

// takesBatches says whether the system lets us use both calls, which a filter for system calls may not.
func takesBatches(c syscall.RawConn) bool {
	takes := false
	err := c.Control(func(fd uintptr) {
		_, receives := receive(fd, nil)
		_, transmits := transmit(fd, nil)
		takes = receives == 0 && transmits == 0
	})
	return err == nil && takes
}

// sharePort lets the socket share its port with others of this user that do so too; the system then
// spreads the clients over them.
func sharePort(c syscall.RawConn) error {
	var set error
	err := c.Control(func(fd uintptr) {
		set = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
	})
	if err != nil {
		return err
	}
	return set
}
