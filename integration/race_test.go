//go:build race

package integration_test

// underRace says that the race detector watches the tests.
const underRace = true
