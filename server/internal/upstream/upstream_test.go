package upstream_test

import (
	"errors"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"splitdns/matcher"
	"splitdns/server/internal/servertest"
	"splitdns/server/internal/upstream"
	"splitdns/server/internal/wire"
)

const (
	// prompt is less than the wait for a silent server.
	prompt = 900 * time.Millisecond
	// generous is how much longer than it should something may take on a busy machine.
	generous = 2 * time.Second
)

// question is a query for the A records of a name.
func question(name string) wire.UpstreamQuery {
	n, err := matcher.ParseName(name)
	if err != nil {
		panic(err)
	}
	return wire.UpstreamQuery{Question: wire.Question{Name: n, Type: wire.TypeA, Class: wire.ClassIN}}
}

// patient is a group whose timeout no test waits for.
func patient(t testing.TB, addrs ...netip.AddrPort) *upstream.Group {
	t.Helper()
	return newGroup(t, 10*time.Second, addrs...)
}

// options are those of a group of servers that are asked in the usual way.
func options(timeout time.Duration, addrs ...netip.AddrPort) upstream.Options {
	o := upstream.Options{Name: "default", Timeout: timeout}
	for _, addr := range addrs {
		o.Servers = append(o.Servers, upstream.Server{Addr: addr})
	}
	return o
}

func newGroup(t testing.TB, timeout time.Duration, addrs ...netip.AddrPort) *upstream.Group {
	t.Helper()
	g := upstream.New(options(timeout, addrs...), func() {})
	t.Cleanup(g.Close)
	return g
}

// outcome is what an exchange ended with.
type outcome struct {
	message wire.Message
	from    string
	err     error
}

// begin asks g at once; each call of done sends an outcome.
func begin(g *upstream.Group, q wire.UpstreamQuery) <-chan outcome {
	ended := make(chan outcome, 2) // one more than there should be
	g.Exchange(q, func(m wire.Message, from string, err error) { ended <- outcome{m, from, err} })
	g.Flush()
	return ended
}

// exchange asks g and waits for the end.
func exchange(g *upstream.Group, q wire.UpstreamQuery) (m wire.Message, from string, err error) {
	o := <-begin(g, q)
	return o.message, o.from, o.err
}

// wantAnswer asks for www.example and expects an answer with that address; it
// returns who gave it.
func wantAnswer(t testing.TB, g *upstream.Group, address string) (from string) {
	t.Helper()
	m, from, err := exchange(g, question("www.example"))
	if err != nil {
		t.Fatal(err)
	}
	if m.Rcode() != wire.NoError || !strings.Contains(m.Text(), address) {
		t.Errorf("%v %.200q, want NOERROR with %s", m.Rcode(), m.Text(), address)
	}
	return from
}

// wantError asks for www.example and expects that no server answers.
func wantError(t testing.TB, g *upstream.Group) *upstream.Error {
	t.Helper()
	m, from, err := exchange(g, question("www.example"))
	e, ok := errors.AsType[*upstream.Error](err)
	if !ok || !m.IsZero() || from != "" {
		t.Fatalf("Exchange = %v, %q, %v, want an Error", m, from, err)
	}
	return e
}

// good is an upstream that answers with 192.0.2.1.
func good(t testing.TB) *servertest.Upstream {
	t.Helper()
	return servertest.New(t, func(q *servertest.Query) { q.Respond(answer(q)) })
}

func TestQuery(t *testing.T) {
	u := good(t)
	g := patient(t, u.Addr)
	q := question("www.example")
	q.CD, q.DO = true, true
	if _, from, err := exchange(g, q); err != nil || from != u.Addr.String() {
		t.Fatalf("from %q, %v, want %v", from, err, u.Addr)
	}
	got := u.Queries()[0]
	o := got.IsEdns0()
	if !got.RecursionDesired || !got.CheckingDisabled || o == nil || !o.Do() || o.UDPSize() != 1232 || len(o.Option) != 1 || o.Option[0].Option() != dns.EDNS0COOKIE {
		t.Errorf("query\n%v\nwant RD, CD, and an OPT with DO, size 1232 and a cookie", got.Msg)
	}
	if g.Name() != "default" {
		t.Errorf("Name() = %q", g.Name())
	}
}

