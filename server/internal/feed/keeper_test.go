package feed_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"splitdns/server/internal/feed"
	"splitdns/server/internal/statedir"
)

// world is a publisher, a configuration and a clock, all of them made up. It is for tests in a bubble.
type world struct {
	*feed.Keeper
	dir  string
	stop func()
	hold chan struct{} // who fetches waits until it is closed or he is stopped; nil: he does not

	jitter func(time.Duration) time.Duration // nil: none

	mu     sync.Mutex // guards what follows
	log    bytes.Buffer
	text   string // what is published
	broken error  // of the fetch
	bad    error  // what the configuration says of candidates
	times  []time.Time
	adopts []string

	shadows []bool // at each reload: whether a copy waited
}

// newWorld returns a world in which s is followed, from a moment ago.
func newWorld(t *testing.T, text string, s feed.Subscription) *world {
	t.Helper()
	w := &world{dir: t.TempDir(), text: text}
	w.run(t, s)
	return w
}

// run starts a keeper.
func (w *world) run(t *testing.T, s feed.Subscription) {
	t.Helper()
	folders := new(statedir.Folders)
	w.Keeper = feed.NewKeeper(feed.Options{
		Folders: folders, Fetch: w.fetch, Adopt: w.adopt, Reload: w.reload, Jitter: func(d time.Duration) time.Duration {
			if w.jitter != nil {
				return w.jitter(d)
			}
			return d
		},
		Log: slog.New(slog.NewTextHandler(w, nil)),
	})
	w.Set(w.dir, []feed.Subscription{s})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- w.Run(ctx) }()
	w.stop = func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		folders.Unlock()
	}
	synctest.Wait()
}

// Write takes what is logged.
func (w *world) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.log.Write(b)
}

// set changes the world.
func (w *world) set(change func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change()
}

// said is what was logged.
func (w *world) said() (text string) {
	w.set(func() { text = w.log.String() })
	return text
}

// asked is when the publisher was asked since the last call.
func (w *world) asked() (times []time.Time) {
	w.set(func() { times, w.times = w.times, nil })
	return times
}

// fetch is the publisher.
func (w *world) fetch(ctx context.Context, url string, have *feed.Document) (feed.Document, bool, error) {
	if w.hold != nil {
		select {
		case <-w.hold:
		case <-ctx.Done():
			return feed.Document{}, false, ctx.Err()
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.times = append(w.times, time.Now())
	if w.broken != nil {
		return feed.Document{}, false, w.broken
	}
	d := feed.NewDocument(url, []byte(w.text))
	return d, have != nil && have.SHA256 == d.SHA256, nil
}

// reload reads what waits as a configuration does.
func (w *world) reload(string) {
	_, err := feed.OpenPending(w.dir, "z")
	w.set(func() { w.shadows = append(w.shadows, err == nil) })
}

// adopt is the configuration: it reads the candidate as a real one does.
func (w *world) adopt(zone, why string, commit func() error) error {
	var bad error
	if w.set(func() { bad = w.bad }); bad != nil {
		return bad
	}
	c, err := feed.Open(w.dir, zone, true)
	if err != nil {
		return err
	}
	if _, err := c.ReadZone(); err != nil || commit == nil {
		return err
	}
	w.set(func() { w.adopts = append(w.adopts, why) })
	return commit()
}

// inForce are the names in force, in a line.
func (w *world) inForce(t *testing.T) string {
	t.Helper()
	c, err := feed.Open(w.dir, "z", false)
	if errors.Is(err, fs.ErrNotExist) {
		return "nothing"
	}
	if err != nil {
		t.Fatal(err)
	}
	var words []string
	for _, r := range read(t, c.Copy).Rows {
		words = append(words, r.Name)
	}
	return strings.Join(words, " ")
}

// status is that of the only subscription.
func (w *world) status() feed.ZoneStatus { return w.Status()[0] }

// sleep lets time pass, and whatever happens then.
func sleep(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// The published zones.
const (
	one   = "[row.a]\nnames = ['a.example']\nprefixes = ['192.0.2.1']\n"
	two   = one + "[row.b]\nnames = ['b.example']\nprefixes = ['192.0.2.2']\n"
	three = two + "[row.c]\nnames = ['c.example']\n"
)

// daily is a subscription with the defaults, but for the loss.
var daily = feed.Subscription{
	Zone: "z", URLs: []string{"https://lists.example/z.toml"}, Format: feed.FormatZone,
	Every: 24 * time.Hour, RemoveAfter: 720 * time.Hour, MaxLoss: 50,
}

func TestAdditionsApplyAtOnceAndRemovalsLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, two, daily)
		defer func() { w.stop() }()
		if got := w.inForce(t); got != "a b" {
			t.Fatalf("in force %q at once, want a b", got)
		}
		w.set(func() {
			w.text = strings.ReplaceAll(three, "[row.b]\nnames = ['b.example']\nprefixes = ['192.0.2.2']\n", "")
		})
		sleep(24 * time.Hour)
		gone := "b.gone-" + time.Now().UTC().Format("20060102")
		if got := w.inForce(t); got != "a c "+gone {
			t.Fatalf("in force %q, want c at once, and b still", got)
		}
		if st := w.status(); st.Kept != 2 || !st.KeptUntil.Equal(time.Now().Add(720*time.Hour)) {
			t.Errorf("kept %d until %v, want 2 for 30 days", st.Kept, st.KeptUntil)
		}
		sleep(720*time.Hour - time.Second)
		if got := w.inForce(t); got != "a c "+gone {
			t.Errorf("in force %q a second before the end, want b still", got)
		}
		sleep(time.Second)
		if got := w.inForce(t); got != "a c" {
			t.Errorf("in force %q, want b gone", got)
		}
		if st := w.status(); st.Kept != 0 || !st.KeptUntil.IsZero() || len(w.adopts) != 3 {
			t.Errorf("kept %d until %v after %q", st.Kept, st.KeptUntil, w.adopts)
		}
	})
}

