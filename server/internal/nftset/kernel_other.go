//go:build !linux

package nftset

import (
	"context"
	"net/netip"
	"runtime"

	"splitdns/server/policy"
)

// none is the kernel of a system without nftables: everything fails.
type none struct{}

// dialKernel is the kernel of this system.
func dialKernel() kernel { return none{} }

// lacking is why.
func lacking() error {
	return &fault{
		state: stateNoTables,
		cause: "nftables sets need Linux, and this is " + runtime.GOOS,
		fix:   "take `sets` out of the rules",
	}
}

func (none) describe(policy.Set) (found, error)               { return found{}, lacking() }
func (none) read(found, []netip.Addr) ([]presence, error)     { return nil, lacking() }
func (none) put(found, []change, recipe) error                { return lacking() }
func (none) list(found, int) ([]listed, error)                { return nil, lacking() }
func (none) generation() (uint32, error)                      { return 0, lacking() }
func (none) monitor(ctx context.Context, _ func(event)) error { <-ctx.Done(); return nil }
func (none) close()                                           {}
