package nftset

import (
	"errors"
	"net/netip"
	"os"
	"sync"
	"time"

	"github.com/google/nftables"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"splitdns/server/policy"
)

const (
	// netlinkTime is how long an answer of the kernel may take. It answers while it takes the message,
	// so this bounds what never comes.
	netlinkTime = 2 * time.Second
	// putTime is that for a transaction, which waits for those of others: a large ruleset takes its time.
	putTime = time.Minute
	// readAtOnce is the most elements that are asked for before the answers are read: each takes some
	// 800 octets of the socket's buffer, which has 212,992 unless an administrator changed that.
	readAtOnce = 64
)

// families are those of nftables, by their words.
var families = map[string]nftables.TableFamily{
	"inet": nftables.TableFamilyINet, "ip": nftables.TableFamilyIPv4, "ip6": nftables.TableFamilyIPv6,
	"arp": nftables.TableFamilyARP, "bridge": nftables.TableFamilyBridge, "netdev": nftables.TableFamilyNetdev,
}

// errTable says that not even the table is there.
var errTable = errors.New("no such table")

// A netlinkKernel is the kernel, over netlink sockets that are opened when they are needed, and again
// after an error: what was not read must not be taken for the answer to the next question. The
// library's own questions are not used: they tell sets apart by name only, decode every expression,
// have no limits, and wait for ever.
type netlinkKernel struct {
	ask   *netlink.Conn  // for questions; nil before the first
	write *nftables.Conn // for transactions; nil before the first
	wait  *netlink.Conn  // the socket of write, for its deadline
	buf   []byte         // for answers; nil before the first

	mu      sync.Mutex
	port    uint32        // the netlink address of write
	hearing *netlink.Conn // the monitor's; nil while there is none
}

// dialKernel is the kernel of this system.
func dialKernel() kernel { return &netlinkKernel{} }

func (k *netlinkKernel) close() {
	k.closeAsk()
	k.closeWrite()
}

// closeAsk closes the socket for questions.
func (k *netlinkKernel) closeAsk() {
	if k.ask != nil {
		_ = k.ask.Close()
	}
	k.ask = nil
}

// closeWrite closes the socket for transactions.
func (k *netlinkKernel) closeWrite() {
	if k.write != nil {
		_ = k.write.CloseLasting()
	}
	k.write, k.wait = nil, nil
}

// put is one batch of at most four messages: the kernel does a batch as a whole.
func (k *netlinkKernel) put(f found, changes []change, by recipe) error {
	err := k.transaction(f, changes, by)
	if err == nil {
		return nil
	}
	k.closeWrite()
	return refusal(err, f)
}

// transaction is put without the faults.
func (k *netlinkKernel) transaction(f found, changes []change, by recipe) error {
	if err := k.openWrite(); err != nil {
		return err
	}
	if err := k.wait.SetDeadline(time.Now().Add(putTime)); err != nil {
		return err
	}
	set := &nftables.Set{
		Table:      &nftables.Table{Name: f.set.Table, Family: families[f.set.Family]},
		Name:       f.set.Name,
		HasTimeout: true, // or the library leaves the timeouts out; the kernel refuses them where they cannot be
	}
	for _, s := range by.steps() {
		do := k.write.SetAddElements
		if s.remove {
			do = k.write.SetDeleteElements
		}
		if err := do(set, f.messageOf(changes, s.longer)); err != nil {
			return err
		}
	}
	return k.write.Flush()
}

// messageOf is changes as the kernel takes them, with so much more time.
func (f found) messageOf(changes []change, longer time.Duration) []nftables.SetElement {
	elements := make([]nftables.SetElement, 0, 2*len(changes))
	for _, c := range changes {
		elements = append(elements, nftables.SetElement{Key: c.addr.AsSlice(), Timeout: c.timeout + longer})
		if next := c.addr.Next(); f.interval && next.IsValid() {
			elements = append(elements, nftables.SetElement{Key: next.AsSlice(), IntervalEnd: true})
		}
	}
	return elements
}

// openWrite opens the socket for transactions.
func (k *netlinkKernel) openWrite() error {
	if k.write != nil {
		return nil
	}
	keep := func(c *netlink.Conn) error {
		k.wait = c
		return nil
	}
	conn, err := nftables.New(nftables.AsLasting(), nftables.WithSockOptions(keep))
	if err != nil {
		return err
	}
	k.write = conn
	port, err := portOf(k.wait)
	if err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.port = port
	return k.filter()
}

