package listen_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"splitdns/server/internal/listen"
)

// RFC 7766, section 7: "Authoritative servers and recursive resolvers are RECOMMENDED to support the
// preparing of responses in parallel and sending them out of order, regardless of the transport protocol
// in use."
func TestOutOfOrder(t *testing.T) {
	release := make(chan struct{})
	s := serve(t, "127.0.0.1:0", limits(), func(dst, packet []byte, from listen.Peer) []byte {
		if text(packet) == "slow" {
			<-release
		}
		return echo(dst, packet, from)
	})
	c := dial(t, "tcp", s.Addr().String())
	c.ask(query("slow"))
	c.exchange("fast", "fast")
	close(release)
	if got := text(c.answer()); got != "slow" {
		t.Errorf("got %q, want the slow response", got)
	}
}

func TestPipelined(t *testing.T) {
	s := serve(t, "127.0.0.1:0", limits(), echo)
	c := dial(t, "tcp", s.Addr().String())
	const n = 5 * listen.ConnQueries
	var all []byte
	for i := range n {
		all = append(all, frame(query(fmt.Sprint(i)))...)
	}
	go c.Write(all) // answers are read meanwhile; what is lost shows there
	seen := make(map[string]bool)
	for range n {
		seen[text(c.answer())] = true
	}
	if len(seen) != n {
		t.Errorf("%d different responses, want %d", len(seen), n)
	}
}

func TestSplitOverSegments(t *testing.T) {
	s := serve(t, "127.0.0.1:0", limits(), echo)
	c := dial(t, "tcp", s.Addr().String()) // Go sends each write at once
	want := query("octet by octet")
	for _, octet := range append(frame(want), frame(want)...) {
		if _, err := c.Write([]byte{octet}); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if got := c.answer(); !bytes.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestLongestMessages(t *testing.T) {
	want := bytes.Repeat([]byte("0123456789abcde"), 65535/15)
	s := serve(t, "127.0.0.1:0", limits(), func(dst, packet []byte, _ listen.Peer) []byte {
		return append(dst, append(packet, want[len(packet):]...)...)
	})
	c := dial(t, "tcp", s.Addr().String())
	c.ask(want[:listen.MaxDatagram])
	if got := c.answer(); !bytes.Equal(got, want) {
		t.Errorf("got %d octets, want %d", len(got), len(want))
	}
}

func TestClientThatHasAskedAllIsAnswered(t *testing.T) {
	entered, release := make(chan struct{}), make(chan struct{})
	s := serve(t, "127.0.0.1:0", limits(), func(dst, packet []byte, from listen.Peer) []byte {
		close(entered)
		<-release
		return echo(dst, packet, from)
	})
	c := dial(t, "tcp", s.Addr().String())
	c.ask(query("last"))
	if err := c.Conn.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	<-entered
	close(release)
	if got := text(c.answer()); got != "last" {
		t.Errorf("got %q, want the response to a half-closed connection", got)
	}
	c.wantClosed()
}

func TestMalformedFramingCloses(t *testing.T) {
	tests := map[string][]byte{
		"length 0":           {0, 0},
		"less than a header": frame(make([]byte, listen.HeaderSize-1)),
		"more than a query":  frame(make([]byte, listen.MaxDatagram+1))[:2],
	}
	for name, sent := range tests {
		t.Run(name, func(t *testing.T) {
			s := serve(t, "127.0.0.1:0", limits(), echo)
			c := dial(t, "tcp", s.Addr().String())
			c.exchange("hello", "hello")
			if _, err := c.Write(sent); err != nil {
				t.Fatal(err)
			}
			c.wantClosed()
		})
	}
}

// briefly is an idle time that passes within a test, and that a busy machine keeps.
const briefly = 700 * time.Millisecond

func TestIdleConnectionIsClosed(t *testing.T) {
	lim := limits()
	lim.Idle = briefly
	tests := map[string]func(c client){
		"that never asked": func(client) {},
		"after a query":    func(c client) { c.exchange("hello", "hello") },
		"within a query": func(c client) {
			if _, err := c.Write(frame(query("half"))[:7]); err != nil {
				c.t.Fatal(err)
			}
		},
	}
	for name, begin := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, "127.0.0.1:0", lim, echo)
			start := time.Now()
			c := dial(t, "tcp", s.Addr().String())
			begin(c)
			c.wantClosed()
			if took := time.Since(start); took < lim.Idle {
				t.Errorf("closed after %v, want not before %v", took, lim.Idle)
			}
			eventually(t, "no connection open", func() bool { return s.Stats().Connections == 0 })
		})
	}
}

