//go:build linux

package main

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func TestSpread(t *testing.T) {
	for name, tt := range map[string]struct {
		values []float64
		want   spread
	}{
		"none": {nil, spread{}},
		"one":  {[]float64{3}, spread{3, 3, 3, 1}},
		"odd":  {[]float64{5, 1, 3}, spread{3, 1, 5, 3}},
		"even": {[]float64{4, 1, 3, 2}, spread{2.5, 1, 4, 4}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := spreadOf(tt.values); got != tt.want {
				t.Errorf("spreadOf(%v) = %+v, want %+v", tt.values, got, tt.want)
			}
		})
	}
}

func TestSpreadLeavesItsValuesAlone(t *testing.T) {
	values := []float64{3, 1, 2}
	spreadOf(values)
	if !slices.Equal(values, []float64{3, 1, 2}) {
		t.Errorf("values are now %v", values)
	}
}

func TestRatiosAreOfTheSameRound(t *testing.T) {
	got := ratios(map[int]float64{1: 10, 2: 30, 3: 50, 5: 7}, map[int]float64{1: 5, 2: 10, 4: 1, 5: 0})
	slices.Sort(got)
	if !slices.Equal(got, []float64{2, 3}) {
		t.Errorf("ratios %v, want 2 and 3: of rounds 1 and 2", got)
	}
}

func TestHistogramBuckets(t *testing.T) {
	last := -1
	for _, v := range []uint64{0, 1, 63, 64, 127, 128, 129, 130, 255, 256, 1000, 1e6, 1e9, 1<<63 - 1} {
		i := bucket(v)
		if i < last || i >= len(histogram{}.counts) {
			t.Fatalf("bucket(%d) = %d, after %d", v, i, last)
		}
		if c := ceiling(i); c < v || float64(c) > float64(v)*(1+1.0/64) {
			t.Errorf("ceiling of the bucket of %d is %d", v, c)
		}
		if i > 0 && ceiling(i-1) >= v {
			t.Errorf("%d belongs to the bucket before %d", v, i)
		}
		last = i
	}
}

func TestQuantiles(t *testing.T) {
	var h histogram
	if got := h.quantile(0.5); got != 0 {
		t.Errorf("the median of nothing is %v", got)
	}
	r := rand.New(rand.NewPCG(1, 1))
	var all []time.Duration
	for range 10_000 {
		d := time.Duration(r.ExpFloat64() * 50_000)
		all = append(all, d)
		h.add(d)
	}
	slices.Sort(all)
	for _, q := range []float64{0.5, 0.99, 0.999, 1} {
		want := all[int(q*float64(len(all))+0.5)-1]
		if got := h.quantile(q); got < want || float64(got) > float64(want)*(1+1.0/64) {
			t.Errorf("quantile %v is %v, want %v", q, got, want)
		}
	}
	if s := h.summary(); s.Count != 10_000 || s.Max != all[len(all)-1] || s.P50 > s.P99 || s.P99 > s.P999 {
		t.Errorf("summary %+v", s)
	}
}

func TestHistogramTakesWhatIsNegativeAsZero(t *testing.T) {
	var h histogram
	h.add(-time.Second)
	if got := h.quantile(1); got != 0 || h.n != 1 {
		t.Errorf("the largest of %d is %v, want 0 of 1", h.n, got)
	}
}

func TestFigures(t *testing.T) {
	r := result{
		Wall: 2 * time.Second, Sent: 1000, Answered: 500, Lost: 10, Generator: 500 * time.Millisecond,
		Server: usageJSON{Total: time.Second, User: 200 * time.Millisecond, System: 600 * time.Millisecond},
	}
	for name, got := range map[string][2]float64{
		"perMillion": {r.perMillion(), 2000},
		"qps":        {r.qps(), 250},
		"loss":       {r.loss(), 0.01},
		"share":      {r.share(r.Generator), 0.25},
		"ceiling":    {r.ceiling(), 1000},
		"of nothing": {result{}.perMillion() + result{}.qps() + result{}.loss() + result{}.ceiling(), 0},
	} {
		if got[0] != got[1] {
			t.Errorf("%s = %v, want %v", name, got[0], got[1])
		}
	}
}
