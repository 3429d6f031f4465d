package replay

import (
	"bytes"
	"encoding/binary"
	"net/netip"

	"splitdns/server"
	"splitdns/server/config"
	"splitdns/server/internal/querylog"
	"splitdns/server/policy"
)

// The bounds of what a judge remembers. What is forgotten is found again.
const (
	maxRemembered = 64 << 10
	maxOctets     = 32 << 20 // of the lines that it stands for
	maxAskers     = 64 << 10
)

// judge holds lines against a configuration. It is for one goroutine.
type judge struct {
	evaluators [2]*server.Evaluator // of a real internet, and of a simulated one
	policy     *policy.Policy
	tally      *tally

	raw    querylog.Raw
	key    []byte // of raw
	askers map[string]asker
	known  map[string]*result
	octets int // of the keys of known
}

// asker is a client, with the class of which all are treated alike.
type asker struct {
	addr  netip.Addr
	class policy.Class
}

// result is what came of a line, but for its client.
type result struct {
	why     error // it cannot be understood; what follows is not set
	name    string
	behind  Behind
	changes []Change
	untold  bool
}

// newJudge returns a judge that counts in t.
func newJudge(evaluators [2]*server.Evaluator, c *config.Config, t *tally) *judge {
	allow := c.Server.Allow
	if c.Server.AllowLocal {
		allow = everywhere
	}
	return &judge{
		evaluators: evaluators, policy: c.Policy.Serving(allow), tally: t,
		askers: make(map[string]asker), known: make(map[string]*result),
	}
}

// block judges the lines of b.
func (j *judge) block(b block) {
	number := b.First
	for line := range bytes.Lines(b.Data) {
		if line = bytes.TrimRight(line, "\r\n"); len(line) > 0 {
			if err := j.line(line); err != nil {
				j.tally.unreadable(b.log, number, err)
			}
		}
		number++
	}
}

// line judges one line.
func (j *judge) line(line []byte) error {
	if err := j.raw.Scan(line); err != nil {
		return err
	}
	from, err := j.asker()
	if err != nil {
		return err
	}
	r := j.result(from)
	if r.why != nil {
		return r.why
	}
	j.tally.add(r, from.addr)
	return nil
}

// asker reads the client of the line.
func (j *judge) asker() (asker, error) {
	if a, ok := j.askers[string(j.raw[querylog.FieldClient])]; ok {
		return a, nil
	}
	addr, err := j.raw.ParseAddr(querylog.FieldClient)
	if err != nil {
		return asker{}, err
	}
	addr = addr.Unmap().WithZone("")
	if len(j.askers) >= maxAskers {
		clear(j.askers)
	}
	a := asker{addr, j.policy.Class(addr)}
	j.askers[string(j.raw[querylog.FieldClient])] = a
	return a, nil
}

// keyFields are what the result of a line depends on, besides the class of its client.
var keyFields = [...]querylog.Field{
	querylog.FieldName, querylog.FieldType, querylog.FieldRcode, querylog.FieldRule, querylog.FieldZone, querylog.FieldRow,
	querylog.FieldTags, querylog.FieldPin, querylog.FieldVerdict, querylog.FieldAddresses, querylog.FieldOutside,
	querylog.FieldServed, querylog.FieldUpstream, querylog.FieldCache, querylog.FieldAlong, querylog.FieldDemo,
}

// result finds what comes of the line, or remembers it.
func (j *judge) result(from asker) *result {
	j.key = binary.LittleEndian.AppendUint32(j.key[:0], uint32(from.class))
	for _, f := range keyFields {
		j.key = append(append(j.key, j.raw[f]...), '\n') // which stands in no value
	}
	if r, ok := j.known[string(j.key)]; ok {
		return r
	}
	r := j.judged(from.addr)
	if j.octets += len(j.key); j.octets > maxOctets || len(j.known) >= maxRemembered {
		clear(j.known)
		j.octets = len(j.key)
	}
	j.known[string(j.key)] = r
	return r
}

// judged finds what comes of the line, which client has caused.
func (j *judge) judged(client netip.Addr) *result {
	was, err := j.raw.Entry()
	if err != nil {
		return &result{why: err}
	}
	q, err := questionOf(was)
	if err != nil {
		return &result{why: err}
	}
	g, err := givenBy(was)
	if err != nil {
		return &result{why: err}
	}
	e := j.evaluators[0]
	if was.Demo {
		e = j.evaluators[1]
	}
	v := e.Evaluate(q, client, g)
	changes := compare(was, v)
	if len(changes) > 0 && mayLackRD(was) {
		g.NotCached = true
		if beginning := e.Evaluate(q, client, g); len(compare(was, beginning)) == 0 {
			v, changes = beginning, nil
		}
	}
	return &result{name: q.Name.String(), behind: behind(was, v.Entry), changes: changes, untold: !v.Told}
}
