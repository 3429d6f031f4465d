//go:build linux

package main

import (
	"encoding/binary"
	"io"
	"net"
)

// serveStreams serves TCP connections until the process ends. answer turns framed
// messages (RFC 1035, section 4.2.2), all of them whole, into those that go back.
func serveStreams(listener *net.TCPListener, answer func(stream []byte) []byte) {
	for {
		c, err := listener.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			_ = serveStream(c, answer) // it ends with the client
		}()
	}
}

// serveStream answers what comes over c, as many messages at a time as there are.
func serveStream(c io.ReadWriter, answer func(stream []byte) []byte) error {
	data := make([]byte, 2+1<<16)
	have := 0
	for {
		n, err := c.Read(data[have:])
		if err != nil {
			return err
		}
		have += n
		whole := wholeFrames(data[:have])
		if whole == 0 {
			continue
		}
		if _, err := c.Write(answer(data[:whole])); err != nil {
			return err
		}
		have = copy(data, data[whole:have])
	}
}

// wholeFrames is where the last whole message in stream ends.
func wholeFrames(stream []byte) int {
	whole := 0
	for whole+2 <= len(stream) {
		end := whole + 2 + int(binary.BigEndian.Uint16(stream[whole:]))
		if end > len(stream) {
			break
		}
		whole = end
	}
	return whole
}
