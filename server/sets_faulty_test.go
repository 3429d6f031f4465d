package server_test

import (
	"errors"
	"strings"
	"testing"
)

// TestReloadNamesFaultySets has the answer to a reload say that not all is well.
func TestReloadNamesFaultySets(t *testing.T) {
	b := newBench(t, setsConfig, nameOf(t))
	w := newWalls(b)
	if said := b.FaultySets(); said != nil {
		t.Errorf("said %q of sets that are well", said)
	}
	w.fault = errors.New("it is not there")
	const want = "sets that are not well: inet filter a4 (missing), inet filter a6 (missing), inet filter all (missing); `splitdns sets` says why, and the fix"
	if said := b.FaultySets(); len(said) != 1 || said[0] != want {
		t.Errorf("said %q, want %q", said, want)
	}
}

// TestControlReloadNamesFaultySets asks the control socket.
func TestControlReloadNamesFaultySets(t *testing.T) {
	b := newBench(t, setsConfig, nameOf(t))
	newWalls(b).fault = errors.New("it is not there")
	if text := b.ControlReload(); !strings.Contains(text, "sets that are not well: inet filter a4 (missing)") {
		t.Errorf("reload: %s", text)
	}
}