// portOf is the netlink address of a socket.
func portOf(c *netlink.Conn) (port uint32, err error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return 0, err
	}
	var sa unix.Sockaddr
	if err := raw.Control(func(fd uintptr) { sa, err = unix.Getsockname(int(fd)) }); err != nil {
		return 0, err
	}
	if err != nil {
		return 0, err
	}
	nl, ok := sa.(*unix.SockaddrNetlink)
	if !ok {
		return 0, errors.New("no netlink socket")
	}
	return nl.Pid, nil
}

// openAsk opens the socket for questions, and gives the next ones their time.
func (k *netlinkKernel) openAsk() error {
	if k.ask == nil {
		conn, err := netlink.Dial(unix.NETLINK_NETFILTER, nil)
		if err != nil {
			return err
		}
		k.ask = conn
	}
	return k.ask.SetDeadline(time.Now().Add(netlinkTime))
}

// question sends one message and is the first message of the answer.
func (k *netlinkKernel) question(kind uint8, family string, attributes []byte) ([]byte, error) {
	if err := k.openAsk(); err != nil {
		return nil, err
	}
	if _, err := k.ask.Send(request10(kind, family, attributes)); err != nil {
		k.closeAsk()
		return nil, err
	}
	return k.answer()
}

// answer reads one answer, which is good until the next.
func (k *netlinkKernel) answer() ([]byte, error) {
	if k.buf == nil {
		k.buf = make([]byte, datagramSize)
	}
	n, err := receive(k.ask, k.buf)
	var body []byte
	if err == nil {
		body, err = parseAnswer(k.buf[:n])
	}
	if err != nil && !errors.Is(err, unix.ENOENT) { // which is a good answer
		k.closeAsk()
	}
	return body, err
}

// request10 is a message to nftables, which is netfilter's subsystem 10.
func request10(kind uint8, family string, attributes []byte) netlink.Message {
	return netlink.Message{
		Header: netlink.Header{
			Type:  netlink.HeaderType(unix.NFNL_SUBSYS_NFTABLES<<8 | uint16(kind)),
			Flags: netlink.Request,
		},
		Data: append([]byte{byte(families[family]), unix.NFNETLINK_V0, 0, 0}, attributes...),
	}
}

// describe asks for the table as well: the handles of sets begin anew in each.
func (k *netlinkKernel) describe(set policy.Set) (found, error) {
	table, err := k.question(unix.NFT_MSG_GETTABLE, set.Family, text(unix.NFTA_TABLE_NAME, set.Table))
	if err != nil {
		return found{}, absence(err, errTable)
	}
	handle := parseTable(table)
	answer, err := k.question(unix.NFT_MSG_GETSET, set.Family, names(set))
	if err != nil {
		return found{}, absence(err, errSet)
	}
	f, err := parseSet(answer)
	f.set, f.table = set, handle
	return f, err
}

// absence is the fault of a set or a table that cannot be described.
func absence(err, missing error) error {
	switch {
	case errors.Is(err, unix.ENOENT):
		return &fault{state: stateMissing, code: missing}
	case errors.Is(err, unix.EINVAL), errors.Is(err, unix.EOPNOTSUPP): // netfilter has no such subsystem
		return noTables(err)
	}
	return refusal(err, found{})
}

func (k *netlinkKernel) read(f found, addrs []netip.Addr) ([]presence, error) {
	there := make([]presence, 0, len(addrs))
	for len(addrs) > 0 {
		n := min(readAtOnce, len(addrs))
		some, err := k.readSome(f, addrs[:n])
		if err != nil {
			k.closeAsk() // with the answers that were not read
			return nil, refusal(err, f)
		}
		there = append(there, some...)
		addrs = addrs[n:]
	}
	return there, nil
}

// readSome is read for at most readAtOnce addresses.
func (k *netlinkKernel) readSome(f found, addrs []netip.Addr) ([]presence, error) {
	if err := k.openAsk(); err != nil {
		return nil, err
	}
	messages := make([]netlink.Message, len(addrs))
	for i, addr := range addrs {
		messages[i] = request10(unix.NFT_MSG_GETSETELEM, f.set.Family, append(names(f.set), key(addr)...))
	}
	if _, err := k.ask.SendMessages(messages); err != nil {
		return nil, err
	}
	there := make([]presence, len(addrs))
	for i, addr := range addrs {
		answer, err := k.answer()
		if errors.Is(err, unix.ENOENT) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if there[i], err = parsePresence(answer, addr); err != nil {
			return nil, err
		}
		if !there[i].permanent && there[i].timeout == 0 { // the kernel does not repeat the set's own
			there[i].timeout = f.usual
		}
	}
	return there, nil
}

