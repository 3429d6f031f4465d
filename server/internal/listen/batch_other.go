//go:build !linux

package listen

import (
	"context"
	"errors"
	"syscall"
)

// readers is how many sockets of a listener read from UDP: no other system than Linux is sure to
// spread packets over those that share a port.
func readers() int { return 1 }

// sharePort does not exist here; see readers.
func sharePort(syscall.RawConn) error { return errors.ErrUnsupported }

// takesBatches says that there are no batches here.
func takesBatches(syscall.RawConn) bool { return false }

// batches is never asked for; see takesBatches.
func (s *udpSocket) batches(queries context.Context) func() error { return s.singles(queries) }