// TestRemovalsSurviveARestart stops the keeper for longer than remove_after.
func TestRemovalsSurviveARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, two, daily)
		w.set(func() { w.text = one })
		sleep(24 * time.Hour)
		w.stop()
		w.set(func() { w.broken = errors.New("no network") })
		sleep(24 * time.Hour)
		w.run(t, daily)
		if got := w.inForce(t); !strings.HasPrefix(got, "a b.gone-") {
			t.Errorf("in force %q after a restart, want b still", got)
		}
		w.stop()
		sleep(720 * time.Hour)
		w.run(t, daily)
		defer func() { w.stop() }()
		if got := w.inForce(t); got != "a" {
			t.Errorf("in force %q after a month, want b gone", got)
		}
		if st := w.status(); st.Fetched.IsZero() || st.Kind != feed.Other && st.Kind != feed.Network {
			t.Errorf("%+v", st)
		}
	})
}

// TestAnEndThatIsRefusedWaits has the configuration refuse that something goes.
func TestAnEndThatIsRefusedWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := daily
		s.RemoveAfter = 36 * time.Hour
		w := newWorld(t, two, s)
		defer func() { w.stop() }()
		w.set(func() { w.text = one })
		sleep(24 * time.Hour)
		w.set(func() { w.bad = &feed.Error{Kind: feed.Config, Err: errors.New("a test is red")} })
		sleep(40 * time.Hour)
		if st := w.status(); !strings.HasPrefix(w.inForce(t), "a b.gone-") || st.Errors[feed.Config] == 0 {
			t.Errorf("in force %q, %+v", w.inForce(t), st)
		}
		w.set(func() { w.bad = nil })
		sleep(time.Hour)
		if got := w.inForce(t); got != "a" {
			t.Errorf("in force %q, want b gone", got)
		}
	})
}

