package integration_test

import (
	"encoding/binary"
	"io"
	"net"
	"sync"
	"testing"
)

// An asked is a query that a scripted upstream got. It is the script's until it
// returns, and so is what it passes to reply, which may be called any number of
// times.
type asked struct {
	packet []byte
	tcp    bool
	reply  func(packet []byte) // sends octets as a message, to whoever asked
	hangUp func()              // closes the connection over TCP
}

// A scripted upstream sends the octets that its script says, also what no library
// would pack. It is at one port for UDP and TCP, and can go away and come back.
type scripted struct {
	addr   string
	script func(q asked) // called by one goroutine for UDP, and one for each connection

	mu    sync.Mutex // guards what follows
	udp   net.PacketConn
	tcp   net.Listener
	conns map[net.Conn]bool
	tasks sync.WaitGroup // a count for each loop and each connection
}

// newScripted starts a scripted upstream that ends with the test.
func newScripted(t testing.TB, script func(q asked)) *scripted {
	t.Helper()
	udp, tcp, err := onePort()
	if err != nil {
		t.Fatal(err)
	}
	s := &scripted{addr: udp.LocalAddr().String(), script: script}
	s.serve(udp, tcp)
	t.Cleanup(s.stop)
	return s
}

// serve begins to answer at two sockets.
func (s *scripted) serve(udp net.PacketConn, tcp net.Listener) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.udp, s.tcp, s.conns = udp, tcp, make(map[net.Conn]bool)
	s.tasks.Go(func() { s.serveUDP(udp) })
	s.tasks.Go(func() { s.serveTCP(tcp) })
}

// stop is the death of the upstream: nothing is at its port any more.
func (s *scripted) stop() {
	s.mu.Lock()
	_ = s.udp.Close()
	_ = s.tcp.Close()
	for c := range s.conns {
		_ = c.Close()
	}
	s.mu.Unlock()
	s.tasks.Wait()
}

// comeBack serves again, at the same port.
func (s *scripted) comeBack() error {
	tcp, err := net.Listen("tcp4", s.addr)
	if err != nil {
		return err
	}
	udp, err := net.ListenPacket("udp4", s.addr)
	if err != nil {
		_ = tcp.Close()
		return err
	}
	s.serve(udp, tcp)
	return nil
}

// serveUDP reads queries until the socket is closed.
func (s *scripted) serveUDP(udp net.PacketConn) {
	buf := make([]byte, 65535)
	for {
		n, from, err := udp.ReadFrom(buf)
		if err != nil {
			return
		}
		s.script(asked{
			packet: buf[:n],
			reply:  func(packet []byte) { _, _ = udp.WriteTo(packet, from) },
			hangUp: func() {},
		})
	}
}

// serveTCP accepts connections until the socket is closed.
func (s *scripted) serveTCP(tcp net.Listener) {
	for {
		c, err := tcp.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		s.conns[c] = true
		s.tasks.Go(func() { s.serveConn(c) })
		s.mu.Unlock()
	}
}

// serveConn reads the queries of one connection.
func (s *scripted) serveConn(c net.Conn) {
	defer func() {
		s.mu.Lock()
		delete(s.conns, c)
		s.mu.Unlock()
		_ = c.Close()
	}()
	for {
		packet, err := readMessage(c)
		if err != nil {
			return
		}
		s.script(asked{packet, true, func(packet []byte) { _, _ = c.Write(framed(packet)) }, func() { _ = c.Close() }})
	}
}

// framed is a packet with its length before it (RFC 1035, section 4.2.2).
func framed(packet []byte) []byte {
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(packet))), packet...)
}

// readMessage reads a message with its length before it.
func readMessage(r io.Reader) ([]byte, error) {
	var size [2]byte
	if _, err := io.ReadFull(r, size[:]); err != nil {
		return nil, err
	}
	packet := make([]byte, binary.BigEndian.Uint16(size[:]))
	_, err := io.ReadFull(r, packet)
	return packet, err
}
