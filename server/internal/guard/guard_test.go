package guard_test

import (
	"errors"
	"strings"
	"testing"

	"splitdns/server/internal/guard"
)

func TestDo(t *testing.T) {
	broken := errors.New("broken")
	if v, err := guard.Do(func() (int, error) { return 7, broken }); v != 7 || err != broken {
		t.Errorf("Do = %d, %v, want what the step returned", v, err)
	}
}

func TestDoPanics(t *testing.T) {
	_, err := guard.Do(func() (int, error) { panic("on purpose") })
	p, ok := errors.AsType[*guard.PanicError](err)
	if !ok || p.Value != "on purpose" || err.Error() != "panic: on purpose" || !strings.Contains(string(p.Stack), "guard_test.go") {
		t.Errorf("error %#v, want the panic with its stack", err)
	}
}
