package querylog_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"splitdns/server/internal/querylog"
)

// buffer is a sink that many goroutines may look at.
type buffer struct {
	mu   sync.Mutex
	data bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.data.Write(p)
}

func (b *buffer) lines() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return bytes.Count(b.data.Bytes(), []byte("\n"))
}

// sinkFunc is a sink that is a function.
type sinkFunc func(p []byte) (int, error)

func (f sinkFunc) Write(p []byte) (int, error) { return f(p) }

// reports keeps what was reported.
type reports struct {
	mu    sync.Mutex
	texts []string
}

func (r *reports) add(text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.texts = append(r.texts, text)
}

func (r *reports) all() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string(nil), r.texts...)
}

// open opens a log, or ends the test.
func open(t *testing.T, dest string, stdout sinkFunc, report func(string)) *querylog.Log {
	t.Helper()
	l, err := querylog.Open(dest, stdout, report)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// run runs l; the returned function ends it and gives Run's error.
func run(t *testing.T, l *querylog.Log) (end func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- l.Run(ctx) }()
	return func() error {
		cancel()
		return <-ended
	}
}

func TestFlushedWithinASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sink buffer
		l := open(t, "stdout", sink.Write, func(text string) { t.Error(text) })
		end := run(t, l)
		for want := 1; want <= 3; want++ {
			l.Write(querylog.Entry{Name: "a.example"})
			time.Sleep(time.Second)
			synctest.Wait()
			if got := sink.lines(); got != want {
				t.Errorf("%d lines after a second, want %d", got, want)
			}
		}
		if err := end(); err != nil {
			t.Error(err)
		}
	})
}

func TestFirstEntryAfterSilenceIsWrittenAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sink buffer
		l := open(t, "stdout", sink.Write, func(text string) { t.Error(text) })
		end := run(t, l)
		l.Write(querylog.Entry{})
		synctest.Wait() // no time passes
		if got := sink.lines(); got != 1 {
			t.Errorf("%d lines, want 1", got)
		}
		if err := end(); err != nil {
			t.Error(err)
		}
	})
}

func TestEveryEntryFromManyWriters(t *testing.T) {
	var sink buffer
	l := open(t, "stdout", sink.Write, func(text string) { t.Error(text) })
	end := run(t, l)
	const writers, each = 8, 200
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				l.Write(querylog.Entry{Name: fmt.Sprintf("%d-%d.example", w, i)})
			}
		})
	}
	wg.Wait()
	if err := end(); err != nil {
		t.Error(err)
	}
	seen := make(map[string]bool)
	for line := range strings.Lines(sink.data.String()) {
		seen[line] = true
	}
	if len(seen) != writers*each {
		t.Errorf("%d different lines, want %d", len(seen), writers*each)
	}
}

func TestStuckSinkBlocksNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var said reports
		stuck := make(chan struct{})
		l := open(t, "stdout", func(p []byte) (int, error) { <-stuck; return len(p), nil }, said.add)
		end := run(t, l)
		fill(l)
		synctest.Wait()
		fill(l) // Write returns, or the bubble is stuck and the test fails
		synctest.Wait()
		dropped := l.Dropped()
		if dropped == 0 {
			t.Error("nothing was dropped, want drops behind a stuck sink")
		}
		time.Sleep(9 * time.Second)
		if got := said.all(); len(got) != 1 || !strings.HasSuffix(got[0], " dropped: the sink is slow or full") {
			t.Errorf("reports in 9 s: %q, want one", got)
		}
		l.Write(large())
		time.Sleep(2 * time.Second)
		if got := said.all(); len(got) != 2 {
			t.Errorf("reports in 11 s: %q, want two", got)
		}
		if got := reported(t, said.all()); got != dropped+1 {
			t.Errorf("reported %d drops, want %d", got, dropped+1)
		}
		before := time.Now()
		if err := end(); err == nil {
			t.Error("Run ended behind a stuck sink with nil, want an error")
		}
		if took := time.Since(before); took > 3*time.Second {
			t.Errorf("Run took %v to end behind a stuck sink", took)
		}
		close(stuck)
	})
}

