package server

import (
	"bytes"
	"errors"
	"io"
	"net/netip"
	"slices"
	"time"

	"splitdns/matcher"
	"splitdns/server/config"
	"splitdns/server/internal/drift"
	"splitdns/server/internal/querylog"
	"splitdns/server/internal/wire"
	"splitdns/server/policy"
)

// roomLogged is the room of the memories for query logs, in entries: some 100 MiB at worst.
const roomLogged = 1 << 16

// DriftLog reports drift from query logs, as a server on a configuration would have seen it.
type DriftLog struct {
	now  *snapshot
	seen *sightings
	last time.Time
	raw  querylog.Raw // the line that is being read

	Entries int // that were read
	Bad     int // lines that are no entries

	lines int64 // of all logs
}

// NewDriftLog returns one without entries.
func NewDriftLog(c *config.Config) *DriftLog { return newDriftLog(newSnapshot(c, nil), roomLogged) }

// newDriftLog returns one with room for that many entries in each memory.
func newDriftLog(now *snapshot, room int) *DriftLog {
	return &DriftLog{now: now, seen: &sightings{outside: drift.NewMemory(room), uncovered: drift.NewMemory(room)}}
}

// Read adds the entries of a query log, as it is or compressed by gzip, up to its end. Progress is
// called now and then with the number of lines that were read of all logs.
func (l *DriftLog) Read(r io.Reader, progress func(lines int64)) error {
	in, err := querylog.NewBlocks(r)
	if err != nil {
		return err
	}
	buf := make([]byte, 0, querylog.BlockSize)
	for {
		b, err := in.Next(buf)
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case errors.Is(err, querylog.ErrLongLine):
			l.Bad++
		case err != nil:
			return err
		}
		for line := range bytes.Lines(b.Data) {
			l.line(line)
		}
		l.lines += b.Lines
		progress(l.lines)
	}
}

// line adds one entry.
func (l *DriftLog) line(text []byte) {
	if text = bytes.TrimSpace(text); len(text) == 0 {
		return
	}
	e, q, err := l.parse(text)
	if err != nil {
		l.Bad++
		return
	}
	l.Entries++
	if l.last.Before(q.Received) {
		l.last = q.Received
	}
	if l.seen.from.IsZero() || q.Received.Before(l.seen.from) {
		l.seen.from = q.Received
	}
	if e.Upstream == "" || e.Rcode != wire.NoError.String() {
		return
	}
	d := l.now.policy.Decide(q.Name, 0)
	d.Answer = policy.Answer{} // whatever the rules say now, then an upstream has answered
	l.seen.note(l.now, q, Outcome{Decision: d, Judgement: l.now.policy.Judge(d, judged(e))})
}

// parse reads an entry, and the query that it is about.
func (l *DriftLog) parse(text []byte) (e querylog.Entry, q Query, err error) {
	if err := l.raw.Scan(text); err != nil {
		return e, q, err
	}
	if e, err = l.raw.Entry(); err != nil {
		return e, q, err
	}
	if q.Received, err = l.raw.ParseTime(); err != nil {
		return e, q, err
	}
	q.Client = e.Client.WithZone("")
	q.Name, err = matcher.ParseName(e.Name)
	return e, q, err
}

// judged are the addresses of e that clients may have got: among all addresses are those that
// were removed because public servers must not give them, and these are never outside.
func judged(e querylog.Entry) []netip.Addr {
	return slices.DeleteFunc(e.Addresses, func(a netip.Addr) bool {
		return policy.PrivateKind(a) != "" && !slices.Contains(e.Outside, a)
	})
}

// Report reports what was read of a zone, "" for all, in the time before the last entry, 0 for all.
func (l *DriftLog) Report(zone string, before time.Duration) (Drift, error) {
	scope, err := l.now.driftScope(zone, before, l.last)
	if err != nil {
		return Drift{}, err
	}
	r := l.seen.report(l.now, scope)
	r.Now = l.last
	return r, nil
}