func TestIPv6(t *testing.T) {
	conn, err := net.ListenUDP("udp6", &net.UDPAddr{IP: net.IPv6loopback})
	if err != nil {
		t.Skip("no IPv6 on this machine: ", err)
	}
	served := make(chan error, 1)
	go func() {
		buf := make([]byte, 512)
		n, from, err := conn.ReadFromUDPAddrPort(buf)
		q := &servertest.Query{Msg: new(dns.Msg)}
		if err == nil {
			err = q.Unpack(buf[:n])
		}
		if err == nil {
			_, err = conn.WriteToUDPAddrPort(servertest.Pack(answer(q)), from)
		}
		served <- err
	}()
	addr := conn.LocalAddr().(*net.UDPAddr).AddrPort()
	if from := wantAnswer(t, patient(t, addr), "192.0.2.1"); from != addr.String() {
		t.Errorf("from %q, want %v", from, addr)
	}
	if err := errors.Join(<-served, conn.Close()); err != nil {
		t.Error(err)
	}
}

// IDs and ports are unpredictable: 100 queries hardly repeat an ID, and leave from most
// of the sockets that there may be.
func TestIDAndPortAreRandom(t *testing.T) {
	u := good(t)
	g := patient(t, u.Addr)
	ids, ports := map[uint16]bool{}, map[uint16]bool{}
	low, high := uint16(65535), uint16(0)
	for range 100 {
		wantAnswer(t, g, "192.0.2.1")
	}
	for _, q := range u.Queries() {
		ids[q.Id], ports[q.From.Port()] = true, true
		low, high = min(low, q.From.Port()), max(high, q.From.Port())
	}
	if len(ids) <= 90 || len(ports) <= 40 {
		t.Errorf("%v IDs, %v ports; want over 90 and over 40", len(ids), len(ports))
	}
	// The kernel's own choice is from 32768 to 60999.
	if low < 1024 || low > 20000 || high < 50000 {
		t.Errorf("ports from %v to %v, want them all over 1024 to 65535", low, high)
	}
}

func TestNextServer(t *testing.T) {
	silent := servertest.New(t, servertest.Silent)
	malformed := servertest.New(t, func(q *servertest.Query) {
		packet := servertest.Pack(answer(q))
		q.Send(packet[:len(packet)-2])
	})
	for name, first := range map[string]netip.AddrPort{
		"silent":    silent.Addr,
		"closed":    servertest.Closed(t),
		"SERVFAIL":  servertest.New(t, servertest.Rcode(dns.RcodeServerFailure)).Addr,
		"REFUSED":   servertest.New(t, servertest.Rcode(dns.RcodeRefused)).Addr,
		"FORMERR":   servertest.New(t, servertest.Rcode(dns.RcodeFormatError)).Addr,
		"NOTIMP":    servertest.New(t, servertest.Rcode(dns.RcodeNotImplemented)).Addr,
		"NOTAUTH":   servertest.New(t, servertest.Rcode(dns.RcodeNotAuth)).Addr,
		"malformed": malformed.Addr,
	} {
		t.Run(name, func(t *testing.T) {
			second := good(t)
			g := patient(t, first, second.Addr)
			start := time.Now()
			if from := wantAnswer(t, g, "192.0.2.1"); from != second.Addr.String() {
				t.Errorf("from %q, want the second server %v", from, second.Addr)
			}
			if took := time.Since(start); name != "silent" && took > prompt {
				t.Errorf("took %v, want no waiting", took)
			}
		})
	}
}

