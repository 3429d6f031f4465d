package server

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"splitdns/server/internal/metrics"
	"splitdns/server/internal/nftset"
)

// setOK is the state of a set that is well.
const setOK = "ok"

// SetsStatus is how the sets that rules name do.
type SetsStatus struct {
	Sets       []SetStatus `json:"sets"`       // in the order of the configuration
	Added      uint64      `json:"added"`      // answers whose addresses were put into sets first
	Failed     uint64      `json:"failed"`     // answers of which that failed
	Queue      int         `json:"queue"`      // answers that wait for the kernel
	Remembered int         `json:"remembered"` // elements
	Forgotten  uint64      `json:"forgotten"`  // elements that there was no room to remember
	Recipe     string      `json:"recipe"`     // how the kernel has timeouts set again; "": not known yet
}

// SetStatus is one of them. For the states and counts see package nftset.
type SetStatus struct {
	Set       string            `json:"set"` // as nft writes it
	Rules     []string          `json:"rules"`
	State     string            `json:"state"` // "ok", or what is wrong in a word or two
	Problem   string            `json:"problem,omitempty"`
	Fix       string            `json:"fix,omitempty"`
	Since     time.Time         `json:"since,omitzero"` // of the state
	Type      string            `json:"type"`
	Flags     []string          `json:"flags"`
	Size      int               `json:"size"`   // the most elements; 0: no limit
	Wanted    int               `json:"wanted"` // elements that are to be in it
	In        int               `json:"in"`     // those of them that are known to be in it
	Adds      uint64            `json:"adds"`
	Refreshes uint64            `json:"refreshes"`
	Failures  map[string]uint64 `json:"failures"`
	Restored  uint64            `json:"restored"`
	Heals     uint64            `json:"heals"`
	LastHeal  float64           `json:"last_heal_ms"`
}

// setsStatus is how the sets do; nil without any.
func (s *Server) setsStatus() *SetsStatus {
	st := s.sets.Status()
	if len(st.Sets) == 0 {
		return nil
	}
	all := &SetsStatus{
		Added: s.setUse.added.Load(), Failed: s.setUse.failed.Load(),
		Queue: st.Queue, Remembered: st.Remembered, Forgotten: st.Forgotten, Recipe: st.Recipe,
	}
	for _, set := range st.Sets {
		all.Sets = append(all.Sets, setStatus(set))
	}
	return all
}

// setStatus is how one set does.
func setStatus(st nftset.SetStatus) SetStatus {
	set := SetStatus{
		Set: st.Set.String(), Rules: st.Rules, State: st.State, Problem: st.Text, Fix: st.Fix, Since: st.Since, Type: st.Type, Flags: []string{},
		Size: st.Size, Wanted: st.Wanted, In: st.In, Adds: st.Adds, Refreshes: st.Refreshes, Failures: map[string]uint64{},
		Restored: st.Restored, Heals: st.Heals, LastHeal: st.LastHeal.Seconds() * 1000,
	}
	maps.Copy(set.Failures, st.Failures)
	if st.Interval {
		set.Flags = append(set.Flags, "interval")
	}
	if st.Timeout {
		set.Flags = append(set.Flags, "timeout")
	}
	return set
}

// A SetReport is a set with what is in it.
type SetReport struct {
	SetStatus

	Held    []HeldElement `json:"held"`               // in the order of addresses
	More    int           `json:"more,omitempty"`     // of them, that are not listed here
	AndMore bool          `json:"and_more,omitempty"` // there are more of which nobody knows how many
	Unheard string        `json:"unheard,omitempty"`  // why the kernel was not heard
}

// A HeldElement is what is in a set, and because of whom. Who asked is remembered of a few.
type HeldElement struct {
	Address   string    `json:"address"`
	Last      string    `json:"last,omitempty"` // of a range
	Permanent bool      `json:"permanent,omitempty"`
	Remaining int       `json:"remaining_s"`
	Timeout   int       `json:"timeout_s"`
	Names     []string  `json:"names"`
	Clients   []string  `json:"clients"`
	Since     time.Time `json:"since,omitzero"`
	Other     bool      `json:"other,omitempty"` // somebody else has put it in
}

// A SetsReport is what `splitdns sets` is told.
type SetsReport struct {
	Now  time.Time   `json:"now"`
	Sets []SetReport `json:"sets"`
}

