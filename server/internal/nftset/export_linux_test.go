package nftset

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"

	"splitdns/server/policy"
)

// Writer puts an address into a set again and again, on the real kernel, by one of the recipes.
func Writer(set policy.Set, addr netip.Addr) (write func(timeout time.Duration, replace bool) error, end func()) {
	k := dialKernel()
	return func(timeout time.Duration, replace bool) error {
		f, err := k.describe(set)
		if err != nil {
			return err
		}
		by := addAgain
		if replace {
			by = addDelete
		}
		return k.put(f, []change{{addr, timeout}}, by)
	}, k.close
}

// Overheard puts addresses into a set, over two connections, and then has others make a set. It returns
// what the monitor told before it told of that.
func Overheard(ctx context.Context, set policy.Set, addrs []netip.Addr, others func()) (before int, err error) {
	k := &netlinkKernel{}
	defer k.close()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	events := make(chan event, 10000)
	go k.monitor(ctx, func(e event) { events <- e })
	<-events // that it begins
	f, err := k.describe(set)
	for i, addr := range addrs {
		if i == len(addrs)/2 {
			k.closeWrite()
		}
		err = errors.Join(err, k.put(f, []change{{addr, time.Minute}}, addAgain))
	}
	others()
	for e := range events {
		if e.kind == changedSet {
			break
		}
		before++
	}
	return before, err
}

// Forged asks the kernel for a set which is not there, while forgers, other sockets, have sent to the
// address that the question is asked from: text, so often. It returns the kernel's answer.
func Forged(set policy.Set, text []byte, often int) error {
	k := &netlinkKernel{}
	defer k.close()
	if err := k.openAsk(); err != nil {
		return err
	}
	port, err := portOf(k.ask)
	if err != nil {
		return err
	}
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_NETFILTER)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	for range often {
		if err := unix.Sendto(fd, text, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Pid: port}); err != nil {
			return err
		}
	}
	f, err := k.describe(set)
	return judged(set, found{}, f, err)
}

// Parsed is what all parsers make of a message, for the fuzz test.
type Parsed struct {
	Events int
	Added  int // elements of events
	Ranges [][2]netip.Addr
}

// ParseAll gives b to everything that reads what the kernel sends.
func ParseAll(b []byte, interval bool) (Parsed, error) {
	var p Parsed
	err := parseEvents(b, func(e event) {
		p.Events++
		if e.added != nil {
			for range e.added {
				p.Added++
			}
		}
	})
	points, _, _ := parseDump(nil, b)
	for _, l := range (found{interval: interval}).ranges(points) {
		p.Ranges = append(p.Ranges, [2]netip.Addr{l.first, l.last})
	}
	_, _ = parseAnswer(b)
	whole := true
	for _, body := range messages(b, &whole) {
		if len(body) < headerSize {
			continue
		}
		_, _ = parseSet(body[headerSize:])
		_, _ = parsePresence(body[headerSize:], netip.Addr{})
		_, _ = parseGeneration(body[headerSize:])
		_ = parseTable(body[headerSize:])
		_ = parseError(body)
	}
	return p, err
}

// Question is the message that asks for an element, whose shape is that of the kernel's answers.
func Question(kind uint8, set policy.Set, addr netip.Addr) []byte {
	m := request10(kind, set.Family, append(names(set), key(addr)...))
	m.Header.Length = uint32(messageHeader + len(m.Data))
	b, err := m.MarshalBinary()
	if err != nil {
		panic(err)
	}
	return b
}