// fill writes more than a log holds.
func fill(l *querylog.Log) {
	for range querylog.MaxPending/1000 + 1 {
		l.Write(large())
	}
}

// large is an entry of more than 1000 octets.
func large() querylog.Entry { return querylog.Entry{Name: strings.Repeat("x", 1000)} }

// reported adds up the drops in texts.
func reported(t *testing.T, texts []string) (sum uint64) {
	t.Helper()
	for _, text := range texts {
		number, _, _ := strings.Cut(strings.TrimPrefix(text, "query log: "), " ")
		n, err := strconv.ParseUint(number, 10, 64)
		if err != nil {
			t.Fatalf("report %q: %v", text, err)
		}
		sum += n
	}
	return sum
}

func TestFailingSinkIsReportedAndRecovers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var said reports
		var sink buffer
		room := 10 // octets until the disk is full
		l := open(t, "stdout", func(p []byte) (int, error) {
			n, _ := sink.Write(p[:min(room, len(p))])
			room -= n
			if n < len(p) {
				return n, errors.New("write log: no space left on device")
			}
			return n, nil
		}, said.add)
		end := run(t, l)
		for _, name := range []string{"torn.example", "lost.example"} {
			l.Write(querylog.Entry{Name: name})
			time.Sleep(time.Second)
		}
		synctest.Wait()
		room = 1 << 20
		l.Write(querylog.Entry{Name: "after.example"})
		if err := end(); err != nil {
			t.Error(err)
		}
		want := string(querylog.AppendEntry(nil, &querylog.Entry{Name: "torn.example"})) +
			string(querylog.AppendEntry(nil, &querylog.Entry{Name: "after.example"}))
		if got := sink.data.String(); got != want {
			t.Errorf("log %q, want %q", got, want)
		}
		if got := said.all(); len(got) != 1 || got[0] != "query log: 1 entry dropped: write log: no space left on device" {
			t.Errorf("reports %q, want one with the cause", got)
		}
		if l.Dropped() != 1 || l.Written() != 2 {
			t.Errorf("%d dropped, %d written, want 1 and 2", l.Dropped(), l.Written())
		}
	})
}

func TestOff(t *testing.T) {
	l := open(t, "off", nil, func(text string) { t.Error(text) })
	end := run(t, l)
	l.Write(querylog.Entry{})
	if err := errors.Join(l.Reopen(), end()); err != nil || l.Dropped() != 0 {
		t.Errorf("error %v, %d dropped, want neither", err, l.Dropped())
	}
}

func TestWrittenAfterTheEndIsDropped(t *testing.T) {
	var sink buffer
	var said reports
	l := open(t, "stdout", sink.Write, said.add)
	if err := run(t, l)(); err != nil {
		t.Fatal(err)
	}
	l.Write(querylog.Entry{})
	if l.Dropped() != 1 || sink.lines() != 0 {
		t.Errorf("%d dropped, %d lines, want 1 and 0", l.Dropped(), sink.lines())
	}
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	_, err := querylog.Open(filepath.Join(t.TempDir(), "none", "q.log"), nil, func(string) {})
	if !errors.Is(err, os.ErrNotExist) || !strings.HasPrefix(err.Error(), "opening the query log: ") {
		t.Errorf("error %v, want one that names the cause", err)
	}
}

func TestFileIsAppendedTo(t *testing.T) {
	path := filepath.Join(t.TempDir(), "q.log")
	for range 2 {
		l := open(t, path, nil, func(text string) { t.Error(text) })
		end := run(t, l)
		l.Write(querylog.Entry{})
		if err := end(); err != nil {
			t.Fatal(err)
		}
	}
	if got := linesIn(t, path); got != 2 {
		t.Errorf("%d lines, want 2", got)
	}
}

// linesIn is the number of lines in the file at path.
func linesIn(t *testing.T, path string) int {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Count(data, []byte("\n"))
}

