package listen

import (
	"errors"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"splitdns/server/internal/mmsg"
)

// cores is how many goroutines could run at the same time when the first listener was opened. Like what
// follows it is of the process, as the scheduler is.
var cores = sync.OnceValue(func() int { return runtime.GOMAXPROCS(0) })

// sparePlace adds a place to Go's scheduler, for what goes on beside readers that hold theirs.
var sparePlace = sync.OnceFunc(func() { runtime.GOMAXPROCS(cores() + 1) })

// maxHolds is how often in a row a reader waits in vain inside the system call. Then it waits as others
// do, so that an idle server takes no time at all.
const maxHolds = 20

// holders counts the readers of this process that hold their places in the scheduler. At least one place is
// left to all other work.
var holders atomic.Int32

// takeHold takes a place to hold, if there is one to spare.
func takeHold() bool {
	if int(holders.Add(1)) < runtime.GOMAXPROCS(0) {
		return true
	}
	dropHold()
	return false
}

// dropHold gives the place back.
func dropHold() { holders.Add(-1) }

// hold has the reader of s wait for packets inside the system call, for d at a time. The socket leaves the
// poller of Go's runtime for that, which would wake a thread of its own for each packet.
func (s *udpSocket) hold(d time.Duration) error {
	sparePlace()
	var fd int
	var err error
	closed := s.raw.Control(func(old uintptr) {
		if fd, err = unix.FcntlInt(old, unix.F_DUPFD_CLOEXEC, 0); err != nil {
			err = os.NewSyscallError("fcntl", err)
			return
		}
		if err = mmsg.HoldFor(uintptr(fd), d); err != nil {
			_ = unix.Close(fd)
		}
	})
	if closed != nil || err != nil {
		return errors.Join(closed, err)
	}
	file := os.NewFile(uintptr(fd), "udp") // in blocking mode, so that the poller does not get it again
	_ = s.conn.Close()
	s.held, s.closer = true, file
	s.raw, err = file.SyscallConn()
	return err
}

// timeSlice is the shortest time that a thread may ask to run for.
const timeSlice = 100 * time.Microsecond

// hurry makes the thread the reader's own, and asks the system to let it run as soon as there is something
// for it to do, and not when the thread that runs there has had its time, some milliseconds: who asks for
// little gets it early. That is no privilege, as nobody gets more time for it. Hits in a cache of 100,000 names
// were late by 0.8 ms in the worst of a thousand cases, instead of 3.5, while the collector shared the core.
// Before Linux 6.12, nothing changes.
func hurry() {
	runtime.LockOSThread() // for good: the thread ends with the reader
	attr, err := unix.SchedGetAttr(0, 0)
	if err != nil || attr.Policy != unix.SCHED_NORMAL { // an administrator knows better
		return
	}
	attr.Runtime = uint64(timeSlice)
	_ = unix.SchedSetAttr(0, attr, 0) // it does without
}

// stopHeld has the reader of s notice that reading is stopped, however it waits.
func (s *udpSocket) stopHeld() {
	_ = s.raw.Control(func(fd uintptr) { _ = unix.Shutdown(int(fd), unix.SHUT_RD) }) // an error says that it is not connected
}

// await waits until there are packets, or reading is stopped. It is receive for a socket that is held.
func (b *batch) await(fd uintptr) bool {
	for inVain := 0; ; {
		b.received, b.errno = mmsg.Receive(fd, b.in.Headers[:])
		if b.errno == unix.EAGAIN {
			inVain = b.holdOn(fd, inVain)
		}
		switch {
		case b.errno == 0 && b.in.Headers[0].Hdr.Namelen == 0, // from nobody: what a socket says that was shut down
			b.errno == unix.EAGAIN && b.s.l.isStopping():
			b.received, b.errno = 0, unix.ESHUTDOWN
			return true
		case b.errno == unix.EAGAIN:
			_, _ = unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, -1) // an error shows when reading
			inVain = 0
		case b.errno != unix.EINTR:
			return true
		}
	}
}

// holdOn waits inside the system call, if there is a place for that, until it has been in vain maxHolds times,
// inVain of them before. It returns how often. An interrupt ends it: the scheduler or the collector wants to stop us
// for a moment, which it can where a function is called.
func (b *batch) holdOn(fd uintptr, inVain int) int {
	if !takeHold() {
		return inVain
	}
	defer dropHold()
	for ; inVain < maxHolds; inVain++ {
		if b.received, b.errno = mmsg.Await(fd, b.in.Headers[:]); b.errno != unix.EAGAIN {
			return inVain + 1
		}
	}
	return inVain
}
