package querylog

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"time"
)

const (
	// gatherTime is how long a batch is gathered after the one before. After a silence the first
	// entry is written at once, so that whoever watches the log sees it.
	gatherTime = 200 * time.Millisecond
	// reportEvery is how often drops are reported at most.
	reportEvery = 10 * time.Second
	// drainTime is how long Run waits at its end for a sink that does not take what is left.
	drainTime = 2 * time.Second
)

// Run writes the log until ctx is cancelled, then what is left, and closes the file. Entries written
// later are dropped: whoever logs must have ended before. It is called once. If the sink takes nothing
// for some time at the end, Run returns with an error, and leaves the goroutine that waits for the sink
// behind, as nothing ends that wait.
func (l *Log) Run(ctx context.Context) error {
	if l.off {
		<-ctx.Done()
		return nil
	}
	written := make(chan error, 1)
	go func() { written <- l.writeBatches(ctx) }()
	reported := l.reportDrops(ctx)
	var err error
	select {
	case err = <-written:
	case <-time.After(drainTime):
		err = fmt.Errorf("closing the query log: the sink took nothing for %v", drainTime)
	}
	l.reportSince(reported)
	return err
}

// writeBatches writes what Write adds until ctx is cancelled and nothing is left.
func (l *Log) writeBatches(ctx context.Context) error {
	var spare []byte
	for ctx.Err() == nil {
		select {
		case <-l.wake:
		case <-ctx.Done():
		}
		spare = l.writeBatch(spare)
		select {
		case <-time.After(gatherTime):
		case <-l.full:
		case <-ctx.Done():
		}
	}
	l.end()
	l.writeBatch(spare)
	return l.sink.close()
}

// writeBatch writes what is pending and returns its buffer, empty; spare takes its place. What the
// sink does not take is dropped: to try the same again would only make the queue longer.
func (l *Log) writeBatch(spare []byte) []byte {
	batch := l.take(spare)
	lost := 0
	if f := l.next.Swap(nil); f != nil { // after take: what is written after Reopen goes to f
		lost = l.sink.replace(f)
	}
	n, err := l.sink.write(batch)
	if err != nil {
		l.blame(err)
	}
	l.written.Add(uint64(max(0, countLines(batch)-n)))
	if lost += n; lost > 0 {
		l.drop(lost)
	}
	return batch[:0]
}

// take takes what is pending and leaves spare to be filled.
func (l *Log) take(spare []byte) []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	batch := l.pending
	l.pending = spare
	return batch
}

// end makes Write drop what comes from now on.
func (l *Log) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ended = true
}

// blame keeps err as the cause of the drops that are reported next.
func (l *Log) blame(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cause = err
}

// reportDrops reports drops until ctx is cancelled, and returns how many it has reported. It runs beside
// the writing, which a stuck sink may hold for ever.
func (l *Log) reportDrops(ctx context.Context) (reported uint64) {
	for {
		select {
		case <-l.drops:
			reported = l.reportSince(reported)
		case <-ctx.Done():
			return reported
		}
		select {
		case <-time.After(reportEvery):
		case <-ctx.Done():
			return reported
		}
	}
}

// reportSince reports the drops behind the first reported ones, if there are any, and returns how many
// there are in all.
func (l *Log) reportSince(reported uint64) uint64 {
	total := l.dropped.Load()
	if total == reported {
		return total
	}
	l.mu.Lock()
	cause := l.cause
	l.cause = nil
	l.mu.Unlock()
	why := "the sink is slow or full"
	if cause != nil {
		why = cause.Error()
	}
	l.report(fmt.Sprintf("query log: %s dropped: %s", entries(total-reported), why))
	return total
}

// entries is n with its noun.
func entries(n uint64) string {
	if n == 1 {
		return "1 entry"
	}
	return fmt.Sprintf("%d entries", n)
}

// sink is where lines go.
type sink struct {
	to   io.Writer
	file *os.File // to, if it is a file of ours
	torn []byte   // the rest of a line of which to has the beginning
}

// write writes lines and says how many were lost. Of a line that was begun the rest is kept and goes
// out before the next lines, so that a disk that was full for a while leaves no broken line.
func (s *sink) write(lines []byte) (lost int, err error) {
	if len(s.torn) > 0 {
		n, err := s.to.Write(s.torn)
		s.torn = s.torn[n:]
		if err != nil {
			return countLines(lines), err
		}
	}
	if len(lines) == 0 {
		return 0, nil
	}
	n, err := s.to.Write(lines)
	if err == nil {
		return 0, nil
	}
	rest := lines[n:]
	if n > 0 && lines[n-1] != '\n' {
		end := bytes.IndexByte(rest, '\n') + 1
		s.torn = append(s.torn[:0], rest[:end]...)
		rest = rest[end:]
	}
	return countLines(rest), err
}

// countLines is the number of lines in b.
func countLines(b []byte) int { return bytes.Count(b, []byte{'\n'}) }

// replace makes f the file, and says how many lines were lost: a torn one cannot be finished.
func (s *sink) replace(f *os.File) (lost int) {
	_ = s.file.Close() // what was written to it is in the system's hands
	if len(s.torn) > 0 {
		s.torn = s.torn[:0]
		lost = 1
	}
	s.to, s.file = f, f
	return lost
}

// close closes the file, if there is one.
func (s *sink) close() error {
	if s.file == nil {
		return nil
	}
	if err := s.file.Close(); err != nil {
		return fmt.Errorf("closing the query log: %w", err)
	}
	return nil
}