func TestShadow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := daily
		s.Shadow = 72 * time.Hour
		w := newWorld(t, one, s)
		defer func() { w.stop() }()
		if got := w.inForce(t); got != "a" {
			t.Fatalf("in force %q, want the first copy at once: there is nothing beside which it could wait", got)
		}
		w.set(func() { w.text = two })
		sleep(24 * time.Hour)
		c, err := feed.OpenPending(w.dir, "z")
		if err != nil || w.inForce(t) != "a" || len(read(t, c).Rows) != 2 {
			t.Fatalf("in force %q, waiting %v %v", w.inForce(t), c, err)
		}
		sleep(24 * time.Hour)
		w.set(func() { w.text = three }) // another one takes its place, and waits for as long
		sleep(24 * time.Hour)
		until := time.Now().Add(72 * time.Hour)
		if st := w.status(); !st.Pending || !st.PendingUntil.Equal(until) {
			t.Errorf("waits until %v, want %v", st.PendingUntil, until)
		}
		sleep(72*time.Hour - time.Second)
		if got := w.inForce(t); got != "a" {
			t.Errorf("in force %q before its time", got)
		}
		sleep(time.Second)
		if got := w.inForce(t); got != "a b c" || w.status().Pending {
			t.Errorf("in force %q, want a b c", got)
		}
		if want := []bool{true, true, false}; !slices.Equal(w.shadows, want) {
			t.Errorf("shadows at reloads: %v, want %v", w.shadows, want)
		}
	})
}

// TestABundledZoneIsNotReplacedUnseen has the first copy wait where there is something in force already.
func TestABundledZoneIsNotReplacedUnseen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := daily
		s.Shadow, s.Bundled = time.Hour, true
		w := newWorld(t, one, s)
		defer func() { w.stop() }()
		if got := w.inForce(t); got != "nothing" || !w.status().Pending {
			t.Errorf("in force %q", got)
		}
		sleep(time.Hour)
		if got := w.inForce(t); got != "a" {
			t.Errorf("in force %q, want a", got)
		}
	})
}

func TestPauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, one, daily)
		defer func() { w.stop() }()
		w.set(func() { w.broken = &feed.Error{Kind: feed.Network, Err: errors.New("no route")} })
		w.asked()
		sleep(48 * time.Hour)
		var pauses []time.Duration
		times := w.asked()
		for i, at := range times[1:] {
			pauses = append(pauses, at.Sub(times[i]))
		}
		for i, p := range pauses {
			if want := min(30*time.Second<<i, time.Hour); i < 30 && p != want {
				t.Fatalf("pauses %v, want %v for number %d", pauses, want, i)
			}
		}
		if n := strings.Count(w.said(), "level=ERROR"); n != 1 {
			t.Errorf("said %d times, want once", n)
		}
		w.set(func() { w.broken = &feed.Error{Kind: feed.Status, Err: errors.New("busy"), After: 5 * time.Hour} })
		sleep(time.Hour)
		w.asked()
		w.set(func() { w.broken = nil })
		sleep(4*time.Hour - time.Minute)
		if len(w.asked()) != 0 {
			t.Error("asked before Retry-After was over")
		}
		sleep(time.Hour)
		if n := len(w.asked()); n != 1 || w.status().Problem != "" || !strings.Contains(w.said(), "well again") {
			t.Errorf("asked %d times, %+v", n, w.status())
		}
	})
}

func TestSubscriptionsChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, one, daily)
		defer func() { w.stop() }()
		w.asked()
		s := daily
		s.Every = time.Hour
		w.Set(w.dir, []feed.Subscription{s})
		sleep(3*time.Hour + time.Minute)
		if n := len(w.asked()); n != 3 {
			t.Errorf("asked %d times in three hours, want 3", n)
		}
		s.URLs = []string{"https://other.example/z.toml"}
		w.Set(w.dir, []feed.Subscription{s})
		sleep(time.Second)
		if len(w.asked()) != 1 {
			t.Error("another URL was not asked at once")
		}
		w.Set(w.dir, []feed.Subscription{s}) // the same again
		sleep(time.Minute)
		w.Set(w.dir, nil)
		sleep(240 * time.Hour)
		if n := len(w.asked()); n != 0 || len(w.Status()) != 0 {
			t.Errorf("asked %d times, and not followed any more", n)
		}
		if _, err := w.Refresh(context.Background(), "z", false); err == nil {
			t.Error("refreshed though not followed")
		}
	})
}

