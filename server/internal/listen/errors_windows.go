package listen

import "golang.org/x/sys/windows"

// What the system says when a socket cannot be opened.
const (
	errTaken     = windows.WSAEADDRINUSE
	errForbidden = windows.WSAEACCES
	errNotHere   = windows.WSAEADDRNOTAVAIL
	errNoFamily  = windows.WSAEAFNOSUPPORT
)
