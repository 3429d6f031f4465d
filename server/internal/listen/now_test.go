package listen_test

import (
	"fmt"
	"strings"
	"testing"

	"splitdns/server/internal/listen"
)

// echoNow answers with the query at once, except what begins with "slow".
func echoNow(dst, packet []byte, _ listen.Peer) ([]byte, bool) {
	if strings.HasPrefix(text(packet), "slow") {
		return nil, false
	}
	return append(dst, packet...), true
}

// untilEnd answers nothing as long as the test goes on.
func untilEnd(t *testing.T) wait {
	return func(_, _ []byte, _ listen.Peer) []byte {
		<-t.Context().Done()
		return nil
	}
}

func TestAnswersFlowWhileOthersWait(t *testing.T) {
	lim := limits()
	lim.InFlight = listen.NewLimiter(1)
	release := make(chan struct{})
	s := serveBoth(t, "127.0.0.1:0", lim, handler{
		now: echoNow,
		wait: func(dst, packet []byte, from listen.Peer) []byte {
			<-release
			return echo(dst, packet, from)
		},
	})
	u, c := dial(t, "udp", s.Addr().String()), dial(t, "tcp", s.Addr().String())
	c.ask(query("slow"))
	eventually(t, "the slow query under way", func() bool { return lim.InFlight.UnderWay() == 1 })
	u.ask(query("slow, dropped"))
	for i := range 10 {
		hit := fmt.Sprint("hit ", i)
		u.exchange(hit, hit)
		c.exchange(hit, hit)
	}
	dial(t, "tcp", s.Addr().String()).exchange("a new one", "a new one")
	if n := lim.InFlight.UnderWay(); n != 1 {
		t.Errorf("%d under way, want the slow one", n)
	}
	close(release)
	if got := text(c.answer()); got != "slow" {
		t.Errorf("got %q, want the slow response", got)
	}
	if got := s.Stats(); got.UDP != 10 || got.TCP != 12 || got.Dropped != 1 {
		t.Errorf("stats %+v, want 10 over UDP, 12 over TCP, 1 dropped", got)
	}
}

func TestSilentNow(t *testing.T) {
	s := serveBoth(t, "127.0.0.1:0", limits(), handler{
		now: func(dst, packet []byte, from listen.Peer) ([]byte, bool) {
			if text(packet) == "secret" {
				return nil, true
			}
			return echoNow(dst, packet, from)
		},
		wait: func([]byte, []byte, listen.Peer) []byte {
			t.Error("asked to wait for what is known")
			return nil
		},
	})
	for _, network := range []string{"udp", "tcp"} {
		c := dial(t, network, s.Addr().String())
		for range 2 * listen.ConnQueries { // silence holds no place
			c.ask(query("secret"))
		}
		c.exchange("hello", "hello") // the first thing that comes back
	}
}

func TestPipelinedAtOnce(t *testing.T) {
	s := serveBoth(t, "127.0.0.1:0", limits(), handler{now: echoNow, wait: echo})
	c := dial(t, "tcp", s.Addr().String())
	const n = 5 * listen.ConnQueries
	var all []byte
	for i := range n {
		all = append(all, frame(query([]string{"fast ", "slow "}[i%2]+fmt.Sprint(i)))...)
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

func TestClientThatNeverReadsWhatComesAtOnce(t *testing.T) {
	t.Parallel()
	lim := limits()
	lim.Idle = briefly
	s := serveBoth(t, "127.0.0.1:0", lim, handler{
		now: func(dst, _ []byte, _ listen.Peer) ([]byte, bool) {
			return append(dst, make([]byte, 60000)...), true
		},
		wait: untilEnd(t),
	})
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
	if err := <-cut; !isReset(err) {
		t.Errorf("the client that never reads got %v, want a closed connection", err)
	}
	eventually(t, "no connection open", func() bool { return s.Stats().Connections == 0 })
}
