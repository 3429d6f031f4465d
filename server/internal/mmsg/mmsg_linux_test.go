package mmsg_test

import (
	"errors"
	"fmt"
	"net"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"splitdns/server/internal/mmsg"
)

// pair is two sockets, each of which takes what the other sends.
func pair(t *testing.T) (here, there int) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = unix.Close(fds[0]), unix.Close(fds[1]) })
	return fds[0], fds[1]
}

// room is where packets are read.
type room struct {
	messages mmsg.Messages
	packets  [mmsg.Size][16]byte
}

// newRoom returns room for a batch.
func newRoom() *room {
	r := new(room)
	for i := range r.packets {
		r.messages.Point(i, r.packets[i][:])
	}
	return r
}

// wantPackets compares n packets that were read with what was sent, from the packet number first.
func (r *room) wantPackets(t *testing.T, n, first int) {
	t.Helper()
	for i := range n {
		got, want := string(r.packets[i][:r.messages.Headers[i].Len]), fmt.Sprint("packet ", first+i)
		if got != want {
			t.Errorf("packet %d is %q, want %q", first+i, got, want)
		}
	}
}

// send sends packets with one system call.
func send(t *testing.T, fd, n int) {
	t.Helper()
	var m mmsg.Messages
	for i := range n {
		m.Point(i, fmt.Append(nil, "packet ", i))
	}
	if sent, errno := mmsg.Transmit(uintptr(fd), m.Headers[:n]); sent != n || errno != 0 {
		t.Fatalf("Transmit = %d, %v, want %d", sent, errno, n)
	}
}

// read is Receive or Await.
type read = func(fd uintptr, headers []unix.Mmsghdr) (int, syscall.Errno)

// await is Await again after an interrupt.
func await(fd uintptr, headers []unix.Mmsghdr) (n int, errno syscall.Errno) {
	for errno = unix.EINTR; errno == unix.EINTR; {
		n, errno = mmsg.Await(fd, headers)
	}
	return n, errno
}

func TestReadsWhatIsThere(t *testing.T) {
	for name, read := range map[string]read{"Receive": mmsg.Receive, "Await": await} {
		t.Run(name, func(t *testing.T) {
			here, there := pair(t)
			if err := mmsg.HoldFor(uintptr(here), time.Millisecond); err != nil {
				t.Fatal(err)
			}
			r := newRoom()
			send(t, there, 5)
			for _, call := range []struct{ room, want, first int }{{3, 3, 0}, {mmsg.Size, 2, 3}} {
				n, errno := read(uintptr(here), r.messages.Headers[:call.room])
				if n != call.want || errno != 0 {
					t.Fatalf("with room for %d: %d packets, %v, want %d", call.room, n, errno, call.want)
				}
				r.wantPackets(t, n, call.first)
			}
			if n, errno := read(uintptr(here), r.messages.Headers[:]); n != 0 || errno != unix.EAGAIN {
				t.Errorf("with none there: %d packets, %v, want EAGAIN", n, errno)
			}
		})
	}
}

// A packet that comes later than the call ends the wait; nothing else would.
func TestAwaitWaits(t *testing.T) {
	here, there := pair(t)
	if err := mmsg.HoldFor(uintptr(here), time.Hour); err != nil {
		t.Fatal(err)
	}
	sent := make(chan error, 1)
	go func() { sent <- unix.Send(there, []byte("packet 0"), 0) }()
	r := newRoom()
	if n, errno := await(uintptr(here), r.messages.Headers[:]); n != 1 || errno != 0 {
		t.Fatalf("Await = %d, %v, want one packet", n, errno)
	}
	r.wantPackets(t, 1, 0)
	if err := <-sent; err != nil {
		t.Error(err)
	}
}

// A UDP socket that was shut down says to who waits, at once and again and again, that there is a packet:
// of nothing, from nobody. Who does not wait cannot tell it from one that is open.
func TestShutdownEndsAwait(t *testing.T) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Close(fd) })
	if err := errors.Join(unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}), mmsg.HoldFor(uintptr(fd), time.Hour)); err != nil {
		t.Fatal(err)
	}
	_ = unix.Shutdown(fd, unix.SHUT_RD) // an error says that it is not connected
	r := newRoom()
	for range 2 {
		var from [unix.SizeofSockaddrInet4]byte
		h := &r.messages.Headers[0]
		h.Hdr.Name, h.Hdr.Namelen = &from[0], uint32(len(from))
		if n, errno := mmsg.Receive(uintptr(fd), r.messages.Headers[:1]); n != 0 || errno != unix.EAGAIN {
			t.Errorf("Receive = %d, %v, want EAGAIN", n, errno)
		}
		n, errno := await(uintptr(fd), r.messages.Headers[:1])
		if n != 1 || errno != 0 || h.Len != 0 || h.Hdr.Namelen != 0 {
			t.Errorf("Await = %d, %v, with %d octets and %d of address, want one packet of nothing, from nobody",
				n, errno, h.Len, h.Hdr.Namelen)
		}
	}
}

func TestHoldForClosed(t *testing.T) {
	const none = 1 << 30 // no file descriptor
	if err := mmsg.HoldFor(none, time.Millisecond); !errors.Is(err, unix.EBADF) {
		t.Errorf("HoldFor = %v, want EBADF", err)
	}
}

func TestWorks(t *testing.T) {
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	raw, err := conn.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if !mmsg.Works(raw) {
		t.Error("there are no batches on an open socket")
	}
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	if mmsg.Works(raw) {
		t.Error("there are batches on a closed socket")
	}
}
