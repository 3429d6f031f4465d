package nftset

import (
	"errors"
	"time"

	"splitdns/server/policy"
)

const (
	// lossPause is the shortest time between two reports that elements of a set were removed: a
	// program that does it all the time is to be seen, not to fill the log.
	lossPause = time.Minute
	// refusalLasts is how long a set counts as refusing elements that nobody remembers.
	refusalLasts = 30 * time.Second
)

// A notice is what an administrator and the owner of the keeper are to be told, once k.mu is free.
type notice struct {
	report report // the zero value: nothing to report
	lost   bool   // Lost is to be called
}

// tell passes n on: the loss at once, the report with those of other sets. k.mu is not held.
func (w *worker) tell(n notice) {
	if n.lost {
		w.k.o.Lost()
	}
	if n.report.kind == nothing {
		return
	}
	if len(w.reports) == 0 {
		w.untold = w.k.o.Now()
	}
	w.reports = append(w.reports, n.report)
}

// saw takes what the set was found to be, or why it cannot be used.
func (s *setState) saw(f found, bad *fault, now time.Time) notice {
	first := !s.looked
	if s.blink(bad) {
		return notice{}
	}
	s.looked = true
	if bad != nil {
		return s.sicken(bad, first, now)
	}
	before, another := s.fault, s.found.handle != 0 && !s.found.same(f)
	was := s.found
	s.found, s.fault = f, nil
	if before == nil && !another {
		return notice{}
	}
	if before != nil {
		s.since = now
	}
	s.refusal, s.refused = nil, false
	s.doubt(nil, now)
	n := notice{lost: true}
	if len(s.back) == 0 {
		n.report = s.settle(now)
	}
	if was.handle != 0 && was.is4 != f.is4 {
		n.report = report{kind: replaced, title: s.title(), cause: f.typ}
	}
	return n
}

// blink reports whether a set that was well could not be looked at for the first time: nothing is
// known of it then, and it is not given up yet.
func (s *setState) blink(bad *fault) bool {
	failed := bad != nil && (bad.state == stateFailing || bad.state == stateBusy)
	first := failed && !s.strange && s.looked && s.fault == nil
	s.strange = failed
	return first
}

// judged is why a set, looked up as f or not at all, cannot be used. It was like before.
func judged(set policy.Set, before, f found, err error) *fault {
	if err == nil {
		return judge(f)
	}
	bad := asFault(err)
	if bad.state == stateMissing { // say how to make it as it was
		return missing(set, before, errors.Is(bad, errSet))
	}
	return bad
}

// sicken is for a set that cannot be used. again makes it a report even if that is known.
func (s *setState) sicken(bad *fault, again bool, now time.Time) notice {
	before := s.ill()
	lost := s.fault == nil
	s.fault, s.refusal, s.back = bad, nil, nil
	if lost {
		for _, e := range s.elements {
			e.forget()
		}
	}
	s.suffer(now)
	s.faulty = true
	n := notice{lost: lost}
	if before == nil || before.state != bad.state {
		s.since, again = now, true
	}
	if again {
		n.report = s.says(bad)
	}
	return n
}

// refuse is for an element that the set did not take, though it is as it should be.
func (s *setState) refuse(bad *fault, now time.Time) notice {
	before := s.ill()
	if s.fault != nil {
		return notice{}
	}
	s.refusal, s.refused, s.faulty = bad, true, true
	s.suffer(now)
	if before != nil && before.state == bad.state {
		return notice{}
	}
	s.since = now
	return notice{report: s.says(bad)}
}

// suffer marks the time since when s is not as it should be.
func (s *setState) suffer(now time.Time) {
	if s.badSince.IsZero() {
		s.badSince, s.restored = now, 0
	}
}

// settle is for a set of which nothing is missing any longer. It returns what to report.
func (s *setState) settle(now time.Time) report {
	if s.badSince.IsZero() {
		return report{}
	}
	took, n, faulty := now.Sub(s.badSince), s.restored, s.faulty
	s.badSince, s.faulty, s.restored = time.Time{}, false, 0
	if s.refusal != nil {
		s.refusal, s.since = nil, now
	}
	if !faulty && n == 0 {
		return report{} // there was only doubt
	}
	s.counts.heals++
	s.counts.lastHeal = took
	if faulty {
		return report{kind: well, title: s.title(), took: took, back: n}
	}
	if !s.toldLoss.IsZero() && now.Sub(s.toldLoss) < lossPause {
		return report{}
	}
	s.toldLoss = now
	return report{kind: refilled, title: s.title(), took: took, back: n}
}

// retry queues another try for what a set refused.
func (s *setState) retry(now time.Time) notice {
	if s.fault != nil || s.refusal == nil || len(s.back) > 0 {
		return notice{}
	}
	s.absent(now)
	if len(s.back) > 0 || now.Sub(s.since) < refusalLasts {
		return notice{}
	}
	return notice{report: s.settle(now)} // what was refused has ended
}
