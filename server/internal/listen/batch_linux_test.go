package listen_test

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"splitdns/server/internal/listen"
)

func TestAnswersAtOnceWithoutAllocating(t *testing.T) {
	tests := map[string]struct {
		bound, asked string
		hold         time.Duration
	}{
		"IPv4":                         {"127.0.0.1:0", "127.0.0.1", time.Millisecond},
		"IPv4, wildcard":               {"0.0.0.0:0", "127.0.0.2", time.Millisecond},
		"IPv6":                         {"[::1]:0", "::1", time.Millisecond},
		"IPv6, wildcard":               {"[::]:0", "::1", time.Millisecond},
		"no wait in the system call":   {"127.0.0.1:0", "127.0.0.1", 0},
		"no wait there, IPv6 wildcard": {"[::]:0", "::1", 0},
	}
	static := bytes.Repeat([]byte("response"), 30)
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			lim := limits()
			lim.Hold = test.hold
			s := serveBoth(t, test.bound, lim, handler{
				now: func(dst, _ []byte, _ listen.Peer) ([]byte, bool) { return append(dst, static...), true },
				wait: func([]byte, []byte, listen.Peer) []byte {
					t.Error("asked to wait for what is known")
					return nil
				},
			})
			c, ask, in := dial(t, "udp", s.at(test.asked)), query("hello"), make([]byte, 512)
			const burst = 2 * listen.BatchSize
			allocs := testing.AllocsPerRun(20, func() {
				for range burst {
					c.ask(ask)
				}
				for range burst {
					if _, err := c.Read(in); err != nil {
						t.Fatal(err)
					}
				}
			})
			if allocs >= 1 {
				t.Errorf("%v allocations for %d queries, want 0", allocs, burst)
			}
		})
	}
}

func TestBatchOfAllKinds(t *testing.T) {
	for _, hold := range []time.Duration{0, time.Millisecond} {
		t.Run(fmt.Sprint("hold ", hold), func(t *testing.T) { batchOfAllKinds(t, hold) })
	}
}

// batchOfAllKinds is the test of readers that wait so long inside the system call.
func batchOfAllKinds(t *testing.T, hold time.Duration) {
	t.Helper()
	lim := limits()
	lim.Hold = hold
	s := serveBoth(t, "127.0.0.1:0", lim, handler{
		now: func(dst, packet []byte, from listen.Peer) ([]byte, bool) {
			switch text(packet) {
			case "silence":
				return nil, true
			case "too long to send":
				return append(dst, make([]byte, 1<<16)...), true
			}
			return echoNow(dst, packet, from)
		},
		wait: echo,
	})
	c := dial(t, "udp", s.Addr().String())
	want := make(map[string]bool)
	const n = 20
	for i := range n {
		for _, kind := range []string{"now", "slow", strings.Repeat("long response ", 200)} {
			ask := fmt.Sprint(kind, i)
			c.ask(query(ask))
			want[ask] = true
		}
		c.ask(query("silence"))
		c.ask(query("too long to send"))
		c.ask(make([]byte, listen.MaxDatagram+1))
		for range 3 {
			got := text(c.answer())
			if !want[got] {
				t.Errorf("got %q, want what was asked, once", got)
			}
			delete(want, got)
		}
	}
	eventually(t, "the others counted", func() bool {
		st := s.Stats()
		return st.UDP == 5*n && st.Unsent == n && st.Dropped == n
	})
}

// TestOverflowIsCounted floods a reader that is held up, until something is lost.
func TestOverflowIsCounted(t *testing.T) {
	entered, release := make(chan struct{}), make(chan struct{})
	s := serveBoth(t, "127.0.0.1:0", limits(), handler{
		now: func(dst, packet []byte, from listen.Peer) ([]byte, bool) {
			if text(packet) == "hold up" {
				close(entered)
				<-release
			}
			return dst, true
		},
		wait: echo,
	})
	if !listen.TellsOverflow(s.Listener) {
		close(release)
		t.Skip("the system does not say what is lost")
	}
	c := dial(t, "udp", s.Addr().String())
	c.ask(query("hold up"))
	<-entered
	flood := make([]byte, listen.MaxDatagram)
	const most = 1 << 15 // packets, 32 times what the buffer that is asked for holds of them
	for n := 0; n < most && s.Stats().Overflowed == 0; n++ {
		c.ask(flood)
	}
	close(release)
	if s.Stats().Overflowed == 0 {
		t.Error("nothing is counted")
	}
	s.stop()
	<-s.ended
	if s.Stats().Overflowed == 0 {
		t.Error("nothing is counted any more when it is closed")
	}
}

