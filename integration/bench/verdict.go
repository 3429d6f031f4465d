//go:build linux

package main

// A saturation says whether queries/s of a closed loop are what the server can do.
type saturation string

// What may have held a closed loop back.
const (
	saturated      saturation = ""                // the server: it had no time left
	generatorBound saturation = "generator-bound" // the load generator: it had none left, and the server had
	unsaturated    saturation = "not saturated"   // neither: they waited for each other, or others took the cores
)

// Shares of a core from which on it counts as full. The server's is lower: it
// stands still for a moment when the generator's batches come late, and what is
// lost by that is no more than the spread of the runs.
const (
	generatorFull = 0.95
	serverFull    = 0.85
)

// judge tells from the shares of their cores that the load generator (with the
// stub, if that shares its core) and the server used who held the other back.
// Only of a saturated server is a ratio of queries/s printed.
func judge(generator, server float64) saturation {
	switch {
	case server >= serverFull:
		return saturated
	case generator > generatorFull:
		return generatorBound
	}
	return unsaturated
}