func TestReopenAfterRename(t *testing.T) {
	path := filepath.Join(t.TempDir(), "q.log")
	l := open(t, path, nil, func(text string) { t.Error(text) })
	end := run(t, l)
	const before, after = 3, 5
	for range before {
		l.Write(querylog.Entry{Name: "before.example"})
	}
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(l.Reopen(), l.Reopen()); err != nil {
		t.Fatal(err)
	}
	for range after {
		l.Write(querylog.Entry{Name: "after.example"})
	}
	if err := end(); err != nil {
		t.Fatal(err)
	}
	old, current := linesIn(t, path+".1"), linesIn(t, path)
	if old+current != before+after || current < after {
		t.Errorf("%d lines in the old file and %d in the new one, want %d in all and the last %d in the new one",
			old, current, before+after, after)
	}
}

func TestReopenThatFailsKeepsTheFile(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "logs")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	l := open(t, filepath.Join(dir, "q.log"), nil, func(text string) { t.Error(text) })
	end := run(t, l)
	if err := os.Rename(dir, dir+".old"); err != nil {
		t.Fatal(err)
	}
	if err := l.Reopen(); err == nil {
		t.Error("Reopen in a folder that is gone = nil, want an error")
	}
	l.Write(querylog.Entry{})
	if err := end(); err != nil {
		t.Fatal(err)
	}
	if got := linesIn(t, filepath.Join(dir+".old", "q.log")); got != 1 {
		t.Errorf("%d lines in the file kept, want 1", got)
	}
}

// TestWriteLine: an entry made ready before is the same line as one that is not.
func TestWriteLine(t *testing.T) {
	var sink buffer
	l := open(t, "stdout", sink.Write, func(string) {})
	end := run(t, l)
	e := full()
	line := querylog.NewLine(e)
	for _, client := range []string{"10.2.7.41", "2001:db8::1", "fe80::1%eth0"} {
		e.Time, e.Client = e.Time.Add(time.Hour), netip.MustParseAddr(client)
		l.Write(e)
		l.WriteLine(e.Time, e.Client, line)
	}
	if err := end(); err != nil {
		t.Fatal(err)
	}
	got := strings.Split(strings.TrimSpace(sink.data.String()), "\n")
	if len(got) != 6 {
		t.Fatalf("%d lines, want 6", len(got))
	}
	for i := 0; i < len(got); i += 2 {
		if got[i] != got[i+1] {
			t.Errorf("WriteLine: %s\nwant %s", got[i+1], got[i])
		}
	}
}

func TestWriteDoesNotAllocate(t *testing.T) {
	if raced {
		t.Skip("the race detector allocates")
	}
	l := open(t, "stdout", nil, func(string) {})
	e := full()
	line := querylog.NewLine(e)
	write := func() {
		l.Write(e)
		l.WriteLine(e.Time, e.Client, line)
	}
	for range 2000 { // until the buffers have grown
		write()
	}
	if n := testing.AllocsPerRun(1000, write); n != 0 {
		t.Errorf("Write allocates %v times, want 0", n)
	}
}

func BenchmarkWrite(b *testing.B) {
	e := full()
	line := querylog.NewLine(e)
	for name, write := range map[string]func(*querylog.Log){
		"entry": func(l *querylog.Log) { l.Write(e) },
		"line":  func(l *querylog.Log) { l.WriteLine(e.Time, e.Client, line) },
	} {
		b.Run(name, func(b *testing.B) { benchmarkWrite(b, write) })
	}
}

func benchmarkWrite(b *testing.B, write func(*querylog.Log)) {
	l, err := querylog.Open("stdout", sinkFunc(func(p []byte) (int, error) { return len(p), nil }), func(string) {})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	ended := make(chan error, 1)
	go func() { ended <- l.Run(ctx) }()
	b.ReportAllocs()
	for b.Loop() {
		write(l)
	}
	cancel()
	if err := <-ended; err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(l.Dropped())/float64(b.N), "dropped/op")
}
