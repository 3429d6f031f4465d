package querylog

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"time"
	"unicode/utf8"
)

// A Field is a key of a line, by its place in one that this package wrote.
type Field uint8

// The fields of a line.
const (
	FieldTime Field = iota
	FieldClient
	FieldName
	FieldType
	FieldRcode
	FieldRule
	FieldZone
	FieldRow
	FieldTags
	FieldPin
	FieldVerdict
	FieldAddresses
	FieldOutside
	FieldServed
	FieldUpstream
	FieldRTT
	FieldCache
	FieldDuration
	FieldAlong
	FieldDemo
)

// fieldKeys are the keys of the fields.
var fieldKeys = [...]string{
	"time", "client", "name", "type", "rcode", "rule", "zone", "row", "tags", "pin", "verdict", "addresses", "outside",
	"served", "upstream", "rtt_ms", "cache", "duration_us", "along", "demo",
}

// Raw is one line, with its values as they stand in it: nil where it has none. It refers
// to the octets of the line.
type Raw [len(fieldKeys)][]byte

// ErrNotJSON is a line that is not an object of JSON.
var ErrNotJSON = errors.New("not an object of JSON")

// Scan reads a line, with its end or without. Keys that the log does not have are skipped;
// one that it has and that stands there twice is an error: nobody knows which counts. What
// the values are is for Entry to say. It does not allocate unless a key has an escape.
//
// encoding/json takes ten times as long, which is minutes for the log of a busy day.
func (r *Raw) Scan(line []byte) error {
	*r = Raw{}
	s := scanner{data: line}
	s.space()
	if !s.take('{') {
		return ErrNotJSON
	}
	s.space()
	if s.take('}') {
		return s.end()
	}
	for next := Field(0); ; next++ {
		f, err := r.member(&s, next)
		if err != nil {
			return err
		}
		if f != noField {
			next = f
		}
		s.space()
		if s.take('}') {
			return s.end()
		}
		if !s.take(',') {
			return ErrNotJSON
		}
	}
}

// member reads a key and its value, and keeps it if the log has the key. It is most likely
// that of the field next.
func (r *Raw) member(s *scanner, next Field) (Field, error) {
	f, err := s.key(next)
	if err != nil {
		return f, err
	}
	start := s.pos
	switch {
	case !s.value():
		return f, ErrNotJSON
	case f == noField:
		return f, nil
	case r[f] != nil:
		return f, fmt.Errorf("%s stands there twice", fieldKeys[f])
	}
	r[f] = s.data[start:s.pos]
	return f, nil
}

// end says whether nothing but space is left.
func (s *scanner) end() error {
	if s.space(); s.pos < len(s.data) {
		return ErrNotJSON
	}
	return nil
}

// noField is any key that the log does not have.
const noField = Field(len(fieldKeys))

// key reads a key with its colon. It is most likely that of the field next.
func (s *scanner) key(next Field) (Field, error) {
	s.space()
	start := s.pos
	if !s.text() {
		return 0, ErrNotJSON
	}
	key := s.data[start+1 : s.pos-1]
	if bytes.IndexByte(key, '\\') >= 0 {
		key = []byte(unquoted(s.data[start:s.pos]))
	}
	s.space()
	if !s.take(':') {
		return 0, ErrNotJSON
	}
	s.space()
	if next < noField && string(key) == fieldKeys[next] {
		return next, nil
	}
	for f, have := range fieldKeys {
		if string(key) == have {
			return Field(f), nil
		}
	}
	return noField, nil
}

// Entry gives the values of r, without the times. A value of another type than this package
// writes is an error, and so is one that is missing, but for those that are not always
// written. The entry refers to nothing of the line.
func (r *Raw) Entry() (Entry, error) {
	x := reading{raw: r}
	e := Entry{
		Client: x.client(), Name: x.text(FieldName), Type: x.text(FieldType), Rcode: x.text(FieldRcode),
		Rules: x.texts(FieldRule), Zone: x.text(FieldZone), Row: x.text(FieldRow), Tags: x.texts(FieldTags),
		Pin: x.text(FieldPin), Verdict: x.text(FieldVerdict),
		Addresses: x.addrs(FieldAddresses), Outside: x.addrs(FieldOutside), Served: x.addrs(FieldServed),
		Upstream: x.text(FieldUpstream), Cache: x.text(FieldCache),
		Along: x.texts(FieldAlong), Demo: x.truth(FieldDemo),
	}
	return e, x.err
}

