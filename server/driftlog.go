package server

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"time"

	"splitdns/matcher"
	"splitdns/server/config"
	"splitdns/server/internal/drift"
	"splitdns/server/internal/wire"
	"splitdns/server/policy"
)

const (
	// roomLogged is the room of the memories for query logs, in entries: some 100 MiB at worst.
	roomLogged = 1 << 16
	// maxLogLine is the longest line of a query log that is read, in octets. The server writes
	// some kilobytes at most.
	maxLogLine = 1 << 20
)

// DriftLog reports drift from query logs, as a server on a configuration would have seen it.
type DriftLog struct {
	now  *snapshot
	seen *sightings
	last time.Time

	Entries int // that were read
	Bad     int // lines that are no entries
}

// NewDriftLog returns one without entries.
func NewDriftLog(c *config.Config) *DriftLog { return newDriftLog(newSnapshot(c, nil), roomLogged) }

// newDriftLog returns one with room for that many entries in each memory.
func newDriftLog(now *snapshot, room int) *DriftLog {
	return &DriftLog{now: now, seen: &sightings{outside: drift.NewMemory(room), uncovered: drift.NewMemory(room)}}
}

// logged is what drift wants to know of an entry of the query log.
type logged struct {
	Time      time.Time    `json:"time"`
	Client    netip.Addr   `json:"client"`
	Name      string       `json:"name"`
	Rcode     string       `json:"rcode"`
	Addresses []netip.Addr `json:"addresses"`
	Outside   []netip.Addr `json:"outside"`
	Upstream  string       `json:"upstream"`
}

// Read adds the entries of a query log, up to its end.
func (l *DriftLog) Read(r io.Reader) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxLogLine)
	for lines.Scan() {
		if len(bytes.TrimSpace(lines.Bytes())) > 0 {
			l.line(lines.Bytes())
		}
	}
	if errors.Is(lines.Err(), bufio.ErrTooLong) {
		return fmt.Errorf("a line is longer than %d octets: this is no query log", maxLogLine)
	}
	return lines.Err()
}

// line adds one entry.
func (l *DriftLog) line(text []byte) {
	e, q, err := parseLogged(text)
	if err != nil {
		l.Bad++
		return
	}
	l.Entries++
	if l.last.Before(e.Time) {
		l.last = e.Time
	}
	if l.seen.from.IsZero() || e.Time.Before(l.seen.from) {
		l.seen.from = e.Time
	}
	if e.Upstream == "" || e.Rcode != wire.NoError.String() {
		return
	}
	d := l.now.policy.Decide(q.Name, 0)
	d.Answer = policy.Answer{} // whatever the rules say now, then an upstream has answered
	l.seen.note(l.now, q, Outcome{Decision: d, Judgement: l.now.policy.Judge(d, e.judged())})
}

// parseLogged reads an entry, and the query that it is about.
func parseLogged(text []byte) (e logged, q Query, err error) {
	if err := json.Unmarshal(text, &e); err != nil {
		return e, q, err
	}
	q.Name, err = matcher.ParseName(e.Name)
	q.Client, q.Received = e.Client.WithZone(""), e.Time
	year := e.Time.Year()
	if err == nil && (!q.Client.IsValid() || year < 2000 || year >= 2200) { // as nanoseconds, a time has no room for any year
		err = errors.New("no client, or no time that can be meant")
	}
	return e, q, err
}

// judged are the addresses of e that clients may have got: among all addresses are those that
// were removed because public servers must not give them, and these are never outside.
func (e *logged) judged() []netip.Addr {
	return slices.DeleteFunc(e.Addresses, func(a netip.Addr) bool {
		return !a.IsValid() || policy.PrivateKind(a) != "" && !slices.Contains(e.Outside, a)
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
