//go:build !linux

package listen

import (
	"errors"
	"syscall"
	"time"
)

// readers is how many sockets of a listener read from UDP: no other system than Linux is sure to
// spread packets over those that share a port.
func readers() int { return 1 }

// sharePort does not exist here; see readers.
func sharePort(syscall.RawConn) error { return errors.ErrUnsupported }

// haveBatches says that there are no batches here.
func haveBatches(syscall.RawConn) bool { return false }

// batches is never asked for; see haveBatches.
func (s *udpSocket) batches() func() error { return s.singles() }

// sendBatch is never asked for; see haveBatches.
func (s *udpSocket) sendBatch([]*datagram) {}

// hold is never asked for; see haveBatches.
func (s *udpSocket) hold(time.Duration) error { return nil }

// stopHeld is never asked for; see haveBatches.
func (s *udpSocket) stopHeld() {}

// overflowed is not known here.
func (s *udpSocket) overflowed() (n uint64, ok bool) { return 0, false }
