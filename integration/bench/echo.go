//go:build linux

package main

import (
	_ "embed" // for the echo's source
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// echoSource is the echo in C.
//
//go:embed echo/echo.c
var echoSource []byte

// buildEcho compiles the echo into dir and returns the command to run it, without
// the port, and what it is in words. Without a C compiler it is the one in Go.
func buildEcho(dir string) (argv []string, kind string, err error) {
	compiler, err := exec.LookPath("cc")
	if err != nil {
		self, err := os.Executable()
		return []string{self, "echo"}, "Go, as there is no C compiler (apt-get install gcc libc6-dev)", err
	}
	source, program := filepath.Join(dir, "echo.c"), filepath.Join(dir, "echo")
	if err := os.WriteFile(source, echoSource, 0o600); err != nil {
		return nil, "", err
	}
	if out, err := exec.Command(compiler, "-O2", "-pthread", "-o", program, source).CombinedOutput(); err != nil {
		return nil, "", fmt.Errorf("compiling the echo: %w\n%s", err, out)
	}
	version, err := exec.Command(compiler, "--version").Output()
	if err != nil {
		return nil, "", fmt.Errorf("asking %s for its version: %w", compiler, err)
	}
	first, _, _ := strings.Cut(string(version), "\n")
	return []string{program}, "C, " + first, nil
}

// runEcho is the role "echo", the echo in Go: its argument is the port.
func runEcho(args []string) error {
	if len(args) != 1 {
		return errors.New("want a port")
	}
	port, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	listener, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port})
	if err != nil {
		return err
	}
	go serveStreams(listener, flip)
	fd, err := openUDP(port)
	if err != nil {
		return err
	}
	return echoUDP(fd)
}

// echoUDP sends back what comes over UDP.
func echoUDP(fd int) error {
	b := newBatch()
	packets := make([][packetSize]byte, batchSize)
	peers := make([]unix.RawSockaddrInet4, batchSize)
	for i := range packets {
		b.set(i, packets[i][:])
		b.setName(i, &peers[i])
	}
	for {
		n, err := b.wait(fd, batchSize)
		if err != nil {
			return err
		}
		for i := range n {
			packets[i][2] |= bitQR
			b.set(i, packets[i][:max(b.messages[i].length, 1)])
		}
		if n == 0 {
			continue
		}
		if _, err := b.send(fd, n); err != nil {
			return err
		}
		for i := range n {
			b.set(i, packets[i][:])
			b.setName(i, &peers[i])
		}
	}
}

// flip sets the QR bit of each of the framed messages in stream.
func flip(stream []byte) []byte {
	for at := 0; at < len(stream); {
		end := at + 2 + int(binary.BigEndian.Uint16(stream[at:]))
		if end > at+4 {
			stream[at+4] |= bitQR
		}
		at = end
	}
	return stream
}
