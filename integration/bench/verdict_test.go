//go:build linux

package main

import (
	"testing"
	"time"
)

func TestJudge(t *testing.T) {
	for name, tt := range map[string]struct {
		generator, server float64
		want              saturation
	}{
		"the server is full":         {0.60, 0.99, saturated},
		"both are full":              {1.00, 0.97, saturated},
		"the server just about":      {1.00, 0.85, saturated},
		"the generator is full":      {0.96, 0.84, generatorBound},
		"the generator just about":   {0.95, 0.84, unsaturated},
		"both wait":                  {0.40, 0.40, unsaturated},
		"the stub beside the server": {1.00, 0.10, generatorBound},
	} {
		t.Run(name, func(t *testing.T) {
			if got := judge(tt.generator, tt.server); got != tt.want {
				t.Errorf("judge(%v, %v) = %q, want %q", tt.generator, tt.server, got, tt.want)
			}
		})
	}
}

func TestTheStubCountsWhereItSharesTheCore(t *testing.T) {
	r := result{Wall: time.Second, Generator: 600 * time.Millisecond, Stub: 390 * time.Millisecond, Server: usageJSON{Total: 500 * time.Millisecond}}
	if got := r.saturation(layout{Server: 1, Generator: 0, Stub: 0}); got != generatorBound {
		t.Errorf("on one core: %q, want %q", got, generatorBound)
	}
	if got := r.saturation(layout{Server: 2, Generator: 0, Stub: 1}); got != unsaturated {
		t.Errorf("on two cores: %q, want %q", got, unsaturated)
	}
}