func TestClientsAreSpreadOverSockets(t *testing.T) {
	s := serveBoth(t, "127.0.0.1:0", limits(), handler{now: echoNow, wait: echo})
	if got, want := listen.Sockets(s.Listener), listen.Readers(); got != want {
		t.Errorf("%d sockets, want %d", got, want)
	}
	const clients, queries = 50, 20
	var wg sync.WaitGroup
	for i := range clients {
		c := dial(t, "udp", s.Addr().String())
		wg.Go(func() {
			for j := range queries {
				ask := fmt.Sprint("client ", i, ", query ", j)
				c.exchange(ask, ask)
			}
		})
	}
	wg.Wait()
	if got, want := listen.SocketsUsed(s.Listener), min(2, listen.Readers()); got < want {
		t.Errorf("%d sockets answered, want at least %d", got, want)
	}
	if got := s.Stats().UDP; got != clients*queries {
		t.Errorf("%d queries counted, want %d", got, clients*queries)
	}
}

// TestPortThatAnotherWouldShare takes a port for UDP only, and lets everyone share it: our clients'
// queries must not go there.
func TestPortThatAnotherWouldShare(t *testing.T) {
	u := takeUDP(t)
	raw, err := u.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if err := raw.Control(func(fd uintptr) {
		err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
	}); err != nil {
		t.Fatal(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	addr := u.LocalAddr().(*net.UDPAddr).AddrPort()
	if got, want := openError(t, addr).Error(), "over UDP: "; !strings.Contains(got, want) {
		t.Errorf("error %q, want it to say %q", got, want)
	}
}

// TestNoRoomToSend fills a socket whose other end does not read, which a UDP socket on loopback has not.
func TestNoRoomToSend(t *testing.T) {
	ends, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_DGRAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		unix.Close(ends[0])
		unix.Close(ends[1])
	})
	all := make([][]byte, listen.BatchSize)
	for i := range all {
		all[i] = make([]byte, 16<<10)
	}
	r := listen.NewResponses(all)
	if r.Transmit(ends[0]) {
		t.Fatal("all sent, want it to wait for room")
	}
	first, unsent := r.Settled()
	if first == 0 || first == len(all) || unsent != 0 {
		t.Fatalf("%d sent, %d unsent before the wait, want some sent and none given up", first, unsent)
	}
	if n, err := unix.Read(ends[1], make([]byte, 32<<10)); n != len(all[0]) || err != nil {
		t.Fatalf("read %d octets and %v, want a response", n, err)
	}
	if !r.Transmit(ends[0]) {
		t.Fatal("it would wait again, want the rest given up")
	}
	sent, unsent := r.Settled()
	if sent <= first || sent+unsent != len(all) || unsent == 0 {
		t.Errorf("%d sent, %d unsent, want more than %d sent and the rest given up", sent, unsent, first)
	}
}

func TestResponseThatCannotBeSentHoldsUpNoOther(t *testing.T) {
	u := takeUDP(t)
	c, err := net.DialUDP("udp4", nil, u.LocalAddr().(*net.UDPAddr))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	raw, err := c.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	r := listen.NewResponses([][]byte{[]byte("one"), make([]byte, 1<<16), make([]byte, 1<<16), []byte("two")})
	done := false
	if err := raw.Control(func(fd uintptr) { done = r.Transmit(int(fd)) }); err != nil || !done {
		t.Fatalf("done: %v, error %v", done, err)
	}
	if sent, unsent := r.Settled(); sent != 2 || unsent != 2 {
		t.Errorf("%d sent, %d unsent, want 2 and 2", sent, unsent)
	}
}

func TestUnbatched(t *testing.T) {
	tests := map[string]struct{ bound, asked string }{
		"IPv4":           {"127.0.0.1:0", "127.0.0.1"},
		"IPv4, wildcard": {"0.0.0.0:0", "127.0.0.2"},
		"IPv6, wildcard": {"[::]:0", "::1"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			lim := limits()
			lim.Hold = 0
			l, err := open(netip.MustParseAddrPort(test.bound), lim, handler{now: echoNow, wait: echo},
				func(text string) { t.Error(text) })
			if err != nil {
				t.Skipf("no IPv6 here: %v", err)
			}
			listen.Unbatched(l)
			s := start(t, l)
			c := dial(t, "udp", s.at(test.asked))
			c.ask(make([]byte, listen.MaxDatagram+1))
			c.exchange("hello", "hello")
			c.exchange("slow", "slow")
			if got := s.Stats(); got.UDP != 2 || got.Dropped != 1 {
				t.Errorf("stats %+v, want 2 answered, 1 dropped", got)
			}
		})
	}
}
