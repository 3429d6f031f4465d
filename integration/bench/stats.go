//go:build linux

package main

import "slices"

// A spread is what repeated runs gave: the median, and the smallest and largest.
type spread struct {
	Median float64 `json:"median"`
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`
	Runs   int     `json:"runs"`
}

// spreadOf is the spread of values; without any, its Runs are 0.
func spreadOf(values []float64) spread {
	if len(values) == 0 {
		return spread{}
	}
	v := slices.Sorted(slices.Values(values))
	middle := v[len(v)/2]
	if len(v)%2 == 0 {
		middle = (v[len(v)/2-1] + middle) / 2
	}
	return spread{Median: middle, Min: v[0], Max: v[len(v)-1], Runs: len(v)}
}

// ratios divides what each round gave by what the same round gave for base. A
// round that one of them lacks, or in which base gave 0, is left out.
func ratios(of, base map[int]float64) []float64 {
	var out []float64
	for round, value := range of {
		if b := base[round]; b > 0 {
			out = append(out, value/b)
		}
	}
	return out
}
