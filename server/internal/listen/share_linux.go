package listen

import (
	"syscall"

	"golang.org/x/sys/unix"
)

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
