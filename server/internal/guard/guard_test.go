package guard_test

import (
	"errors"
	"strings"
	"testing"

	"splitdns/server/internal/guard"
)

// guarded returns what step returns.
func guarded(step func() error) (err error) {
	defer guard.Catch(&err)
	return step()
}

func TestCatchNothing(t *testing.T) {
	broken := errors.New("broken")
	if err := guarded(func() error { return broken }); err != broken {
		t.Errorf("error %v, want what the step returned", err)
	}
}

func TestCatch(t *testing.T) {
	err := guarded(func() error { panic("on purpose") })
	p, ok := errors.AsType[*guard.PanicError](err)
	if !ok || p.Value != "on purpose" || err.Error() != "panic: on purpose" || !strings.Contains(string(p.Stack), "guard_test.go") {
		t.Errorf("error %#v, want the panic with its stack", err)
	}
}
