package server

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"splitdns/server/internal/nftset"
)

const (
	// lookTime bounds how long a reload waits until its sets were looked at.
	lookTime = 500 * time.Millisecond
	// lookPause is the time between two questions whether they were.
	lookPause = 10 * time.Millisecond
	// maxFaulty is how many faulty sets are named.
	maxFaulty = 3
)

// faultySets says which sets take no addresses, as lines for whoever has just made the server follow
// a configuration: none where all are well. It waits until the sets were looked at.
func (s *Server) faultySets() []string {
	st := s.sets.Status()
	for begin := time.Now(); slices.ContainsFunc(st.Sets, isUnknown) && time.Since(begin) < lookTime; st = s.sets.Status() {
		time.Sleep(lookPause)
	}
	var names []string
	for _, set := range st.Sets {
		if set.State != setOK && !isUnknown(set) {
			names = append(names, fmt.Sprintf("%s (%s)", set.Set, set.State))
		}
	}
	if len(names) == 0 {
		return nil
	}
	more := ""
	if n := len(names) - maxFaulty; n > 0 {
		names, more = names[:maxFaulty], fmt.Sprintf(" and %d more", n)
	}
	return []string{"sets that are not well: " + strings.Join(names, ", ") + more + "; `splitdns sets` says why, and the fix"}
}

// isUnknown reports whether nobody has looked at set yet.
func isUnknown(set nftset.SetStatus) bool { return set.State == "unknown" }
