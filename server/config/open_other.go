//go:build !unix

package config

import "os"

// openFlags opens files to read.
const openFlags = os.O_RDONLY