// ParseTime reads when the query came. Years that a time in nanoseconds has no room for are an error.
func (r *Raw) ParseTime() (time.Time, error) {
	x := reading{raw: r}
	at, err := time.Parse(time.RFC3339, x.text(FieldTime))
	if year := at.Year(); err != nil || year < 2000 || year >= 2200 {
		x.wrong(FieldTime, "want a time such as 2026-11-22T09:37:45.388Z")
	}
	return at, x.err
}

// ParseAddr reads the value of a field that holds one address, as the log writes it.
func (r *Raw) ParseAddr(f Field) (netip.Addr, error) {
	x := reading{raw: r}
	addr := x.addr(f, x.value(f))
	return addr, x.err
}

// reading turns the values of a line into those of an entry, and keeps the first error.
type reading struct {
	raw *Raw
	err error
}

// wrong records what is wrong with a field.
func (x *reading) wrong(f Field, what string) {
	if x.err == nil {
		x.err = fmt.Errorf("%s: %s", fieldKeys[f], what)
	}
}

// value gives the value of a field, which must be there.
func (x *reading) value(f Field) []byte {
	if x.raw[f] == nil {
		x.wrong(f, "missing")
	}
	return x.raw[f]
}

// text gives a string.
func (x *reading) text(f Field) string { return x.textOf(f, x.value(f)) }

// maxText is the longest string in octets, as it stands in the line: a name of 255 octets of
// which each is a \DDD has room twice.
const maxText = 2048

// textOf gives the string that raw is.
func (x *reading) textOf(f Field, raw []byte) string {
	switch {
	case len(raw) == 0 || raw[0] != '"':
		x.wrong(f, "want a string")
		return ""
	case len(raw) > maxText:
		x.wrong(f, "too long")
		return ""
	}
	return unquoted(raw)
}

// unquoted is the text of a string of JSON, which is known to be one. Octets that are no
// UTF-8 are U+FFFD, as in package encoding/json.
func unquoted(raw []byte) string {
	inner := raw[1 : len(raw)-1]
	if bytes.IndexByte(inner, '\\') < 0 && utf8.Valid(inner) {
		return string(inner)
	}
	var s string
	_ = json.Unmarshal(raw, &s) // it is a string
	return s
}

// maxElements is how many elements a list may have. An answer over TCP has room for 4,000
// addresses.
const maxElements = 4096

// list calls each for the elements of a list. Lists that are not always written may be missing.
func (x *reading) list(f Field, each func(raw []byte)) {
	if x.raw[f] == nil && f == FieldAlong {
		return
	}
	raw := x.value(f)
	if len(raw) == 0 || raw[0] != '[' {
		x.wrong(f, "want a list")
		return
	}
	s := scanner{data: raw, pos: 1}
	for n := 0; ; n++ {
		s.space()
		if s.take(']') {
			return
		}
		if n == maxElements {
			x.wrong(f, fmt.Sprintf("more than %d elements", maxElements))
			return
		}
		start := s.pos
		s.value()
		each(raw[start:s.pos])
		s.space()
		s.take(',')
	}
}

// texts gives a list of strings.
func (x *reading) texts(f Field) []string {
	var all []string
	x.list(f, func(raw []byte) { all = append(all, x.textOf(f, raw)) })
	return all
}

// addrs gives a list of addresses.
func (x *reading) addrs(f Field) []netip.Addr {
	var all []netip.Addr
	x.list(f, func(raw []byte) { all = append(all, x.addr(f, raw)) })
	return all
}

// addr gives the address that raw is.
func (x *reading) addr(f Field, raw []byte) netip.Addr {
	addr, err := netip.ParseAddr(x.textOf(f, raw))
	if err != nil {
		x.wrong(f, "want an address")
	}
	return addr
}

// client gives who asked.
func (x *reading) client() netip.Addr { return x.addr(FieldClient, x.value(FieldClient)) }

// truth gives a boolean, false where there is none.
func (x *reading) truth(f Field) bool {
	switch string(x.raw[f]) {
	case "true":
		return true
	case "", "false":
		return false
	}
	x.wrong(f, "want true or false")
	return false
}
