//go:build !race

package querylog_test

// raced: see the file of the race detector.
const raced = false
