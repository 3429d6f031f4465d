package nftset

// restore puts a piece of what was lost back into the first set that lost something. It reports
// whether there may be more to do.
func (w *worker) restore() bool {
	for _, s := range w.sets() {
		jobs, some := w.lost(s)
		if !some {
			continue
		}
		w.put(s, jobs)
		w.restored(s, jobs)
		return true
	}
	return false
}

// lost is a piece of what is to be put back into s.
func (w *worker) lost(s *setState) (jobs []*job, some bool) {
	now := w.k.o.Now()
	w.k.mu.Lock()
	defer w.k.mu.Unlock()
	if s.fault != nil || len(s.back) == 0 {
		return nil, false
	}
	n := min(batch, len(s.back))
	for _, addr := range s.back[:n] {
		e := s.elements[addr]
		if e == nil || !e.wanted.After(now) || e.lasts(e.wanted) || !s.found.takes(addr) {
			continue // it has ended, a query was faster, or the set is of the other IP version by now
		}
		jobs = append(jobs, &job{addr: addr, need: e.wanted, end: e.wanted, doubted: e.doubted})
	}
	s.back = s.back[n:]
	return jobs, true
}

// restored takes what became of jobs, and says so when nothing is left to do.
func (w *worker) restored(s *setState, jobs []*job) {
	now := w.k.o.Now()
	var n notice
	w.k.mu.Lock()
	for _, j := range jobs {
		if j.err == nil && !j.wasIn {
			s.restored++
			s.counts.restored++
		}
		if j.doubted && !j.wasIn && j.err == nil {
			s.counts.lost++
		}
	}
	if len(s.back) == 0 && s.fault == nil && !s.refused {
		n.report = s.settle(now)
	}
	w.k.mu.Unlock()
	w.tell(n)
}
