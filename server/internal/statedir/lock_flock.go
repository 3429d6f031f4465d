//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package statedir

import (
	"errors"
	"os"
	"syscall"
)

// tryLock locks f until it is closed, and gives false where another one has locked it. File systems that know no
// locks let everybody pass.
func tryLock(f *os.File) bool {
	return !errors.Is(syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB), syscall.EWOULDBLOCK)
}
