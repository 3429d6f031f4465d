package listen_test

import (
	"bytes"
	"crypto/tls"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"splitdns/server/internal/listen"
)

// Streams that are opened and reset as fast as can be (CVE-2023-44487) cost no more than their connection may, and
// others are served meanwhile.
func TestRapidReset(t *testing.T) {
	lim := limits()
	lim.InFlight = listen.NewLimiter(50)
	release := make(chan struct{})
	var most, now atomic.Int64
	s := serveTLS(t, lim, handler{
		now: func(dst, packet []byte, from listen.Peer) ([]byte, bool) {
			return echo(dst, packet, from), text(packet) == "hit"
		},
		wait: func(dst, packet []byte, from listen.Peer) []byte {
			most.Store(max(most.Load(), now.Add(1)))
			<-release
			now.Add(-1)
			return echo(dst, packet, from)
		},
	}, minute)
	before := runtime.NumGoroutine()
	c := tls.Client(dial(t, "tcp", s.Addr().String()).Conn, trusting(s.pair.Load(), "h2"))
	if _, err := io.WriteString(c, http2.ClientPreface); err != nil {
		t.Fatal(err)
	}
	framer := http2.NewFramer(c, c)
	if err := framer.WriteSettings(); err != nil {
		t.Fatal(err)
	}
	go io.Copy(io.Discard, c)
	var block bytes.Buffer
	encoder := hpack.NewEncoder(&block)
	sent := 0
	for ; sent < 20_000; sent++ {
		block.Reset()
		for _, f := range [][2]string{{":method", "GET"}, {":scheme", "https"}, {":authority", "x"}, {":path", inURL(query("miss"))}} {
			encoder.WriteField(hpack.HeaderField{Name: f[0], Value: f[1]})
		}
		id := uint32(2*sent + 1)
		if framer.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: block.Bytes(), EndStream: true, EndHeaders: true}) != nil ||
			framer.WriteRSTStream(id, http2.ErrCodeCancel) != nil {
			break // the server has had enough, which is as good
		}
	}
	response, _ := s.browse(t, true).send("POST", "/dns-query", dnsMessage, query("hit"))
	if response.StatusCode != 200 {
		t.Errorf("another client: %s", response.Status)
	}
	if n := most.Load(); n > 25 || lim.InFlight.UnderWay() > 25 {
		t.Errorf("%d queries under way at once, want half of the limit at most", n)
	}
	if n := runtime.NumGoroutine() - before; n > 400 {
		t.Errorf("%d goroutines for one connection", n)
	}
	c.NetConn().Close()
	close(release)
	eventually(t, "all places free", func() bool { return lim.InFlight.UnderWay() == 0 && listen.FromTCP(lim.InFlight) == 0 })
	t.Logf("%d streams", sent)
}

// A client that sends its request octet by octet, or none, is cut off in time, and one that is idle too.
func TestSlowHTTPS(t *testing.T) {
	lim := limits()
	lim.Idle = briefly
	s := serveTLS(t, lim, atOnce(echo), minute)
	for name, says := range map[string]string{
		"nothing": "", "half a header": "POST /dns-query HTTP/1.1\r\nHost: x\r\nContent-Le",
		"half a body": "POST /dns-query HTTP/1.1\r\nHost: x\r\nContent-Type: " + dnsMessage + "\r\nContent-Length: 100\r\n\r\nhalf",
		"one request": "GET " + inURL(query("one")) + " HTTP/1.1\r\nHost: x\r\n\r\n",
		"HTTP/2":      http2.ClientPreface,
	} {
		t.Run(name, func(t *testing.T) {
			protocol := "http/1.1"
			if name == "HTTP/2" {
				protocol = "h2"
			}
			c := tls.Client(dial(t, "tcp", s.Addr().String()).Conn, trusting(s.pair.Load(), protocol))
			if _, err := io.WriteString(c, says); err != nil {
				t.Fatal(err)
			}
			begin := time.Now()
			_, _ = io.Copy(io.Discard, c) // however it ends
			if took := time.Since(begin); took > patience/2 {
				t.Errorf("open for %v", took)
			}
		})
	}
	eventually(t, "all connections gone", func() bool { return s.Stats().Connections == 0 })
}

// FuzzRequest holds that whatever is taken for a query is one message of 12 to 4,096 octets, and that no more is
// read of a body.
func FuzzRequest(f *testing.F) {
	f.Add("GET", "/dns-query?dns=AAABAAABAAAAAAAAA3d3dwdleGFtcGxlA2NvbQAAAQAB", "", []byte(nil))
	f.Add("POST", "/dns-query", dnsMessage, []byte("0123456789ab"))
	f.Add("POST", "/dns-query", dnsMessage+"; charset=x", bytes.Repeat([]byte("x"), 70_000))
	f.Add("PUT", "/dns-query?dns=%zz", ";", []byte("x"))
	f.Fuzz(func(t *testing.T, method, target, kind string, body []byte) {
		r, err := http.NewRequest(method, "https://dns.example", bytes.NewReader(body))
		if err != nil {
			return
		}
		if r.URL, err = r.URL.Parse(target); err != nil {
			return
		}
		r.Header["Content-Type"] = []string{kind}
		read := &counted{r: bytes.NewReader(body)}
		r.Body = read
		packet, refusal := listen.ReadRequest(httptest.NewRecorder(), r)
		status := listen.Status(refusal)
		if (status == 0) == (packet == nil) && status != 400 {
			t.Errorf("status %d and %d octets", status, len(packet))
		}
		if status == 0 && (len(packet) < listen.HeaderSize || len(packet) > listen.MaxDatagram || method == "POST" && !bytes.Equal(packet, body)) {
			t.Errorf("%d octets of %d", len(packet), len(body))
		}
		if read.n > listen.MaxDatagram+1 {
			t.Errorf("%d octets read", read.n)
		}
	})
}

// counted counts what is read.
type counted struct {
	r io.Reader
	n int
}

// Read reads.
func (c *counted) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	c.n += n
	return n, err
}

// Close does nothing.
func (*counted) Close() error { return nil }
