package nftset

import (
	"context"
	"encoding/binary"
	"errors"

	"github.com/mdlayher/netlink"
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

const (
	// monitorBuffer is what the monitor's socket asks for: an nft load tells it much at once. Without
	// CAP_NET_ADMIN in the first user namespace it gets net.core.rmem_max.
	monitorBuffer = 4 << 20
	// datagramSize is more than the kernel puts into one datagram, which is 32 KiB.
	datagramSize = 64 << 10
)

// monitor is not the library's: that one decodes every rule there is, blocks on a channel, and ends
// with the first overrun.
func (k *netlinkKernel) monitor(ctx context.Context, tell func(event)) error {
	conn, err := k.openMonitor()
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer func() {
		stop()
		k.mu.Lock()
		defer k.mu.Unlock()
		k.hearing = nil
		_ = conn.Close()
	}()
	tell(event{kind: anything}) // what was before
	buf := make([]byte, datagramSize)
	for {
		n, err := receive(conn, buf)
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, unix.ENOBUFS):
			tell(event{kind: anything})
		case err != nil:
			return err
		case parseEvents(buf[:n], tell) != nil:
			tell(event{kind: anything}) // not understood
		}
	}
}

// openMonitor opens the socket and joins nftables' group.
func (k *netlinkKernel) openMonitor() (*netlink.Conn, error) {
	conn, err := netlink.Dial(unix.NETLINK_NETFILTER, nil)
	if err != nil {
		return nil, err
	}
	_ = conn.SetReadBuffer(monitorBuffer) // with less, more events are lost, which is noticed
	k.mu.Lock()
	defer k.mu.Unlock()
	k.hearing = conn
	if err = k.filter(); err == nil {
		err = conn.JoinGroup(unix.NFNLGRP_NFTABLES)
	}
	if err != nil {
		k.hearing = nil
		_ = conn.Close()
		return nil, err
	}
	return conn, nil
}

// filter makes the kernel drop what the monitor would hear of our own transactions, before that costs
// anything: all messages of a datagram are of one transaction, and carry the address of the socket
// that it came from. k.mu is held.
func (k *netlinkKernel) filter() error {
	if k.hearing == nil || k.port == 0 {
		return nil
	}
	// The filter reads numbers in network order, the header has them in the machine's.
	port := binary.BigEndian.Uint32(binary.NativeEndian.AppendUint32(nil, k.port))
	program, err := bpf.Assemble([]bpf.Instruction{
		bpf.LoadAbsolute{Off: portOffset, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: port, SkipTrue: 1},
		bpf.RetConstant{Val: 1<<32 - 1},
		bpf.RetConstant{Val: 0},
	})
	if err != nil {
		return err
	}
	return k.hearing.SetBPF(program)
}