func TestConnectionThatWaitsIsNotIdle(t *testing.T) {
	t.Parallel()
	lim := limits()
	lim.Idle = briefly
	s := serve(t, "127.0.0.1:0", lim, func(dst, packet []byte, from listen.Peer) []byte {
		if text(packet) == "slow" {
			<-time.After(2 * lim.Idle) // an upstream that is slow
		}
		return echo(dst, packet, from)
	})
	c := dial(t, "tcp", s.Addr().String())
	c.exchange("slow", "slow")
	c.exchange("again", "again")
}

func TestConnectionLimitClosesLongestIdle(t *testing.T) {
	lim := limits()
	lim.Connections = 3
	release := make(chan struct{})
	s := serve(t, "127.0.0.1:0", lim, func(dst, packet []byte, from listen.Peer) []byte {
		if text(packet) == "slow" {
			<-release
		}
		return echo(dst, packet, from)
	})
	busy, longest, recent := dial(t, "tcp", s.Addr().String()), dial(t, "tcp", s.Addr().String()), dial(t, "tcp", s.Addr().String())
	busy.ask(query("slow"))
	eventually(t, "the slow query under way", func() bool { return lim.InFlight.UnderWay() == 1 })
	longest.exchange("hello", "hello")
	recent.exchange("hello", "hello")
	eventually(t, "only one busy", func() bool { return listen.Busy(s.Listener) == 1 })
	listen.Grow(s.Listener)

	dial(t, "tcp", s.Addr().String()).exchange("a new one", "a new one")
	longest.wantClosed()
	recent.exchange("still there", "still there")
	close(release)
	if got := text(busy.answer()); got != "slow" {
		t.Errorf("busy connection got %q, want its response", got)
	}
	if got := s.Stats(); got.Connections != 3 || got.Evicted != 1 || got.Accepted != 4 {
		t.Errorf("stats %+v, want 3 open, 1 evicted, 4 accepted", got)
	}
}

func TestSlowReaderGetsEverything(t *testing.T) {
	s := serve(t, "127.0.0.1:0", limits(), func(dst, packet []byte, from listen.Peer) []byte {
		return append(echo(dst, packet, from), make([]byte, 2000)...)
	})
	c := dial(t, "tcp", s.Addr().String())
	const n = 20 * listen.ConnQueries // twenty times what may be unread, and 5 MB
	go func() {
		for i := range n {
			c.Write(frame(query(fmt.Sprint(i)))) // what is lost shows below
		}
	}()
	slow := iotest.OneByteReader(c)
	for i := range n {
		var r io.Reader = c
		if i < 10 {
			r = slow
		}
		if _, err := listen.ReadMessage(r, nil, 65535); err != nil {
			t.Fatalf("response %d: %v", i, err)
		}
	}
}

func TestClientThatNeverReads(t *testing.T) {
	tests := map[string]struct {
		size int // of a response
		idle time.Duration
	}{
		"large responses fill the queue": {60000, patience},
		"the write deadline passes":      {3000, briefly},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			lim := limits()
			lim.Idle = test.idle
			lim.InFlight = listen.NewLimiter(4) // fewer than the queries of one connection
			lim.Overloaded = echo               // on a busy machine others may wait for as long as they can
			s := serve(t, "127.0.0.1:0", lim, func(dst, packet []byte, from listen.Peer) []byte {
				if strings.HasPrefix(text(packet), "more") {
					return append(dst, make([]byte, test.size)...)
				}
				return echo(dst, packet, from)
			})
			others := dial(t, "tcp", s.Addr().String())
			greedy := dial(t, "tcp", s.Addr().String())
			cut := make(chan error, 1)
			go func() {
				for {
					if _, err := greedy.Write(frame(query("more"))); err != nil {
						cut <- err
						return
					}
				}
			}()
			eventually(t, "responses not taken", func() bool {
				others.exchange("others", "others")
				return s.Stats().Unsent > 0
			})
			if err := <-cut; !isReset(err) {
				t.Errorf("the client that never reads got %v, want a closed connection", err)
			}
		})
	}
}

