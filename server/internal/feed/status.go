package feed

import (
	"maps"
	"time"
)

// A ZoneStatus is how a subscription does. Times are zero where there is nothing to be said.
type ZoneStatus struct {
	Zone string   `json:"zone"`
	URLs []string `json:"urls"` // without passwords

	Edition  string    `json:"edition,omitempty"` // of the copy in force, as its publisher says
	Names    int       `json:"names"`             // published in the copy in force
	Prefixes int       `json:"prefixes"`
	Fetched  time.Time `json:"fetched,omitzero"` // the copy in force; zero: there is none yet
	Checked  time.Time `json:"checked,omitzero"` // when it was last seen that this is what is published
	Next     time.Time `json:"next,omitzero"`    // fetch

	Kept      int       `json:"kept"`                // names and prefixes that are published no longer, and in force
	KeptUntil time.Time `json:"kept_until,omitzero"` // the first of them go

	Pending      bool      `json:"pending"` // a new copy waits in the shadow
	PendingUntil time.Time `json:"pending_until,omitzero"`

	Problem string    `json:"problem,omitempty"` // why the last try came to nothing; "" if it did not
	Kind    Kind      `json:"problem_kind,omitempty"`
	Since   time.Time `json:"problem_since,omitzero"`

	Tries  uint64          `json:"tries"` // fetches since the start
	Errors map[Kind]uint64 `json:"errors"`
}

// Refused is how many copies were refused since the start.
func (s ZoneStatus) Refused() uint64 {
	n := uint64(0)
	for kind, times := range s.Errors {
		if (&Error{Kind: kind}).Refused() {
			n += times
		}
	}
	return n
}

// report is the status of f now.
func (f *follower) report() ZoneStatus {
	f.mu.Lock()
	defer f.mu.Unlock()
	st := f.status
	st.Errors = maps.Clone(st.Errors)
	return st
}

// note changes the status of f.
func (f *follower) note(change func(*ZoneStatus)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(&f.status)
}

// noteCopy notes what is in force, and what waits; in is what it says, nil if that is not known.
func (f *follower) noteCopy(c, waiting *Copy, in *contents) {
	var names, prefixes, kept int
	if in != nil {
		names, prefixes = count(in.zone)
	}
	for _, k := range c.Kept {
		kept += k.Size
	}
	f.note(func(st *ZoneStatus) {
		st.Fetched, st.Kept, st.KeptUntil = c.Fetched, kept, time.Time{}
		if len(c.Kept) > 0 {
			st.KeptUntil = c.Kept[0].Since.Add(f.RemoveAfter)
		}
		if in != nil {
			st.Names, st.Prefixes, st.Edition = names, prefixes, in.zone.Edition
		}
	})
	f.noteWaiting(waiting)
}

// noteWaiting notes what waits in the shadow; nil is nothing.
func (f *follower) noteWaiting(c *Copy) {
	f.note(func(st *ZoneStatus) {
		st.Pending, st.PendingUntil = c != nil, time.Time{}
		if c != nil {
			st.PendingUntil = c.Fetched.Add(f.Shadow)
		}
	})
}
