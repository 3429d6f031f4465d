//go:build !windows

package listen

import "syscall"

// What the system says when a socket cannot be opened.
const (
	errTaken     = syscall.EADDRINUSE
	errForbidden = syscall.EACCES
	errNotHere   = syscall.EADDRNOTAVAIL
	errNoFamily  = syscall.EAFNOSUPPORT
)