func TestGuard(t *testing.T) {
	for name, test := range map[string]struct {
		text string
		kind feed.Kind
	}{
		"half of it":          {one, ""},
		"less than half":      {"[row.z]\nnames = ['z.example']\nprefixes = ['192.0.2.9']\n", feed.Shrunk},
		"the ranges":          {"[row.a]\nnames = ['a.example']\n[row.b]\nnames = ['b.example']\n", feed.Shrunk},
		"a web page":          {"  <!DOCTYPE html><title>Login</title>", feed.HTML},
		"nothing":             {" \n", feed.Empty},
		"no rows":             {"title = 'empty'\n", feed.Shape},
		"no zone file at all": {"{\"prefixes\": []}", feed.Shape},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, two, daily)
				defer func() { w.stop() }()
				w.set(func() { w.text = test.text })
				outcomes, err := w.Refresh(context.Background(), "z", false)
				if err != nil || outcomes[0].Kind != test.kind || outcomes[0].OK != (test.kind == "") {
					t.Fatalf("%+v %v, want %q", outcomes, err, test.kind)
				}
				if got := w.inForce(t); test.kind != "" && (got != "a b" || w.status().Refused() != 1) {
					t.Errorf("in force %q, refused %d", got, w.status().Refused())
				}
				outcomes, _ = w.Refresh(context.Background(), "z", true)
				if want := test.kind == "" || test.kind == feed.Shrunk; outcomes[0].OK != want {
					t.Errorf("accepted: %+v, want %v", outcomes, want)
				}
			})
		})
	}
}

// TestACrashLeavesAGoodCopy leaves behind what a crash at any moment may.
func TestACrashLeavesAGoodCopy(t *testing.T) {
	for name, crash := range map[string]func(dir string) error{
		"a candidate": func(dir string) error { return os.WriteFile(filepath.Join(dir, "z.candidate"), []byte("half"), 0o600) },
		"half a file": func(dir string) error { return os.WriteFile(filepath.Join(dir, "z.copy-123"), []byte("half"), 0o600) },
		"between two renames": func(dir string) error {
			return os.Rename(filepath.Join(dir, "z.copy"), filepath.Join(dir, "z.previous"))
		},
		"half of what waits": func(dir string) error { return os.WriteFile(filepath.Join(dir, "z.pending"), nil, 0o600) },
		"half of when":       func(dir string) error { return os.WriteFile(filepath.Join(dir, "z.checked"), []byte("{"), 0o600) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, one, daily)
				w.stop()
				if err := crash(w.dir); err != nil {
					t.Fatal(err)
				}
				w.set(func() { w.broken = io.EOF })
				w.run(t, daily)
				if got := w.inForce(t); got != "a" {
					t.Errorf("in force %q", got)
				}
				w.set(func() { w.broken, w.text = nil, two })
				sleep(48 * time.Hour)
				if got := w.inForce(t); got != "a b" {
					t.Errorf("in force %q later", got)
				}
				w.stop()
				files, _ := os.ReadDir(w.dir)
				for _, f := range files {
					if n := f.Name(); n != "z.copy" && n != "z.previous" && n != "z.checked" && n != ".lock" {
						t.Errorf("%s is left", n)
					}
				}
			})
		})
	}
}

// TestTwoServersOneFolder has a second server be told that the folder is taken, until the first one ends.
func TestTwoServersOneFolder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, one, daily)
		candidate := filepath.Join(w.dir, "z.candidate")
		if err := os.WriteFile(candidate, []byte("the first one's"), 0o600); err != nil {
			t.Fatal(err)
		}
		other := &world{dir: w.dir, text: two}
		other.run(t, daily)
		defer func() { other.stop() }()
		if o, err := other.Refresh(context.Background(), "z", false); err != nil || o[0].Kind != feed.State || !strings.Contains(o[0].Result, "another server keeps its copies in "+w.dir) {
			t.Errorf("refresh says %+v, %v", o, err)
		}
		if _, err := os.Stat(candidate); err != nil || w.inForce(t) != "a" {
			t.Errorf("in force %q, candidate %v", w.inForce(t), err)
		}
		w.stop()
		sleep(time.Hour)
		if got := w.inForce(t); got != "a b" {
			t.Errorf("in force %q once the first one has ended, want a b", got)
		}
	})
}

