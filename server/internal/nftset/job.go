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

	have      time.Time     // until when it is in the set; zero: it is not
	timeout   time.Duration // that it was added with; see [job.lasting]
	permanent bool          // somebody else put it in for good
	wasIn     bool          // it was in the set before
	doubted   bool          // it was known to be in the set before, and may be gone
	err       *fault        // the verdict
}

// found takes what the kernel said of j.
func (j *job) found(p presence, now time.Time) {
	end := now.Add(p.remaining - slack/2) // ours has slack, and ticks are coarse
	switch {
	case !p.in:
	case p.permanent:
		j.permanent, j.wasIn = true, true
	case p.exact:
		j.have, j.timeout, j.wasIn = end, p.timeout, true
	case !end.Before(j.need): // a range that covers it lasts as long as it lasts
		j.have, j.end, j.wasIn = end, end, true
	default:
		j.err = &fault{
			state: stateCovered,
			cause: fmt.Sprintf("%s is in a range that somebody else added, which ends in %s", j.addr, brief(p.remaining)),
		}
	}
}

// A gathered is the jobs of one set, each address once, and the parts that wait for them.
type gathered struct {
	set   *setState
	list  []*job
	by    map[netip.Addr]*job
	parts []waiting
}

// A waiting is a part of a request.
type waiting struct {
	*request
	addr netip.Addr
}

// gather sorts the parts of requests by set.
func gather(queue []*request) []*gathered {
	var all []*gathered
	by := make(map[*setState]*gathered)
	for _, r := range queue {
		for _, p := range r.parts {
			g := by[p.set]
			if g == nil {
				g = &gathered{set: p.set, by: make(map[netip.Addr]*job)}
				by[p.set] = g
				all = append(all, g)
			}
			g.add(p)
			g.parts = append(g.parts, waiting{r, p.addr})
		}
	}
	return all
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