// A name that does not exist is an answer: nobody else is asked.
func TestNXDOMAINIsAnAnswer(t *testing.T) {
	first, second := servertest.New(t, servertest.Rcode(dns.RcodeNameError)), good(t)
	m, from, err := exchange(patient(t, first.Addr, second.Addr), question("www.example"))
	if err != nil || m.Rcode() != wire.NXDomain || from != first.Addr.String() {
		t.Errorf("%v from %q, %v; want NXDOMAIN from the first server", m.Rcode(), from, err)
	}
	if n := len(second.Queries()); n != 0 {
		t.Errorf("the second server got %v queries", n)
	}
}

func TestSecondBestIsReturned(t *testing.T) {
	servfail := servertest.New(t, servertest.Rcode(dns.RcodeServerFailure))
	refused := servertest.New(t, servertest.Rcode(dns.RcodeRefused))
	silent := servertest.New(t, servertest.Silent)
	for name, c := range map[string]struct {
		group *upstream.Group
		want  wire.Rcode
		from  *servertest.Upstream
	}{
		"the last":          {patient(t, refused.Addr, servfail.Addr), wire.ServFail, servfail},
		"closed otherwise":  {patient(t, refused.Addr, servertest.Closed(t)), wire.Refused, refused},
		"silence otherwise": {newGroup(t, time.Second, silent.Addr, servfail.Addr), wire.ServFail, servfail},
	} {
		m, from, err := exchange(c.group, question("www.example"))
		if err != nil || m.Rcode() != c.want || from != c.from.Addr.String() {
			t.Errorf("%s: %v from %q, %v; want %v from %v", name, m.Rcode(), from, err, c.want, c.from.Addr)
		}
	}
	if n := len(silent.Queries()); n != 2 {
		t.Errorf("the silent server got %v queries, want a second chance and no more", n)
	}
}

// A lost datagram is sent again, also to an only server.
func TestLostDatagramIsSentAgain(t *testing.T) {
	u := servertest.New(t, func(q *servertest.Query) {
		if q.Number > 1 {
			q.Respond(answer(q))
		}
	})
	start := time.Now()
	wantAnswer(t, newGroup(t, 4*time.Second, u.Addr), "192.0.2.1")
	if took := time.Since(start); took < upstream.MinResend || took > time.Second+generous {
		t.Errorf("took %v, want about %v", took, upstream.MinResend)
	}
	if q := u.Queries(); len(q) != 2 || q[0].Id == q[1].Id && q[0].From == q[1].From {
		t.Errorf("%v queries, want two with another ID or port", len(q))
	}
}

// A server that is dead costs the first query a wait, and not those after it.
func TestDeadServerIsNotAskedFirstAgain(t *testing.T) {
	dead, alive := servertest.New(t, servertest.Silent), good(t)
	g := newGroup(t, 2*time.Second, dead.Addr, alive.Addr)
	wantAnswer(t, g, "192.0.2.1")
	start := time.Now()
	hedges := hedged(t, g, 20)
	if took := time.Since(start); took > generous {
		t.Errorf("20 queries took %v, want no waiting for the dead server", took)
	}
	if n := len(dead.Queries()); n > 1+hedges {
		t.Errorf("the dead server got %v queries, want 1, and %v while the other was late", n, hedges)
	}
}

// The server that answered well is asked first, from then on.
func TestServerThatAnsweredIsAskedFirst(t *testing.T) {
	first, second := servertest.New(t, servertest.Rcode(dns.RcodeServerFailure)), good(t)
	g := patient(t, first.Addr, second.Addr)
	for range 5 {
		wantAnswer(t, g, "192.0.2.1")
	}
	if n := len(first.Queries()); n != 1 {
		t.Errorf("the first server got %v queries, want 1", n)
	}
}

// onlyWWW answers for www.example, and has trouble with all other names.
func onlyWWW(q *servertest.Query) {
	if q.Name() == "www.example." {
		q.Respond(answer(q))
		return
	}
	servertest.Rcode(dns.RcodeServerFailure)(q)
}

