//go:build linux

package main

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// batchSize is the most packets that one system call reads or writes.
const batchSize = 64

// packetSize is the most octets of a packet that are read.
const packetSize = 1500

// mmsghdr is struct mmsghdr of recvmmsg(2).
type mmsghdr struct {
	header unix.Msghdr
	length uint32
}

// A batch is room for the packets of one recvmmsg or sendmmsg. It points to the
// octets of its packets, which the caller owns.
type batch struct {
	messages [batchSize]mmsghdr
	vectors  [batchSize]unix.Iovec
}

// newBatch is a batch whose packets are without addresses until setName.
func newBatch() *batch {
	b := &batch{}
	for i := range b.messages {
		b.messages[i].header.Iov = &b.vectors[i]
		b.messages[i].header.SetIovlen(1)
	}
	return b
}

// set makes p, which is not empty, packet i.
func (b *batch) set(i int, p []byte) {
	b.vectors[i].Base = &p[0]
	b.vectors[i].SetLen(len(p))
}

// setName makes name the address of packet i.
func (b *batch) setName(i int, name *unix.RawSockaddrInet4) {
	b.messages[i].header.Name = (*byte)(unsafe.Pointer(name))
	b.messages[i].header.Namelen = unix.SizeofSockaddrInet4
}

// wait reads up to n packets from fd, and waits for the first.
func (b *batch) wait(fd, n int) (int, error) {
	got, _, errno := unix.Syscall6(unix.SYS_RECVMMSG, uintptr(fd), uintptr(unsafe.Pointer(&b.messages)), uintptr(n), unix.MSG_WAITFORONE, 0, 0)
	return counted(got, errno)
}

// receive reads up to n packets from fd, those that have come.
func (b *batch) receive(fd, n int) (int, error) {
	got, _, errno := unix.RawSyscall6(unix.SYS_RECVMMSG, uintptr(fd), uintptr(unsafe.Pointer(&b.messages)), uintptr(n), unix.MSG_DONTWAIT, 0, 0)
	return counted(got, errno)
}

// send writes the first n packets to fd, and returns how many it wrote.
func (b *batch) send(fd, n int) (int, error) {
	got, _, errno := unix.RawSyscall6(unix.SYS_SENDMMSG, uintptr(fd), uintptr(unsafe.Pointer(&b.messages)), uintptr(n), unix.MSG_DONTWAIT, 0, 0)
	return counted(got, errno)
}

// counted is what recvmmsg or sendmmsg returned. That nothing came, that there is no
// room, and that a signal came is no error. Nor is that a port was closed a moment
// ago, which a connected UDP socket reports once for each packet that met it.
//
// The calls that do not wait are raw: the scheduler of Go need not know of them, and
// that it does costs a twelfth of a load generator's time.
func counted(n uintptr, errno unix.Errno) (int, error) {
	switch errno {
	case 0:
		return int(n), nil
	case unix.EAGAIN, unix.EINTR, unix.ECONNREFUSED, unix.ENOBUFS:
		return 0, nil
	}
	return 0, fmt.Errorf("reading and writing packets: %w", errno)
}

// openUDP is a UDP socket on a free port of 127.0.0.1, or on port if it is not 0.
func openUDP(port int) (int, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, fmt.Errorf("opening a socket: %w", err)
	}
	// As much as may be: what is lost shall be lost by the server.
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, 4<<20)
	if err := unix.Bind(fd, loopback(port)); err != nil {
		unix.Close(fd)
		return 0, fmt.Errorf("opening port %d: %w", port, err)
	}
	return fd, nil
}

// loopback is a port of 127.0.0.1.
func loopback(port int) *unix.SockaddrInet4 {
	return &unix.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}}
}
