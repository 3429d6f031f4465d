//go:build unix

package server

import (
	"errors"
	"net"
	"syscall"
)

// listenPrivately opens a socket at path that nobody else may use, not even for a moment: it is made
// with the mode 0600. The mask is that of the whole process; nothing else makes files
// while a server is being opened.
func listenPrivately(path string) (net.Listener, error) {
	defer syscall.Umask(syscall.Umask(0o177))
	return net.Listen("unix", path)
}

// isRefused says that nobody listens on a socket.
func isRefused(err error) bool { return errors.Is(err, syscall.ECONNREFUSED) }