// A dead server loses its place also when nobody else has an answer.
func TestDeadServerLosesItsPlace(t *testing.T) {
	first, second := servertest.New(t, servertest.Silent), servertest.New(t, onlyWWW)
	g := newGroup(t, time.Second, first.Addr, second.Addr)
	if m, _, err := exchange(g, question("bogus.example")); err != nil || m.Rcode() != wire.ServFail {
		t.Fatalf("%v, %v, want SERVFAIL", m.Rcode(), err)
	}
	before := len(first.Queries())
	wantAnswer(t, g, "192.0.2.1")
	if n := len(first.Queries()); n != before {
		t.Error("the dead server was asked first again")
	}
}

// A server that has no answer for one name stays the first for others.
func TestRefusalKeepsTheOrder(t *testing.T) {
	first, second := servertest.New(t, onlyWWW), servertest.New(t, servertest.Silent)
	g := newGroup(t, 600*time.Millisecond, first.Addr, second.Addr)
	if m, _, err := exchange(g, question("bogus.example")); err != nil || m.Rcode() != wire.ServFail {
		t.Fatalf("%v, %v, want SERVFAIL", m.Rcode(), err)
	}
	if from := wantAnswer(t, g, "192.0.2.1"); from != first.Addr.String() {
		t.Errorf("from %q, want the first server", from)
	}
}

// A server that had no time to answer is not to blame.
func TestTimeThatIsUpKeepsTheOrder(t *testing.T) {
	late := func(q *servertest.Query) {
		if q.Name() == "www.example." {
			q.Respond(answer(q))
		}
	}
	first, second := servertest.New(t, late), servertest.New(t, late)
	g := newGroup(t, 2*time.Second, first.Addr, second.Addr)
	if _, _, err := exchange(g, question("late.example")); err == nil {
		t.Fatal("no error, want silence")
	}
	if from := wantAnswer(t, g, "192.0.2.1"); from != first.Addr.String() {
		t.Errorf("from %q, want the first server, which was asked last", from)
	}
}

func TestError(t *testing.T) {
	closed, notImp := servertest.Closed(t), servertest.New(t, servertest.Rcode(dns.RcodeNotImplemented))
	err := wantError(t, patient(t, closed, notImp.Addr))
	want := []upstream.Failure{
		{Server: closed.String(), Text: "connection refused"},
		{Server: notImp.Addr.String(), Text: "answered NOTIMP"},
	}
	if d := cmp.Diff(want, err.Failures); d != "" {
		t.Error(d)
	}
	text := "upstream default: " + closed.String() + ": connection refused; " + notImp.Addr.String() + ": answered NOTIMP"
	if err.Error() != text || err.Timeout() {
		t.Errorf("error %q, Timeout() %v; want %q, false", err, err.Timeout(), text)
	}
	silent := servertest.New(t, servertest.Silent)
	err = wantError(t, newGroup(t, 300*time.Millisecond, silent.Addr, closed))
	if err.Timeout() || !strings.Contains(err.Error(), ": no answer in ") || !strings.Contains(err.Error(), "; ") {
		t.Errorf("error %q, Timeout() %v; want the silence and false", err, err.Timeout())
	}
	if err := wantError(t, patient(t)); err.Error() != "upstream default: no servers" || err.Timeout() {
		t.Errorf("without servers: %q, Timeout() %v", err, err.Timeout())
	}
}

// The usual port goes without saying.
func TestServerNames(t *testing.T) {
	g := newGroup(t, time.Nanosecond, netip.MustParseAddrPort("192.0.2.1:53"), netip.MustParseAddrPort("[::ffff:192.0.2.2]:5353"), netip.MustParseAddrPort("[2001:db8::1]:53"))
	_, _, err := exchange(g, question("www.example"))
	e, ok := errors.AsType[*upstream.Error](err)
	if !ok || !e.Timeout() || !strings.HasSuffix(e.Error(), ": not asked, no time left") {
		t.Fatalf("error %v, want a timeout before anybody was asked", err)
	}
	var got []string
	for _, f := range e.Failures {
		got = append(got, f.Server)
	}
	if d := cmp.Diff([]string{"192.0.2.1", "192.0.2.2:5353", "2001:db8::1"}, got); d != "" {
		t.Error(d)
	}
}
