package upstream_test

import (
	"testing"
	"time"

	"splitdns/server/internal/upstream"
)

// epoch is when tests of health begin.
var epoch = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// The delay is about what nearly all answers take, between bounds.
func TestDelay(t *testing.T) {
	const ms = time.Millisecond
	for name, c := range map[string]struct {
		rtts     []time.Duration
		low, top time.Duration // of the delay
	}{
		"unknown":     {nil, upstream.StartDelay, upstream.StartDelay},
		"one":         {[]time.Duration{30 * ms}, 90 * ms, 90 * ms}, // RFC 6298, section 2.2
		"steady":      {repeat(50*ms, 40), 50 * ms, 51 * ms},
		"near":        {repeat(ms/10, 40), 20 * ms, 20 * ms},
		"far":         {repeat(3*time.Second, 9), time.Second, time.Second},
		"nothing":     {repeat(0, 9), 20 * ms, 20 * ms},
		"varying":     {alternate(10*ms, 110*ms, 40), 110 * ms, 400 * ms},
		"became slow": {append(repeat(10*ms, 20), repeat(100*ms, 20)...), 100 * ms, 130 * ms},
	} {
		var h upstream.Health
		for _, rtt := range c.rtts {
			h.Answered(epoch, rtt)
		}
		if _, delay, _, _ := h.Look(); delay < c.low || delay > c.top {
			t.Errorf("%s: delay %v, want from %v to %v", name, delay, c.low, c.top)
		}
	}
}

// repeat is n times the same.
func repeat(d time.Duration, n int) []time.Duration { return alternate(d, d, n) }

// alternate is a, b, a, b … n times.
func alternate(a, b time.Duration, n int) (all []time.Duration) {
	for i := range n {
		all = append(all, [2]time.Duration{a, b}[i%2])
	}
	return all
}

// Silence is as costly as an answer that takes twice as long, and changes nothing of the delay.
func TestSilenceCosts(t *testing.T) {
	const ms = time.Millisecond
	var h upstream.Health
	for _, step := range []struct {
		do   func()
		want time.Duration
	}{
		{func() {}, 0},
		{func() { h.Failed(epoch, 100*ms) }, 200 * ms},
		{func() { h.Failed(epoch, 0) }, 200 * ms},
		{func() { h.Answered(epoch, 40*ms) }, 160 * ms},
		{func() { h.Failed(epoch, 120*ms) }, 180 * ms},
	} {
		step.do()
		if got := h.Cost(); got != step.want {
			t.Errorf("cost %v, want %v", got, step.want)
		}
	}
	if srtt, delay, _, _ := h.Look(); srtt != 40*ms || delay != 120*ms {
		t.Errorf("round-trip time %v, delay %v after one answer, want 40ms and 120ms", srtt, delay)
	}
}

// It takes several failures in a row, and some time.
func TestWhenToRest(t *testing.T) {
	type step struct {
		after time.Duration
		heard bool
		want  bool // exhausted
	}
	fail := func(after time.Duration, want bool) step { return step{after, false, want} }
	heard := step{heard: true}
	for name, steps := range map[string][]step{
		"many at once":    {fail(0, false), fail(0, false), fail(0, false), fail(0, false), fail(0, false), fail(upstream.RestSpan-1, false)},
		"and then one":    {fail(0, false), fail(0, false), fail(0, false), fail(0, false), fail(upstream.RestSpan, true)},
		"few in long":     {fail(0, false), fail(time.Minute, false), fail(time.Minute, false)},
		"enough":          {fail(0, false), fail(time.Minute, false), fail(time.Minute, false), fail(time.Minute, true)},
		"heard between":   {fail(0, false), fail(time.Minute, false), fail(time.Minute, false), heard, fail(time.Minute, false)},
		"the time begins": {fail(0, false), heard, fail(time.Minute, false), fail(0, false), fail(0, false), fail(0, false), fail(upstream.RestSpan, true)},
	} {
		var h upstream.Health
		now := epoch
		for i, s := range steps {
			now = now.Add(s.after)
			if s.heard {
				h.Heard()
				continue
			}
			if got := h.Failed(now, 0); got != s.want {
				t.Errorf("%s: step %d: exhausted %v, want %v", name, i, got, s.want)
			}
		}
	}
}

// Rests grow up to a bound, and are spread; a response ends them all.
func TestRests(t *testing.T) {
	var h upstream.Health
	now := epoch
	for i, want := range []time.Duration{time.Second, 2 * time.Second, upstream.MaxRest, upstream.MaxRest, upstream.MaxRest} {
		length := h.Rest(now, 0.5)
		if length != want {
			t.Errorf("rest %d: %v, want %v", i, length, want)
		}
		if h.Claim(now.Add(length - 1)) {
			t.Errorf("rest %d: probed before its end", i)
		}
		now = now.Add(length)
		if !h.Claim(now) || h.Claim(now) {
			t.Errorf("rest %d: want one probe at its end", i)
		}
		if h.Failed(now, 0) {
			t.Errorf("rest %d: a failure during it begins another", i)
		}
	}
	if _, _, rests, _ := h.Look(); !rests {
		t.Error("not resting during a probe")
	}
	h.Answered(now, time.Hour)
	h.Heard()
	if srtt, _, rests, _ := h.Look(); rests || srtt != 0 || h.Claim(now) {
		t.Errorf("after a response: resting %v, round-trip time %v, want none of it", rests, srtt)
	}
	for range 100 { // no overflow
		h.Rest(now, 0)
	}
	if low, top := h.Rest(now, 0), h.Rest(now, 1); low != upstream.MaxRest*3/4 || top != upstream.MaxRest*5/4 {
		t.Errorf("the longest rest is from %v to %v, want a quarter around %v", low, top, upstream.MaxRest)
	}
}

// A server that has refused everything for long stands behind others, until it answers.
func TestYielding(t *testing.T) {
	var h upstream.Health
	for i := range upstream.YieldAfter {
		if _, _, _, yields := h.Look(); yields {
			t.Fatalf("yields after %d refusals", i)
		}
		h.Refused()
		h.Heard()
	}
	if _, _, rests, yields := h.Look(); !yields || rests {
		t.Errorf("yields %v, rests %v after %d refusals", yields, rests, upstream.YieldAfter)
	}
	h.Answered(epoch, time.Millisecond)
	if _, _, _, yields := h.Look(); yields {
		t.Error("yields after an answer")
	}
}
