package nftset

import (
	"fmt"
	"net/netip"
	"time"
)

// A job is an address that is to be put into a set.
type job struct {
	addr      netip.Addr
	need, end time.Time

	have      time.Time // until when it is in the set; zero: it is not
	permanent bool      // somebody else put it in for good
	wasIn     bool      // it was in the set before
	err       *fault    // the verdict
}

// found takes what the kernel said of j.
func (j *job) found(p presence, now time.Time) {
	end := now.Add(p.remaining - slack/2) // ours has slack, and ticks are coarse
	switch {
	case !p.in:
	case p.permanent:
		j.permanent, j.wasIn = true, true
	case p.exact:
		j.have, j.wasIn = end, true
	case !end.Before(j.need): // a range that covers it lasts as long as it lasts
		j.have, j.end, j.wasIn = end, end, true
	default:
		j.err = &fault{
			state: stateCovered,
			cause: fmt.Sprintf("%s is in a range that somebody else added, which ends in %s", j.addr, brief(p.remaining)),
		}
	}
}

// A gathered is the jobs of one set, each address once.
type gathered struct {
	set  *setState
	list []*job
	by   map[netip.Addr]*job
}

// gatherJobs sorts the parts of requests by set.
func gatherJobs(queue []*request) (order []*setState, jobs map[*setState]*gathered) {
	jobs = make(map[*setState]*gathered)
	for _, r := range queue {
		for _, p := range r.parts {
			g := jobs[p.set]
			if g == nil {
				g = &gathered{set: p.set, by: make(map[netip.Addr]*job)}
				jobs[p.set] = g
				order = append(order, p.set)
			}
			g.add(p)
		}
	}
	return order, jobs
}

// add takes one part.
func (g *gathered) add(p part) {
	j := g.by[p.addr]
	if j == nil {
		j = &job{addr: p.addr}
		g.by[p.addr] = j
		g.list = append(g.list, j)
	}
	if j.need.Before(p.need) {
		j.need = p.need
	}
	if j.end.Before(p.end) {
		j.end = p.end
	}
}

// verdict is what became of addr.
func (g *gathered) verdict(addr netip.Addr) error {
	if f := g.by[addr].err; f != nil {
		return g.set.failing(f)
	}
	return nil
}
