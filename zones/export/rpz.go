package export

import (
	"fmt"
	"iter"
	"strconv"
	"strings"
	"time"

	"splitdns/zones"
)

// targets are the actions of a response policy zone, as its CNAME records say them.
var targets = map[string]string{"passthru": "rpz-passthru.", "nxdomain": ".", "nodata": "*.", "drop": "rpz-drop."}

// maxCounter is the end of the last serial of a day.
const maxCounter = 99

// checkRPZ checks the action and the counter.
func checkRPZ(o *Options) error {
	if o.Counter < 0 || o.Counter > maxCounter {
		return &OptionError{"counter", fmt.Sprintf("%d: want a number up to %d", o.Counter, maxCounter)}
	}
	return oneOf("action", &o.Action, DefaultAction, "nxdomain", "nodata", "drop")
}

const (
	// maxOwner is how long a name may be beside that of the policy zone, which no file says.
	// It leaves 55 octets.
	maxOwner = 200

	noteLong    = "left out: too long below the name of a policy zone"
	noteTrigger = "left out: rpz- names are triggers of another kind"
)

// writeRPZ writes a response policy zone, with names relative to whatever it is called.
//
// It is looked up as a DNS zone (RFC 4592): a name that is in it, or has a name below it in
// it, hides a wildcard further up from itself and from all below. So below a wildcard each
// such name gets a record and a wildcard of its own.
func writeRPZ(w *writing) error {
	w.noPrefixes(notePrefixes)
	w.line("$TTL 300")
	w.line("@ SOA localhost. hostmaster.localhost. ", serial(w.zones, w.o.Counter), " 3600 600 604800 300")
	w.line("@ NS localhost.")
	r := policyZone{writing: w, target: targets[w.o.Action], bases: map[string]bool{}, seen: w.newOnce()}
	r.eachName(func(p plain) {
		if p.anchor == below {
			r.bases[p.name] = true
		}
	})
	w.notes.done = true
	r.eachName(r.write)
	return nil
}

// policyZone is a response policy zone being written.
type policyZone struct {
	*writing
	target string
	bases  map[string]bool // names that have a wildcard
	seen   *once           // what has a record
}

// eachName yields the names of all zones, none of them with the anchor subtree.
func (r *policyZone) eachName(yield func(plain)) {
	for _, p := range r.patterns {
		r.plains(p, anyOctets, func(p plain) {
			if r.fits(p) {
				p.halves(yield)
			}
		})
	}
}

// fits says whether p can stand in a policy zone, and notes it otherwise.
func (r *policyZone) fits(p plain) bool {
	if len(p.name) > maxOwner {
		r.notes.add("names", noteLong, p.name)
		return false
	}
	if strings.HasPrefix(p.name[strings.LastIndexByte(p.name, '.')+1:], "rpz-") {
		r.notes.add("names", noteTrigger, p.name)
		return false
	}
	return true
}

// write writes the record of p, and those of the names that it would hide from a wildcard.
func (r *policyZone) write(p plain) {
	r.record(p)
	for name := range r.hidden(p.name) {
		r.record(plain{exact, name})
		r.record(plain{below, name})
	}
}

// hidden yields name and those above it, as far as they lie below a name with a wildcard.
func (r *policyZone) hidden(name string) iter.Seq[string] {
	return func(yield func(string) bool) {
		top, found := "", false
		for n := name; n != ""; {
			if n = parent(n); r.bases[n] {
				top, found = n, true
			}
		}
		for n := name; found && n != top && yield(n); {
			n = parent(n)
		}
	}
}

// record writes one record, once.
func (r *policyZone) record(p plain) {
	switch {
	case !r.seen.isNew(p):
	case p.anchor == exact:
		r.entry(p.name, " CNAME ", r.target)
	case p.name == "":
		r.entry("* CNAME ", r.target)
	default:
		r.entry("*.", p.name, " CNAME ", r.target)
	}
}

// serial is a zone's serial number: the date of the newest edition, and the counter.
func serial(all []*zones.Zone, counter int) string {
	day := 0
	for _, z := range all {
		t, err := time.Parse(time.DateOnly, z.Edition)
		if err != nil {
			t, err = time.Parse("2006-01", z.Edition)
		}
		if err == nil && t.Year() < 4000 { // a serial has 32 bits
			day = max(day, t.Year()*10000+int(t.Month())*100+t.Day())
		}
	}
	return strconv.Itoa(day*100 + counter)
}
