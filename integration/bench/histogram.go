//go:build linux

package main

import (
	"math/bits"
	"time"
)

// subBits is how finely a histogram tells durations apart: each bucket is one
// 2^subBits-th of its lower end wide, 1.6 %.
const subBits = 6

// A histogram counts durations, in nanoseconds, in buckets that grow with them.
// Adding one does not allocate. The zero value is empty.
type histogram struct {
	counts [(64 - subBits) << subBits]uint64
	n      uint64
	max    time.Duration
}

// add counts d; what is negative counts as 0.
func (h *histogram) add(d time.Duration) {
	d = max(d, 0)
	h.counts[bucket(uint64(d))]++
	h.n++
	h.max = max(h.max, d)
}

// bucket is the index of the bucket that v belongs to. Below 2^(subBits+1) each
// value has its own; above, each power of two has 2^subBits.
func bucket(v uint64) int {
	exponent := max(bits.Len64(v)-subBits-1, 0)
	return exponent<<subBits + int(v>>exponent)
}

// ceiling is the largest value of bucket i.
func ceiling(i int) uint64 {
	exponent := max(i>>subBits-1, 0)
	return (uint64(i-exponent<<subBits)+1)<<exponent - 1
}

// quantile is the duration that the share q of all do not exceed, rounded up to
// the end of its bucket; 0 if there are none.
func (h *histogram) quantile(q float64) time.Duration {
	rank := max(uint64(q*float64(h.n)+0.5), 1)
	var seen uint64
	for i, count := range h.counts {
		if seen += count; count > 0 && seen >= rank {
			return min(time.Duration(ceiling(i)), h.max)
		}
	}
	return h.max
}

// latency is what is reported of a histogram.
type latency struct {
	Count uint64        `json:"count"`
	P50   time.Duration `json:"p50_ns"`
	P99   time.Duration `json:"p99_ns"`
	P999  time.Duration `json:"p999_ns"`
	Max   time.Duration `json:"max_ns"`
}

// summary is h in a few figures.
func (h *histogram) summary() latency {
	return latency{Count: h.n, P50: h.quantile(0.5), P99: h.quantile(0.99), P999: h.quantile(0.999), Max: h.max}
}
