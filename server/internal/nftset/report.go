package nftset

import (
	"fmt"
	"strings"
	"time"
)

// title is the set with the rules that name it.
func (s *setState) title() string {
	if len(s.rules) == 0 {
		return s.set.String()
	}
	word := "rule"
	if len(s.rules) > 1 {
		word = "rules"
	}
	return fmt.Sprintf("%s (%s %s)", s.set, word, strings.Join(s.rules, ", "))
}

// says is the report of a fault.
func (s *setState) says(f *fault) string {
	text := fmt.Sprintf("set %s: %s", s.title(), f.cause)
	if f.fix != "" {
		text += "; fix: " + f.fix
	}
	return text
}

// backAgain says that n elements were put back.
func backAgain(n int) string {
	switch n {
	case 0:
		return "no element was missing"
	case 1:
		return "1 element is back"
	}
	return fmt.Sprintf("%d elements are back", n)
}

// brief is d as people read it.
func brief(d time.Duration) time.Duration {
	if d < time.Second {
		return d.Round(time.Millisecond)
	}
	return d.Round(100 * time.Millisecond)
}

// reportVersions warns of rules whose sets hold addresses of one IP version only.
func (k *Keeper) reportVersions() {
	for _, text := range k.oneVersion() {
		k.o.Report(true, text)
	}
}

// oneVersion is what to say of the rules whose sets hold one IP version only, in the order of the
// configuration. Rules with a set that nobody knows are left out.
func (k *Keeper) oneVersion() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	const v4, v6, both = 1, 2, 3
	have := make(map[string]int)
	var rules []string
	for _, s := range k.order {
		versions := both
		if s.found.handle != 0 && s.found.is4 != s.found.is6 {
			versions = map[bool]int{true: v4, false: v6}[s.found.is4]
		}
		for _, rule := range s.rules {
			if have[rule] == 0 {
				rules = append(rules, rule)
			}
			have[rule] |= versions
		}
	}
	var texts []string
	for _, rule := range rules {
		switch have[rule] {
		case v4:
			texts = append(texts, fmt.Sprintf("rule %s: its sets hold IPv4 addresses only: those of AAAA answers go into none; add a set of type ipv6_addr", rule))
		case v6:
			texts = append(texts, fmt.Sprintf("rule %s: its sets hold IPv6 addresses only: those of A answers go into none; add a set of type ipv4_addr", rule))
		}
	}
	return texts
}
