//go:build !linux

package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "bench: only Linux has the system calls and the accounts of CPU time that this needs")
	os.Exit(1)
}
