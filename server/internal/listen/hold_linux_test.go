package listen_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"splitdns/server/internal/listen"
)

// pollCall is the number of ppoll, in which a reader waits that does not hold its place.
var pollCall = map[string]string{"amd64": "271", "arm64": "73"}

// inPoll counts the threads of this process that wait in ppoll, as readers that were idle for long do, and
// nothing else in it.
func inPoll(t *testing.T) (n int) {
	t.Helper()
	call, known := pollCall[runtime.GOARCH]
	if _, err := os.ReadFile("/proc/self/syscall"); err != nil || !known {
		t.Skip("nobody says what a thread waits for")
	}
	threads, err := filepath.Glob("/proc/self/task/*/syscall")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range threads {
		if doing, err := os.ReadFile(file); err == nil && strings.HasPrefix(string(doing), call+" ") { // an error: it has ended
			n++
		}
	}
	return n
}

// wantAllInPoll waits until all readers of l wait in ppoll. It looks now and then: looking without a pause
// keeps the scheduler awake, whose interrupts have the readers begin their holds again.
func wantAllInPoll(t *testing.T, l *listen.Listener) {
	t.Helper()
	now := time.NewTicker(5 * time.Millisecond)
	defer now.Stop()
	eventually(t, "all readers in poll", func() bool {
		<-now.C
		return inPoll(t) == listen.Sockets(l)
	})
}

// heldLimits are those of readers that do not hold on for long.
func heldLimits() listen.Limits {
	lim := limits()
	lim.Hold = time.Millisecond
	return lim
}

// openHeld opens a listener whose readers hold their places, for who serves it himself.
func openHeld(t *testing.T) *listen.Listener {
	t.Helper()
	l, err := open(netip.MustParseAddrPort("127.0.0.1:0"), heldLimits(), handler{now: echoNow, wait: echo}, func(text string) { t.Error(text) })
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// wantEnded waits for the end of Serve.
func wantEnded(t *testing.T, ended <-chan error, want error) {
	t.Helper()
	select {
	case err := <-ended:
		if !errors.Is(err, want) {
			t.Errorf("Serve: %v, want %v", err, want)
		}
	case <-time.After(patience):
		t.Fatalf("Serve has not returned after %v", patience)
	}
}

// TestIdleReaderWakes has readers idle for so long that they do without their places, again and again.
func TestIdleReaderWakes(t *testing.T) {
	s := serveBoth(t, "127.0.0.1:0", heldLimits(), handler{now: echoNow, wait: echo})
	c := dial(t, "udp", s.Addr().String())
	for i := range 5 {
		wantAllInPoll(t, s.Listener)
		ask := fmt.Sprint("now", i)
		c.exchange(ask, ask)
	}
	wantAllInPoll(t, s.Listener)
}

func TestIdleReaderIsStopped(t *testing.T) {
	l := openHeld(t)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- l.Serve(ctx) }()
	wantAllInPoll(t, l)
	stop()
	wantEnded(t, ended, nil)
}

// TestIdleReaderIsClosed closes a listener that nobody has told to stop.
func TestIdleReaderIsClosed(t *testing.T) {
	l := openHeld(t)
	ended := make(chan error, 1)
	go func() { ended <- l.Serve(context.Background()) }()
	wantAllInPoll(t, l)
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	wantEnded(t, ended, net.ErrClosed)
}

// TestReadersWithoutPlaces has more readers than places that may be held: those that get none answer all
// the same.
func TestReadersWithoutPlaces(t *testing.T) {
	s := serveBoth(t, "127.0.0.1:0", heldLimits(), handler{now: echoNow, wait: echo})
	t.Cleanup(listen.TakePlaces()) // before the end of the server
	wantAllInPoll(t, s.Listener)
	for i := range 50 {
		c := dial(t, "udp", s.Addr().String()) // mostly of another reader
		ask := fmt.Sprint("now", i)
		c.exchange(ask, ask)
	}
	wantAllInPoll(t, s.Listener)
}

// TestStatsAfterClose looks at what is counted when there are no sockets any more.
func TestStatsAfterClose(t *testing.T) {
	for _, hold := range []time.Duration{0, time.Millisecond} {
		t.Run(fmt.Sprint("hold ", hold), func(t *testing.T) {
			lim := limits()
			lim.Hold = hold
			s := serveBoth(t, "127.0.0.1:0", lim, handler{now: echoNow, wait: echo})
			for _, network := range []string{"udp", "tcp"} {
				c := dial(t, network, s.Addr().String())
				c.exchange("now", "now")
			}
			s.stop()
			<-s.ended
			if err := s.Close(); err != nil {
				t.Errorf("Close again: %v", err)
			}
			want := listen.Stats{UDP: 1, TCP: 1, Accepted: 1}
			for range 2 {
				if got := s.Stats(); got != want {
					t.Errorf("%+v, want %+v", got, want)
				}
			}
		})
	}
}

// TestReaderWithoutPlaceEnds has readers that get no place told to stop, and then closed.
func TestReaderWithoutPlaceEnds(t *testing.T) {
	t.Cleanup(listen.TakePlaces())
	for name, want := range map[string]error{"stopped": nil, "closed": net.ErrClosed} {
		t.Run(name, func(t *testing.T) {
			l := openHeld(t)
			ctx, stop := context.WithCancel(context.Background())
			defer stop()
			ended := make(chan error, 1)
			go func() { ended <- l.Serve(ctx) }()
			wantAllInPoll(t, l)
			if want == nil {
				stop()
			} else if err := l.Close(); err != nil {
				t.Error(err)
			}
			wantEnded(t, ended, want)
		})
	}
}
