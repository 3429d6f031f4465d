package nftset

import (
	"errors"
	"fmt"
	"strings"

	"splitdns/server/policy"
)

// The states of a set, for [SetStatus].
const (
	stateOK        = "ok"
	stateUnknown   = "unknown"       // not looked at yet
	stateMissing   = "missing"       // it, or its table, is not there
	stateType      = "wrong type"    // neither ipv4_addr nor ipv6_addr
	stateTimeout   = "no timeout"    // it would keep addresses for ever
	stateConstant  = "constant"      // nothing can be put into it
	stateFull      = "full"          // it has as many elements as its size allows
	statePermitted = "not permitted" // no CAP_NET_ADMIN
	stateNoTables  = "no nftables"   // a kernel without nf_tables, or another system
	stateBusy      = "busy"          // the kernel does not answer in time
	stateCovered   = "covered"       // a range of others holds the address, but not for long enough
	stateFailing   = "failing"       // the kernel refuses for another reason
)

// A fault is why a set does not take addresses. As an error it is short enough for a response;
// the fix is for the log.
type fault struct {
	state string
	cause string // after "set inet filter mdm4: "
	fix   string
	code  error // of the kernel, where there is one
}

// Error is the cause.
func (f *fault) Error() string { return f.cause }

// Unwrap is what the kernel said.
func (f *fault) Unwrap() error { return f.code }

// asFault is err as a fault.
func asFault(err error) *fault {
	if f, ok := err.(*fault); ok {
		return f
	}
	return &fault{state: stateFailing, cause: "the kernel refuses: " + err.Error(), code: err}
}

// judge says why the set that was found cannot be used, or nil.
func judge(f found) *fault {
	switch {
	case f.isMap:
		return &fault{state: stateType, cause: "it is a map, want a set of type ipv4_addr or ipv6_addr", fix: anew("map", f, "")}
	case !f.is4 && !f.is6:
		return &fault{state: stateType, cause: fmt.Sprintf("its type is %s, want ipv4_addr or ipv6_addr", f.typ), fix: anew("set", f, "")}
	case f.constant:
		return &fault{state: stateConstant, cause: "it is constant", fix: anew("set", f, "")}
	case !f.timeout:
		return &fault{state: stateTimeout, cause: `it has no "flags timeout": what is put into it would stay for ever`, fix: anew("set", f, "")}
	}
	return nil
}

// errSet says that the table is there, and the set is not.
var errSet = errors.New("no such set")

// missing is the fault of a set that is not there, though its table may be; f is what it was, if it
// ever was.
func missing(set policy.Set, f found, table bool) *fault {
	f.set = set
	if table {
		return &fault{state: stateMissing, cause: "it is not there", fix: "nft '" + create(f, "") + "', or correct its name in the rule"}
	}
	return &fault{
		state: stateMissing,
		cause: fmt.Sprintf("there is no table %s %s", set.Family, set.Table),
		fix:   fmt.Sprintf("load its file with nft -f, since its rules are gone too; if it never had any, nft 'add table %s %s; %s', or correct the name in the rule", set.Family, set.Table, create(f, "")),
	}
}

// full is the fault of a set that takes no more elements.
func full(f found, code error) *fault {
	size := ""
	if f.size > 0 {
		size = fmt.Sprintf("size %d; ", max(65536, 4*uint64(f.size)))
	}
	return &fault{
		state: stateFull,
		cause: fmt.Sprintf("it is full (size %d)", f.size),
		fix:   anew("set", f, size),
		code:  code,
	}
}

// anew is how to make a set again as it should be. Nothing else changes the type, the flags or the
// size of one, and nft deletes none that a rule uses.
func anew(kind string, f found, more string) string {
	return fmt.Sprintf("nft 'delete %s %s; %s', after the rules that use it, which then have to be added again; or change its file and load that with nft -f",
		kind, f.set, create(f, more))
}

// create is the command that makes a set.
func create(f found, more string) string {
	typ, flags := "ipv4_addr", "timeout"
	if f.is6 || !f.is4 && (guess(f.set).is6 || strings.Contains(f.typ, "ipv6_addr")) {
		typ = "ipv6_addr"
	}
	if f.interval {
		flags = "interval,timeout"
	}
	return fmt.Sprintf("add set %s { type %s; flags %s; %s}", f.set, typ, flags, more)
}

// notPermitted is the fault of a process without CAP_NET_ADMIN.
func notPermitted(code error) *fault {
	return &fault{
		state: statePermitted,
		cause: "the kernel does not let splitdns touch nftables: it has no CAP_NET_ADMIN",
		fix:   "with systemd, `systemctl edit splitdns` and add CAP_NET_ADMIN to AmbientCapabilities= and CapabilityBoundingSet= under [Service]; without, `setcap cap_net_admin,cap_net_bind_service+ep` on the splitdns binary; then start it again",
		code:  code,
	}
}