func (k *netlinkKernel) generation() (uint32, error) {
	answer, err := k.question(unix.NFT_MSG_GETGEN, "", nil)
	if err != nil {
		return 0, refusal(err, found{})
	}
	return parseGeneration(answer)
}

// list reads a dump itself: a set of others may be of any size, and whoever dumps to the end holds all
// of it in memory.
func (k *netlinkKernel) list(f found, limit int) ([]listed, error) {
	if err := k.openAsk(); err != nil {
		return nil, refusal(err, f)
	}
	defer k.closeAsk() // with what was not read
	m := request10(unix.NFT_MSG_GETSETELEM, f.set.Family, names(f.set))
	m.Header.Flags |= netlink.Dump
	if _, err := k.ask.Send(m); err != nil {
		return nil, refusal(err, f)
	}
	points, err := k.dump(f.most(limit))
	list := f.ranges(points)
	switch {
	case err != nil && (len(list) == 0 || !errors.Is(err, os.ErrDeadlineExceeded)):
		return nil, refusal(err, f)
	case err != nil, len(list) > limit: // the time that the kernel takes grows with the square of the set
		return list[:min(limit, len(list))], ErrMore
	}
	return list, nil
}

// most is how many points are enough to see that there are more elements than limit.
func (f found) most(limit int) int {
	if f.interval {
		return 2*limit + 1
	}
	return limit + 1
}

// dump reads at least most points, or all. With an error, it is those that came before.
func (k *netlinkKernel) dump(most int) (points []point, err error) {
	buf := make([]byte, datagramSize)
	for done := false; !done && len(points) < most; {
		n, err := receive(k.ask, buf)
		if err != nil {
			return points, err
		}
		if points, done, err = parseDump(points, buf[:n]); err != nil {
			return points, err
		}
	}
	return points, nil
}

// receive reads one datagram of the kernel, within the deadline of c. Other programs with
// CAP_NET_ADMIN may send to its address, too, and are not heard.
func receive(c *netlink.Conn, buf []byte) (n int, err error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return 0, err
	}
	wait := raw.Read(func(fd uintptr) bool {
		var from unix.Sockaddr
		for {
			n, from, err = unix.Recvfrom(int(fd), buf, unix.MSG_DONTWAIT|unix.MSG_TRUNC)
			if !errors.Is(err, unix.EINTR) && (err != nil || isKernel(from)) {
				return !errors.Is(err, unix.EAGAIN)
			}
		}
	})
	switch {
	case wait != nil:
		return 0, wait
	case err != nil:
		return 0, os.NewSyscallError("recvfrom", err)
	case n > len(buf):
		return 0, errors.New("the kernel's answer is too long")
	}
	return n, nil
}

// isKernel reports whether from is the kernel's netlink address, which no program can have.
func isKernel(from unix.Sockaddr) bool {
	nl, ok := from.(*unix.SockaddrNetlink)
	return ok && nl.Pid == 0
}

// refusal is err as a fault of a set that is as it should be otherwise.
func refusal(err error, f found) *fault {
	switch {
	case errors.Is(err, unix.EPERM), errors.Is(err, unix.EACCES):
		return notPermitted(err)
	case errors.Is(err, unix.EPROTONOSUPPORT), errors.Is(err, unix.EAFNOSUPPORT):
		return noTables(err)
	case errors.Is(err, unix.ENFILE):
		return full(f, err)
	case errors.Is(err, unix.EEXIST):
		return &fault{state: stateCovered, cause: "it has a range that the address is in, which somebody else added", code: err}
	case errors.Is(err, os.ErrDeadlineExceeded):
		return &fault{state: stateBusy, cause: "the kernel does not answer", code: err}
	}
	return asFault(err)
}

// noTables is the fault of a kernel that has no nftables.
func noTables(code error) *fault {
	return &fault{
		state: stateNoTables,
		cause: "this kernel has no nftables",
		fix:   "`modprobe nf_tables`, or a kernel with CONFIG_NF_TABLES",
		code:  code,
	}
}
