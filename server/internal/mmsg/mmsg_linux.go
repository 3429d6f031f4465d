package mmsg

import (
	"os"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Size is how many packets are read or sent with one system call. Twice as many cost as much for each,
// and hold up the scheduler for twice as long; see [Receive].
const Size = 32

// Messages is what [Receive] fills and [Transmit] sends: one header for each packet, which points to the
// packet, its address and its control message.
type Messages struct {
	Headers [Size]unix.Mmsghdr
	packets [Size]unix.Iovec
}

// Point makes the i-th message one that has its packet in b, which must stay where it is.
func (m *Messages) Point(i int, b []byte) *unix.Msghdr {
	m.packets[i].Base = unsafe.SliceData(b)
	m.packets[i].SetLen(len(b))
	h := &m.Headers[i].Hdr
	h.Iov = &m.packets[i]
	h.SetIovlen(1)
	return h
}

// Receive reads packets into headers, and returns how many there were: at least one if errno is 0. With
// none there, errno is EAGAIN.
//
// The scheduler is not told (RawSyscall6): a batch takes so long, some 100 µs, that it would give our place
// to another thread, and we would have to wait for one. That cost more than batches save: 5.2 µs for each
// query instead of 3.8. The price is that the collector may have to wait for the end of a batch.
func Receive(fd uintptr, headers []unix.Mmsghdr) (n int, errno syscall.Errno) {
	return mmsg(unix.SYS_RECVMMSG, fd, headers)
}

// Await is Receive that waits until there is a packet, for as long as [HoldFor] has set, with the thread and
// its place in the scheduler held. With none there after that, errno is EAGAIN; EINTR is no more than the
// end of the wait before its time, as the scheduler or the collector asks for.
func Await(fd uintptr, headers []unix.Mmsghdr) (n int, errno syscall.Errno) {
	r, _, errno := unix.RawSyscall6(unix.SYS_RECVMMSG, fd, uintptr(unsafe.Pointer(unsafe.SliceData(headers))), uintptr(len(headers)),
		unix.MSG_WAITFORONE, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(r), 0
}

// HoldFor makes [Await] wait for at most d on a socket. From then on every other reading from it must say
// that it does not wait.
func HoldFor(fd uintptr, d time.Duration) error {
	tv := unix.NsecToTimeval(d.Nanoseconds())
	if err := unix.SetsockoptTimeval(int(fd), unix.SOL_SOCKET, unix.SO_RCVTIMEO, &tv); err != nil {
		return os.NewSyscallError("setsockopt", err)
	}
	return os.NewSyscallError("fcntl", unix.SetNonblock(int(fd), false))
}

// Transmit sends headers, and returns how many left. errno is about the first of them, EAGAIN if there is
// no room now. It is as [Receive] otherwise.
func Transmit(fd uintptr, headers []unix.Mmsghdr) (n int, errno syscall.Errno) {
	return mmsg(unix.SYS_SENDMMSG, fd, headers)
}

// mmsg is recvmmsg or sendmmsg, without waiting. The last arguments are those of recvmmsg alone: it has no
// timeout.
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

// Works says whether the system lets us use both calls, which a filter for system calls may not.
func Works(c syscall.RawConn) bool {
	takes := false
	err := c.Control(func(fd uintptr) {
		_, receives := Receive(fd, nil)
		_, transmits := Transmit(fd, nil)
		takes = receives == 0 && transmits == 0
	})
	return err == nil && takes
}