// TestTheClockWasAhead has copies be from a time to come: they wait and are kept no longer for that.
func TestTheClockWasAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := daily
		s.Shadow, s.RemoveAfter = 72*time.Hour, 48*time.Hour
		w := newWorld(t, two, s)
		w.set(func() { w.text = one })
		sleep(24 * time.Hour)
		w.stop()
		for _, part := range []string{"z.pending", "z.copy"} {
			file := filepath.Join(w.dir, part)
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			c, err := feed.Decode("z", data)
			if err != nil {
				t.Fatal(err)
			}
			c.Fetched = c.Fetched.AddDate(30, 0, 0)
			if data, err = feed.Encode(c); err != nil || os.WriteFile(file, data, 0o600) != nil {
				t.Fatal(err)
			}
		}
		w.run(t, s)
		defer func() { w.stop() }()
		if until := w.status().PendingUntil; time.Until(until) > 72*time.Hour {
			t.Fatalf("waits until %v", until)
		}
		sleep(72 * time.Hour)
		if got := w.inForce(t); !strings.HasPrefix(got, "a b.gone-") {
			t.Errorf("in force %q", got)
		}
		sleep(48 * time.Hour)
		if got := w.inForce(t); got != "a" {
			t.Errorf("in force %q, want a", got)
		}
	})
}

// TestZonesOfOnePage holds that the zones of one page are fetched together, for ever, although nobody is to ask at the
// same time each day, and that whoever asks for one of them gets what is there now.
func TestZonesOfOnePage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, one, daily)
		w.stop()
		w.asked()
		w.jitter = func(d time.Duration) time.Duration { return d + time.Duration((rand.Float64()-0.5)*0.2*float64(d)) }
		w.run(t, daily)
		defer func() { w.stop() }()
		var all []feed.Subscription
		for i := range 7 {
			s := daily
			s.Zone = fmt.Sprint("z", i)
			all = append(all, s)
		}
		days := func(n int) int {
			sleep(time.Duration(n) * 24 * time.Hour)
			return len(w.asked())
		}
		w.Set(w.dir, all)
		if n := days(30); n < 26 || n > 42 { // each for itself would be 210
			t.Errorf("asked %d times in 30 days", n)
		}
		w.stop()
		w.run(t, daily)
		w.Set(w.dir, all)
		if n := days(10); n < 8 || n > 20 { // each for itself would be 70
			t.Errorf("asked %d times in 10 days after a restart", n)
		}
		for range 2 {
			sleep(time.Second)
			if o, err := w.Refresh(context.Background(), "z3", false); err != nil || !o[0].OK || len(w.asked()) != 1 {
				t.Errorf("refresh of one zone: %+v, %v; want it fetched each time", o, err)
			}
		}
		sleep(time.Second)
		if o, err := w.Refresh(context.Background(), "", false); err != nil || len(o) != 7 || len(w.asked()) != 1 {
			t.Errorf("refresh of all: %+v, %v; want one fetch", o, err)
		}
		w.set(func() { w.broken = &feed.Error{Kind: feed.Network, Err: errors.New("no route")} })
		sleep(27 * time.Hour)
		asked := len(w.asked())
		for _, st := range w.Status() {
			if n := int(st.Errors[feed.Network]); n == 0 || asked > n+1 {
				t.Errorf("%s: %d errors, asked %d times for all", st.Zone, n, asked)
			}
		}
	})
}

// TestASharedFetchIsNotItsOwners holds that the others do not fail when the zone that fetches for all goes.
func TestASharedFetchIsNotItsOwners(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{dir: t.TempDir(), text: one, hold: make(chan struct{})}
		first, second := daily, daily
		second.Zone = "y"
		w.run(t, first)
		w.Set(w.dir, []feed.Subscription{first, second})
		synctest.Wait()
		w.Set(w.dir, []feed.Subscription{second})
		synctest.Wait()
		close(w.hold)
		synctest.Wait()
		defer func() { w.stop() }()
		if st := w.Status(); len(st) != 1 || st[0].Fetched.IsZero() || st[0].Problem != "" {
			t.Errorf("%+v", st)
		}
	})
}