const (
	// maxHeld bounds the elements that a report lists, of all sets.
	maxHeld = 65536
	// setsTime bounds how long the kernel is asked for a report, but for the last set.
	setsTime = 20 * time.Second
)

// controlSets is `GET /v1/sets[?set=SET]`.
func (s *Server) controlSets(w http.ResponseWriter, r *http.Request) {
	report, err := s.setsReport(r.FormValue("set"))
	if err != nil {
		refuseControl(w, http.StatusBadRequest, err)
		return
	}
	writeControl(w, http.StatusOK, report)
}

// setsReport is what is in the set of that name; "": in all.
func (s *Server) setsReport(name string) (SetsReport, error) {
	report, known := SetsReport{Now: time.Now(), Sets: []SetReport{}}, []string{}
	room := maxHeld
	for _, st := range s.sets.Status().Sets {
		known = append(known, fmt.Sprintf("%q", st.Set))
		if name != "" && !slices.Contains([]string{st.Set.String(), st.Set.Token(), st.Set.Name}, name) {
			continue
		}
		r := SetReport{SetStatus: setStatus(st), Held: []HeldElement{}}
		if time.Since(report.Now) > setsTime {
			r.Unheard = "the kernel takes too long to say"
		} else {
			r.list(s.sets, st, room)
		}
		room -= len(r.Held)
		report.Sets = append(report.Sets, r)
	}
	switch {
	case name != "" && len(known) == 0:
		return report, fmt.Errorf("no rule names a set: give one `sets = [\"inet filter mdm4\"]`")
	case name != "" && len(report.Sets) == 0:
		return report, fmt.Errorf("%q: no rule names this set; have %s", name, strings.Join(known, ", "))
	}
	return report, nil
}

// list adds what is in the set, as far as there is room.
func (r *SetReport) list(f firewall, st nftset.SetStatus, room int) {
	held, err := f.Elements(st.Set)
	switch {
	case errors.Is(err, nftset.ErrMore):
		r.AndMore = true
	case err != nil:
		r.Unheard = err.Error()
	}
	if len(held) > room {
		r.More = len(held) - room
		held = held[:room]
	}
	for _, h := range held {
		r.Held = append(r.Held, heldElement(h))
	}
}

// heldElement is h as a report has it.
func heldElement(h nftset.Held) HeldElement {
	e := HeldElement{
		Address: h.Addr.String(), Permanent: h.Remaining < 0, Remaining: int(max(0, h.Remaining) / time.Second),
		Timeout: int(h.Timeout / time.Second), Names: append([]string{}, h.Names...), Clients: addrTexts(h.Clients), Since: h.Since, Other: h.Other,
	}
	if h.Last.IsValid() && h.Last != h.Addr {
		e.Last = h.Last.String()
	}
	return e
}

// addSets adds how the sets do.
func addSets(p *metrics.Page, st *SetsStatus) {
	if st == nil {
		return
	}
	p.Add("splitdns_set_answers_total", float64(st.Added), "added")
	p.Add("splitdns_set_answers_total", float64(st.Failed), "failed")
	p.Add("splitdns_set_queue", float64(st.Queue))
	for _, set := range st.Sets {
		addSet(p, set)
	}
}

// addSet adds how one set does.
func addSet(p *metrics.Page, st SetStatus) {
	ok := 0.0
	if st.State == setOK {
		ok = 1
	}
	p.Add("splitdns_set_ok", ok, st.Set)
	p.Add("splitdns_set_state", 1, st.Set, st.State)
	p.Add("splitdns_set_elements", float64(st.In), st.Set)
	p.Add("splitdns_set_elements_missing", float64(st.Wanted-st.In), st.Set)
	p.Add("splitdns_set_adds_total", float64(st.Adds), st.Set)
	p.Add("splitdns_set_refreshes_total", float64(st.Refreshes), st.Set)
	p.Add("splitdns_set_restored_total", float64(st.Restored), st.Set)
	p.Add("splitdns_set_heals_total", float64(st.Heals), st.Set)
	for _, reason := range slices.Sorted(maps.Keys(st.Failures)) {
		p.Add("splitdns_set_failures_total", float64(st.Failures[reason]), st.Set, reason)
	}
}