func TestClientThatNeverReadsHoldsUpNobody(t *testing.T) {
	lim := limits()
	lim.Idle = 2 * patience
	lim.InFlight = listen.NewLimiter(2) // one for each protocol
	lim.Overloaded = echo               // the greedy one may have put aside all that is
	s := serve(t, "127.0.0.1:0", lim, func(dst, packet []byte, from listen.Peer) []byte {
		if text(packet) == "more" {
			return append(dst, make([]byte, 3000)...)
		}
		return echo(dst, packet, from)
	})
	greedy := dial(t, "tcp", s.Addr().String())
	go func() {
		for {
			if _, err := greedy.Write(frame(query("more"))); err != nil {
				return // the test is over
			}
		}
	}()
	eventually(t, "nothing more read from it", func() bool { return listen.Full(s.Listener) == 1 })
	for _, network := range []string{"udp", "tcp"} {
		dial(t, network, s.Addr().String()).exchange("others", "others")
	}
	greedy.Close()
}

// isReset says whether err is that of a connection that the other side ended.
func isReset(err error) bool {
	var timeout interface{ Timeout() bool }
	return err != nil && (!errors.As(err, &timeout) || !timeout.Timeout())
}

// maxFuzzed is the longest message that is read there.
const maxFuzzed = 40

// FuzzReadMessage holds the framing of TCP to its description, however the octets arrive.
func FuzzReadMessage(f *testing.F) {
	f.Add(frame(query("one")))
	f.Add(append(frame(query("one")), frame(query("two"))...))
	f.Add([]byte{0, 0, 0, 0})
	f.Add([]byte{0xff, 0xff, 1})
	f.Add(frame(make([]byte, maxFuzzed+1)))
	f.Fuzz(func(t *testing.T, stream []byte) {
		readers := []io.Reader{
			bytes.NewReader(stream), iotest.OneByteReader(bytes.NewReader(stream)), iotest.DataErrReader(bytes.NewReader(stream)),
		}
		for i, r := range readers {
			rest := stream
			var buf []byte
			for {
				want, ok := cutMessage(&rest)
				var err error
				buf, err = listen.ReadMessage(r, buf, maxFuzzed)
				if (err == nil) != ok {
					t.Fatalf("reader %d: error %v, want a message: %v", i, err, ok)
				}
				if err != nil {
					break
				}
				if !bytes.Equal(buf, want) {
					t.Fatalf("reader %d: message %x, want %x", i, buf, want)
				}
			}
		}
	})
}

// cutMessage takes the first message from stream: the slow twin of ReadMessage.
func cutMessage(stream *[]byte) ([]byte, bool) {
	s := *stream
	if len(s) < 2 {
		return nil, false
	}
	size := int(s[0])<<8 | int(s[1])
	if size < listen.HeaderSize || size > maxFuzzed || len(s)-2 < size {
		return nil, false
	}
	*stream = s[2+size:]
	return s[2 : 2+size], true
}

// TestRespondDoesNotBlock holds that a client that never reads holds up nobody who has its responses:
// a write to it would wait for the idle time, which is as long as our patience.
func TestRespondDoesNotBlock(t *testing.T) {
	l, held := holding(t, limits(), func() {})
	s := start(t, l)
	greedy := dial(t, "tcp", s.Addr().String())
	const queries = 90
	for range queries {
		greedy.ask(query("more"))
	}
	eventually(t, "all queries waiting", func() bool { return len(held) == queries })
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range queries {
			(<-held).Respond(func(dst []byte) []byte { return append(dst, make([]byte, 60000)...) })
		}
	}()
	select {
	case <-done:
	case <-time.After(patience / 2):
		t.Error("whoever responds is held up")
	}
}
