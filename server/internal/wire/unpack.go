package wire

import (
	"errors"
	"fmt"
	"math"

	"splitdns/matcher"
)

// What a response may unpack to. A few octets on the wire can be a record with
// two names of 255 octets each in memory, and every record of an answer is looked
// at again for each client that gets it from the cache.
const (
	// maxRecords are the records of a whole response. It leaves room for what the
	// largest real ones hold: a directory whose domain controllers, a thousand or
	// two, all stand at one name.
	maxRecords = 3000
	// maxRRset are the records of one RRset, its signatures counted. A response
	// above it is refused as a whole: half an RRset would be a lie.
	maxRRset = 2500
	// maxUnpacked are the octets of all names and RDATA, those that repeat what
	// stands before them not counted. It is twice the largest message: compressed
	// names, where they are worth compressing, make up about half of one.
	maxUnpacked = 2 * math.MaxUint16
)

// minRecord is the length of the shortest record: of the root, without RDATA.
const minRecord = 11

// toQuestion is a compression pointer to the name of the question.
const toQuestion = "\xC0\x0C"

var (
	errMany  = errors.New("too many records")
	errLarge = fmt.Errorf("more than %d octets once it is unpacked", maxUnpacked)
)

// unpacker reads the records of a response, and counts what they take. A name or
// RDATA that repeats the question or the record before shares its memory.
type unpacker struct {
	reader
	asked    matcher.Name // the name of the question; zero: none
	owner    matcher.Name // the owner before that was another
	data     string       // the RDATA before
	scratch  []byte
	unpacked int
}

// identity is what makes a record one of its own: an RRset is a set, and two
// records that differ in the TTL are the same (RFC 2181, sections 5 and 5.2).
type identity struct {
	name  matcher.Name
	typ   Type
	class Class
	data  string
}

// identity is r without its TTL.
func (r record) identity() identity { return identity{r.name, r.typ, r.class, r.data} }

// records reads a section of n records, each kept once and with its shortest TTL.
// An OPT record goes to o; where o is nil there must be none.
func (u *unpacker) records(n uint16, o *opt) []record {
	if n == 0 {
		return nil
	}
	list := make([]record, 0, min(int(n), (len(u.packet)-u.off)/minRecord))
	var seen table[identity, int]
	for range n {
		h := u.recordHead()
		if u.err != nil {
			return nil
		}
		if h.typ == TypeOPT {
			u.readOPT(h, o)
			continue
		}
		r := u.record(h)
		if i, ok := seen.find(r.identity()); ok {
			list[i].ttl = min(list[i].ttl, r.ttl)
			continue
		}
		seen.add(r.identity(), len(list))
		list = append(list, r)
	}
	return list
}

// record reads the rest of the record that begins with h.
func (u *unpacker) record(h recordHead) record {
	if h.ttl > maxTTL {
		h.ttl = 0
	}
	return record{u.name(h.at), h.typ, h.class, h.ttl, u.rdata(h.typ, h.size)}
}

// readOPT reads the OPT record of a response into o.
func (u *unpacker) readOPT(h recordHead, o *opt) {
	data := u.take(h.size)
	switch {
	case u.err != nil:
	case o == nil:
		u.fail(errOPT)
	case o.sent:
		u.fail(errTwoOPTs)
	default:
		var err error
		if *o, err = readOPT(h, data); err != nil {
			u.fail(err)
		}
	}
}

// name is the name at off.
func (u *unpacker) name(off int) matcher.Name {
	if !u.asked.IsZero() && string(u.packet[off:off+2]) == toQuestion {
		return u.asked // as nearly every record does
	}
	spelled, _, ok := appendName(u.room(), u.packet, off)
	if !ok {
		u.fail(errName)
		return matcher.Name{}
	}
	u.scratch = spelled
	fold(spelled)
	switch {
	case string(spelled) == u.asked.Wire():
		return u.asked
	case string(spelled) != u.owner.Wire():
		u.owner, _, _ = matcher.NameFromWire(spelled)
		u.hold(len(spelled))
	}
	return u.owner
}

// keep is b as RDATA.
func (u *unpacker) keep(b []byte) string {
	if string(b) != u.data {
		u.data = string(b)
		u.hold(len(b))
	}
	return u.data
}

// room is memory for a name or RDATA that is read, and forgotten with the next one.
func (u *unpacker) room() []byte {
	if u.scratch == nil {
		u.scratch = make([]byte, 0, maxName)
	}
	return u.scratch[:0]
}

// hold counts n octets more in memory.
func (u *unpacker) hold(n int) {
	if u.unpacked += n; u.unpacked > maxUnpacked {
		u.fail(errLarge)
	}
}
