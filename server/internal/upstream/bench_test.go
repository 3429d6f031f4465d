package upstream_test

import (
	"net"
	"testing"

	"splitdns/server/internal/servertest"
	"splitdns/server/internal/upstream"
	"splitdns/server/internal/wire"
)

// mirror answers each query with itself as the response, without allocating, until it
// is closed.
func mirror(conn *net.UDPConn) {
	buf := make([]byte, 512)
	for {
		n, from, err := conn.ReadFromUDPAddrPort(buf)
		if err != nil {
			return
		}
		buf[2] |= 0x80                                // QR
		_, _ = conn.WriteToUDPAddrPort(buf[:n], from) // else it is lost
	}
}

// BenchmarkExchange measures an exchange in groups of one server and of two.
func BenchmarkExchange(b *testing.B) {
	for name, servers := range map[string]int{"1 server": 1, "2 servers": 2} {
		b.Run(name, func(b *testing.B) {
			o := options(0)
			for range servers {
				conn := servertest.UDP(b)
				go mirror(conn) // until the end of the benchmark
				o.Servers = append(o.Servers, upstream.Server{Addr: conn.LocalAddr().(*net.UDPAddr).AddrPort()})
			}
			g := upstream.New(o, func() {})
			defer g.Close()
			q, ended := question("www.example"), make(chan error, 1)
			done := func(_ wire.Message, _ string, err error) { ended <- err }
			b.ReportAllocs()
			for b.Loop() {
				g.Exchange(q, done)
				g.Flush()
				if err := <-ended; err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
