package addressfeed

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"splitdns/zones"
	"splitdns/zones/export"
)

// What a list cannot be given for.
var (
	ErrNoRule = errors.New("no such rule")
	ErrEmpty  = errors.New("the list is empty, and a firewall that took it would permit nothing, or block nothing")
	ErrEarly  = errors.New("the list is not complete yet, and a firewall that took it would forget what it has")
)

// A Body is a list in the form in which it is fetched. It is not changed.
type Body struct {
	Version  string // of these octets, and of no others: 16 hexadecimal digits
	Modified time.Time
	Entries  int
	Octets   []byte
}

// made is a body and by what it was made.
type made struct {
	Body
	err        error // in its place
	generation uint64
	at         time.Time
}

// What the lists that are kept ready may take: that many, and so many octets, but for one list.
const (
	maxBodies = maxFetches
	maxOctets = 64 << 20
)

// Body gives the list that p asks for. Its errors are [ErrNoRule], and [ErrEmpty] or [ErrEarly] with why.
func (f *Feeds) Body(p Path, src Source) (Body, error) {
	if !src.Policy.HasRule(p.Rule) {
		return Body{}, ErrNoRule
	}
	if ready := f.Ready(src.Keep); p.List != Published && src.Now.Before(ready) {
		return Body{}, fmt.Errorf("%w: addresses are observed since %s; there is a list from %s on (with [server] state they survive a restart)",
			ErrEarly, utc(f.Since()), utc(ready))
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	have := f.bodies[p]
	if have != nil && have.generation == src.Generation && (p.List == Published || src.Now.Sub(have.at) < fresh) {
		return have.Body, have.err
	}
	m := &made{generation: src.Generation, at: src.Now}
	m.Body, m.err = f.make(p, src)
	if have != nil {
		m.follow(have)
	}
	f.keep(p, m)
	return m.Body, m.err
}

// utc is a time as people read it, wherever they are.
func utc(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// follow sets when m was last modified, by what was there before. Two versions never have the
// same second, or who asks by the time alone would miss the later one.
func (m *made) follow(before *made) {
	switch {
	case m.Version == before.Version:
		m.Modified = before.Modified
	case !m.Modified.After(before.Modified):
		m.Modified = before.Modified.Add(time.Second)
	}
}

// keep keeps m ready, in the place of the oldest ones if there is no other. f.mu is held.
func (f *Feeds) keep(p Path, m *made) {
	f.drop(p)
	for len(f.bodies) > 0 && (len(f.bodies) >= maxBodies || f.octets+len(m.Octets) > maxOctets) {
		f.drop(f.oldest())
	}
	f.bodies[p] = m
	f.octets += len(m.Octets)
}

// drop forgets the list of p, if it is there. f.mu is held.
func (f *Feeds) drop(p Path) {
	if m := f.bodies[p]; m != nil {
		f.octets -= len(m.Octets)
		delete(f.bodies, p)
	}
}

// oldest is the list that was made first. f.mu is held.
func (f *Feeds) oldest() (oldest Path) {
	var at time.Time
	for p, m := range f.bodies {
		if oldest == (Path{}) || m.at.Before(at) {
			oldest, at = p, m.at
		}
	}
	return oldest
}

// make makes the list. f.mu is held.
func (f *Feeds) make(p Path, src Source) (Body, error) {
	var prefixes []netip.Prefix
	if p.List == Published {
		prefixes = src.Policy.PublishedFor(p.Rule)
	} else {
		prefixes = slices.Clone(f.observedBy(src).rules[p.Rule][p.List])
	}
	prefixes = slices.DeleteFunc(prefixes, func(q netip.Prefix) bool {
		return p.Family != 0 && (p.Family == 4) != q.Addr().Is4()
	})
	lines, err := linesOf(p, prefixes)
	switch {
	case err != nil:
		return Body{}, err
	case len(lines) == 0 && p.List != Outside:
		return Body{}, fmt.Errorf("%w: %s", ErrEmpty, p.why(src))
	}
	b := Body{Entries: len(lines), Modified: src.Now.Truncate(time.Second)}
	b.Octets = p.form(lines)
	sum := sha256.Sum256(b.Octets)
	b.Version = hex.EncodeToString(sum[:8])
	return b, nil
}

// linesOf are prefixes as a list has them: sorted, each once, without those that lie within others.
func linesOf(p Path, prefixes []netip.Prefix) ([]string, error) {
	if len(prefixes) == 0 {
		return nil, nil
	}
	z := &zones.Zone{Name: p.Rule, Rows: []zones.Row{{Name: p.List, Prefixes: prefixes}}}
	e, err := export.New([]*zones.Zone{z}, export.Options{Format: "edl"})
	if err != nil {
		return nil, err
	}
	var text bytes.Buffer
	if err := e.Write(&text); err != nil {
		return nil, err
	}
	return strings.Fields(text.String()), nil
}

// why says why there is nothing in the list.
func (p Path) why(src Source) string {
	version := map[int]string{4: "IPv4 ", 6: "IPv6 "}[p.Family]
	switch p.List {
	case Published:
		return fmt.Sprintf("no %sprefix is published for the names of rule %s; its list %q has what was seen in answers", version, p.Rule, Admitted)
	case Inside:
		return fmt.Sprintf("no %saddress inside what is published was in an answer for the names of rule %s in the last %v", version, p.Rule, src.Keep)
	}
	return fmt.Sprintf("no %saddress that may be permitted was in an answer for the names of rule %s in the last %v", version, p.Rule, src.Keep)
}

// document is a list in JSON.
type document struct {
	Rule     string   `json:"rule"`
	List     string   `json:"list"`
	Prefixes []string `json:"prefixes"` // a single address without a length
}

// nothing is the text of an empty list.
const nothing = "# no address is outside what is published\n"

// form writes lines in the form that p asks for.
func (p Path) form(lines []string) []byte {
	switch {
	case p.JSON:
		text, err := json.MarshalIndent(document{p.Rule, p.Name(), append([]string{}, lines...)}, "", "  ")
		if err != nil {
			panic("addressfeed: " + err.Error()) // it is of strings
		}
		return append(text, '\n')
	case len(lines) == 0:
		return []byte(nothing)
	}
	return []byte(strings.Join(lines, "\n") + "\n")
}
