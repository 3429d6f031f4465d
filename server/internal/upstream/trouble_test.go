package upstream_test

import (
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"splitdns/server/internal/servertest"
	"splitdns/server/internal/upstream"
)

// told collects what a group reports.
type told struct {
	mu   sync.Mutex // guards what follows
	said []string
}

// report takes a message.
func (l *told) report(bad bool, text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.said = append(l.said, map[bool]string{true: "WARN ", false: "INFO "}[bad]+text)
}

// texts are the messages so far.
func (l *told) texts() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]string(nil), l.said...)
}

// reporting is a group that reports to l.
func reporting(t testing.TB, l *told, o upstream.Options) *upstream.Group {
	t.Helper()
	o.Strategy, o.Report = upstream.Order, l.report
	g := upstream.New(o, func() {})
	t.Cleanup(g.Close)
	return g
}

// wantTold expects messages, with 1s for each time.
func wantTold(t *testing.T, l *told, want ...string) {
	t.Helper()
	eventually(t, strings.Join(want, ", "), func() bool { return len(l.texts()) >= len(want) })
	times := regexp.MustCompile(`[0-9.]+m?s\b`)
	for i, text := range l.texts() {
		if got := times.ReplaceAllString(text, "1s"); i >= len(want) || got != want[i] {
			t.Errorf("message %d: %q, want %q", i, got, want)
		}
	}
}

// A server that is left out is reported once, and once that it is back, however often that
// happens in a short time.
func TestTroubleIsReported(t *testing.T) {
	first, manner := changing(t, servertest.Silent)
	second := good(t)
	var l told
	g := reporting(t, &l, options(10*time.Second, first.Addr, second.Addr))
	name := "upstream default: " + first.Addr.String() + ": "
	bad, well := "WARN "+name+"no answer for 1s: left out until it answers", "INFO "+name+"answers again after 1s"
	untilRested(t, g, 0)
	wantTold(t, &l, bad)
	manner.Store(atOnce)
	askUntil(t, g, "the first server is back", func(string) bool { return stateOf(g, 0).State == upstream.StateOK })
	wantTold(t, &l, bad, well)
	manner.Store(servertest.Script(servertest.Silent))
	untilRested(t, g, 0)
	g.Close()
	wantTold(t, &l, bad, well)
}

// So is the only server of a group, which is never left out, with the reason.
func TestTroubleOfTheOnlyServerIsReported(t *testing.T) {
	u := good(t)
	u.CloseTCP()
	o := options(10*time.Second, u.Addr)
	o.Servers[0].Transport = upstream.TCP
	var l told
	g := reporting(t, &l, o)
	for start := time.Now(); time.Since(start) < 2*upstream.RestSpan; {
		wantError(t, g)
	}
	wantTold(t, &l, "WARN upstream default: "+u.Addr.String()+
		": no answer for 1s (over TCP: connection refused): still asked, since no other server of the group answers")
}

// A log that takes nothing holds up no query, and Close waits for it.
func TestSlowReportHoldsUpNothing(t *testing.T) {
	first := servertest.New(t, servertest.Silent)
	o := options(10*time.Second, first.Addr, good(t).Addr)
	free, reported := make(chan struct{}), make(chan struct{}, 1)
	o.Strategy = upstream.Order
	o.Report = func(bool, string) {
		<-free
		reported <- struct{}{}
	}
	g := upstream.New(o, func() {})
	untilRested(t, g, 0)
	wantAnswer(t, g, "192.0.2.1")
	close(free)
	g.Close()
	if len(reported) != 1 {
		t.Error("Close did not wait for the report")
	}
}

// It takes some failures, and a while before the next report.
func TestWhenTroubleIsTold(t *testing.T) {
	var l upstream.Trouble
	at := func(d time.Duration) time.Time { return epoch.Add(d) }
	for i, step := range []struct {
		begins bool
		at     time.Duration
		want   bool
	}{
		{false, 0, false},
		{true, time.Second, true},
		{true, 2 * time.Second, false},
		{false, 3 * time.Second, true},
		{false, 4 * time.Second, false},
		{true, time.Second + upstream.TroubleGap - 1, false},
		{false, time.Second + upstream.TroubleGap - 1, false},
		{true, time.Second + upstream.TroubleGap, true},
	} {
		var got bool
		if step.begins {
			got = l.Begins(at(step.at))
		} else {
			got = l.Ends(at(step.at))
		}
		if got != step.want {
			t.Errorf("step %d: told %v, want %v", i, got, step.want)
		}
	}
}
