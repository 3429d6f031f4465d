//go:build race

package querylog_test

// raced: the race detector makes sync.Pool forget at random, so allocations mean nothing.
const raced = true
