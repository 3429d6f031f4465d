package addressfeed

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"time"

	"splitdns/matcher"
	"splitdns/server/internal/drift"
	"splitdns/zones"
)

// StateFile is the name of the file in the folder of server.state. No zone has a copy of that name.
const StateFile = "observed-addresses"

// stateMagic begins the file. Behind it stands the SHA-256 of all that follows on the next lines, which are JSON: a
// stateHead, and then an address a line.
const stateMagic = "splitdns-observed 1 "

// What a file may hold, and how old it may be: addresses of long ago may be somebody else's by now.
const (
	maxState    = 64 << 20 // octets
	maxLine     = 32 << 10 // octets
	maxValues   = 8        // names, and clients, of an address: what the memory keeps
	maxStateAge = 7 * 24 * time.Hour
)

// stateHead says of when a file is.
type stateHead struct {
	Saved time.Time `json:"saved"`
	Since time.Time `json:"since"` // addresses have been observed
}

// stateLine is an address that was observed for a rule.
type stateLine struct {
	Rule    string       `json:"rule"`
	Addr    netip.Addr   `json:"address"`
	Last    time.Time    `json:"last"`
	Count   uint64       `json:"count"`
	Clients []netip.Addr `json:"clients"`
	Names   []string     `json:"names"`
}

// State gives what was observed as it stands on disk.
func (f *Feeds) State(now time.Time) []byte {
	all := f.seen.All()
	slices.SortFunc(all, func(a, b drift.Seen) int { return a.Last.Compare(b.Last) }) // as they came
	var body bytes.Buffer
	lines := json.NewEncoder(&body)
	encode := func(v any) {
		if err := lines.Encode(v); err != nil {
			panic("addressfeed: " + err.Error()) // it is of strings, numbers and addresses
		}
	}
	encode(stateHead{Saved: now, Since: f.Since()})
	for _, s := range all {
		l := stateLine{Rule: s.Group, Addr: s.Addr, Last: s.Last, Count: s.Count, Clients: s.Clients}
		for _, n := range s.Names {
			l.Names = append(l.Names, n.String())
		}
		encode(l)
	}
	sum := sha256.Sum256(body.Bytes())
	return append([]byte(stateMagic+hex.EncodeToString(sum[:])+"\n"), body.Bytes()...)
}

// errDamaged is a file that is not as it was written.
var errDamaged = errors.New("damaged: its digest does not fit")

// ReadState reads the file in a folder. The error is [fs.ErrNotExist] where there is none, and else names the file.
func ReadState(dir string) ([]byte, error) {
	path := filepath.Join(dir, StateFile)
	info, err := os.Lstat(path)
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular(): // to read a pipe may never end
		return nil, fmt.Errorf("%s: not a regular file", path)
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, maxState+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s: %w", path, err)
	case len(data) > maxState:
		return nil, fmt.Errorf("%s: damaged: larger than any", path)
	}
	return data, nil
}

// Restore remembers what a file says besides, as if the server had never been away: nothing could be seen
// meanwhile, so that the time does not count. What was not seen for keep before that stays forgotten. With an
// error nothing is remembered.
func (f *Feeds) Restore(data []byte, keep time.Duration, now time.Time) error {
	first, body, _ := bytes.Cut(data, []byte("\n"))
	digest, isOurs := bytes.CutPrefix(first, []byte(stateMagic))
	if sum := sha256.Sum256(body); !isOurs || string(digest) != hex.EncodeToString(sum[:]) {
		return errDamaged
	}
	line, body, _ := bytes.Cut(body, []byte("\n"))
	var head stateHead
	if err := json.Unmarshal(line, &head); err != nil {
		return fmt.Errorf("damaged: %w", err)
	}
	away := max(0, now.Sub(head.Saved)) // a clock that went back is no time
	if away > maxStateAge {
		return fmt.Errorf("it is of %s, and so too old", head.Saved.UTC().Format(time.DateOnly))
	}
	lines, err := parseLines(body)
	if err != nil {
		return err
	}
	for _, l := range lines {
		if at := earlier(l.last.Add(away), now); now.Sub(at) <= keep {
			f.remember(l, at)
		}
	}
	f.beginAt(earlier(head.Since.Add(away), now))
	return nil
}

// earlier is the earlier one of two times.
func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// restored is a line of a file, read.
type restored struct {
	key     drift.Key
	last    time.Time
	count   uint64
	clients []netip.Addr
	names   []matcher.Name
}

// parseLines reads the addresses of a file.
func parseLines(body []byte) ([]restored, error) {
	var all []restored
	for line := range bytes.Lines(body) {
		if len(all) == roomObserved || len(line) > maxLine {
			return nil, errors.New("damaged: more than was ever written")
		}
		r, err := parseLine(line)
		if err != nil {
			return nil, fmt.Errorf("damaged: address %d: %w", len(all)+1, err)
		}
		all = append(all, r)
	}
	return all, nil
}

// parseLine reads a line of a file.
func parseLine(line []byte) (r restored, err error) {
	var l stateLine
	if err := json.Unmarshal(line, &l); err != nil {
		return r, err
	}
	if err := l.check(); err != nil {
		return r, err
	}
	r = restored{key: drift.Key{Group: l.Rule, Addr: l.Addr}, last: l.Last, count: l.Count, clients: l.Clients}
	for _, text := range l.Names {
		n, err := matcher.ParseName(text)
		if err != nil {
			return r, err
		}
		r.names = append(r.names, n)
	}
	return r, nil
}

// check says what is odd about l, but for its names.
func (l *stateLine) check() error {
	isOdd := func(a netip.Addr) bool { return !a.IsValid() || a.Zone() != "" || a.Is4In6() }
	switch {
	case isOdd(l.Addr) || slices.ContainsFunc(l.Clients, isOdd):
		return errors.New("an odd address")
	case min(len(l.Names), len(l.Clients)) == 0 || max(len(l.Names), len(l.Clients)) > maxValues:
		return errors.New("an odd number of names or clients")
	}
	return zones.CheckName(l.Rule)
}

// remember notes a line as having been seen at a time, by each client and for each name; and twice, where it
// was: an address that was seen once is the first to give way.
func (f *Feeds) remember(r restored, at time.Time) {
	again := int(min(2, cmp.Or(r.count, 1)))
	for i := range max(len(r.names), len(r.clients), again) {
		f.seen.Note(r.key, drift.Sighting{At: at, Client: r.clients[i%len(r.clients)], Name: r.names[i%len(r.names)]})
	}
}
