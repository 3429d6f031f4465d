//go:build unix

package config

import (
	"os"
	"syscall"
)

// openFlags opens files to read. Opening a named pipe waits for somebody to write
// to it, but not so.
const openFlags = os.O_RDONLY | syscall.O_NONBLOCK
