//go:build linux

// Command guest is the first process of a virtual machine: it readies the kernel,
// runs the program that its arguments are, says how that ended, and stops the
// machine. The test with an older kernel uses it, see oldkernel_test.go; it is no
// part of the product.
package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"golang.org/x/sys/unix"
)

func main() {
	err := ready()
	if err == nil {
		err = run(os.Args[1:])
	}
	fmt.Printf("\nguest: %v\n", err) // <nil> is what the test waits for
	if err := unix.Reboot(unix.LINUX_REBOOT_CMD_RESTART); err != nil {
		fmt.Println("guest: stopping the machine:", err) // and the kernel stops, as its first process ends
	}
}

// ready mounts what programs expect and loads /modules, in the order of the names.
func ready() error {
	for place, kind := range map[string]string{"/proc": "proc", "/sys": "sysfs", "/tmp": "tmpfs", "/run": "tmpfs"} {
		err := errors.Join(os.MkdirAll(place, 0o755), unix.Mount(kind, place, kind, 0, ""))
		if err != nil {
			return fmt.Errorf("mounting %s: %w", place, err)
		}
	}
	modules, err := filepath.Glob("/modules/*")
	if err != nil {
		return err
	}
	for _, file := range modules {
		text, err := os.ReadFile(file)
		if err == nil {
			err = unix.InitModule(text, "")
		}
		if err != nil {
			return fmt.Errorf("loading %s: %w", file, err)
		}
	}
	return nil
}

// run is the program. Its environment is what the kernel's command line set.
func run(args []string) error {
	if len(args) == 0 {
		return errors.New("no program is given")
	}
	c := exec.Command(args[0], args[1:]...)
	c.Stdout, c.Stderr, c.Dir = os.Stdout, os.Stderr, "/tmp"
	return c.Run()
}
