package integration_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"regexp"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// proper is what an upstream may be asked: a query for one question of class IN,
// with nothing of the client's but DO and CD.
var proper = regexp.MustCompile(`^(udp|tcp) \S+ .+\.( cd)?( do)?$`)

// A hundred packets that are wrong each in its own way: none ends the server,
// and none makes it ask anybody.
func TestMalformedPackets(t *testing.T) {
	packets := malformed(t)
	if len(packets) < 100 {
		t.Errorf("%d packets, want a hundred", len(packets))
	}
	u := startUpstream(t, answers, "good.example. A 192.0.2.1")
	p := start(t, "--upstream", u.addr)
	c := dialUDP(t, p.Addr)
	for _, packet := range packets {
		sendRaw(t, c, packet)
		sendTCP(t, p.Addr, packet)
	}
	endProperly(t, p)
	if got, want := u.asked.String(), "udp A good.example.\n"; got != want {
		t.Errorf("the upstream was asked\n%s\nwant only\n%s", got, want)
	}
}

// endProperly makes sure that p still answers, and ends it as a supervisor does,
// with every query under way.
func endProperly(t *testing.T, p *process) {
	t.Helper()
	exchange(t, p.Addr, "good.example.")
	if err := p.signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if code, err := p.wait(); code != 0 || err != nil {
		t.Fatalf("exit code %d, %v, want 0", code, err)
	}
}

// dialUDP opens a socket to addr that is closed with the test.
func dialUDP(t *testing.T, addr string) net.Conn {
	t.Helper()
	c, err := net.Dial("udp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// sendRaw sends one datagram.
func sendRaw(t *testing.T, c net.Conn, packet []byte) {
	t.Helper()
	if _, err := c.Write(packet); err != nil {
		t.Fatal(err)
	}
}

// sendTCP sends a packet over a connection of its own and waits until the server
// has closed it.
func sendTCP(t *testing.T, addr string, packet []byte) {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	framed := append(binary.BigEndian.AppendUint16(nil, uint16(len(packet))), packet...)
	err = errors.Join(c.SetDeadline(time.Now().Add(patience)), write(c, framed), c.(*net.TCPConn).CloseWrite())
	if err != nil && !errors.Is(err, syscall.EPIPE) && !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, syscall.ENOTCONN) {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, c); errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the connection stays open after %x", packet)
	}
}

// write writes all of b.
func write(w io.Writer, b []byte) error {
	_, err := w.Write(b)
	return err
}

// Offsets in a query (RFC 1035, section 4.1.1).
const (
	atFlags     = 2
	atQuestions = 4
	atAnswers   = 6
	atAuthority = 8
	atMore      = 10
	atName      = 12
)

// pack packs a query for hostile.example, with an OPT record that edit may change.
func pack(t *testing.T, edit func(m *dns.Msg, o *dns.OPT)) []byte {
	t.Helper()
	m := new(dns.Msg).SetQuestion("hostile.example.", dns.TypeA).SetEdns0(dns.DefaultMsgSize, false)
	edit(m, m.IsEdns0())
	b, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// wellFormed are queries that mutate damages.
func wellFormed(t *testing.T) [][]byte {
	t.Helper()
	return [][]byte{
		pack(t, func(m *dns.Msg, _ *dns.OPT) { m.Extra = nil }),
		pack(t, func(*dns.Msg, *dns.OPT) {}),
		pack(t, func(m *dns.Msg, _ *dns.OPT) { m.Question[0].Qclass, m.Question[0].Qtype = dns.ClassCHAOS, dns.TypeTXT }),
		pack(t, func(_ *dns.Msg, o *dns.OPT) {
			o.SetDo()
			o.Option = append(o.Option,
				&dns.EDNS0_COOKIE{Code: dns.EDNS0COOKIE, Cookie: "0011223344556677"},
				&dns.EDNS0_SUBNET{Code: dns.EDNS0SUBNET, Family: 1, SourceNetmask: 24, Address: net.IPv4(192, 0, 2, 0)})
		}),
	}
}

// mutate damages a copy of a query.
func mutate(chance *rand.Rand, query []byte) []byte {
	b := slices.Clone(query)
	const most = 6
	for range 1 + chance.IntN(most) {
		at := chance.IntN(len(b))
		switch chance.IntN(5) {
		case 0:
			b = b[:at]
		case 1:
			b = slices.Insert(b, at, byte(chance.Uint32()))
		case 2:
			b = slices.Delete(b, at, at+1)
		default:
			b[at] = byte(chance.Uint32())
		}
		if len(b) == 0 {
			break
		}
	}
	return b
}

// malformed are packets that no proper client sends, and that nobody is asked for.
func malformed(t *testing.T) [][]byte {
	t.Helper()
	query := pack(t, func(*dns.Msg, *dns.OPT) {})
	var packets [][]byte
	for n := range query { // cut short everywhere
		packets = append(packets, query[:n])
	}
	for field, values := range map[int][]uint16{
		atQuestions: {0, 2, 255, 65535},
		atAnswers:   {1, 2, 65535},
		atAuthority: {1, 2, 65535},
		atMore:      {0, 2, 65535},
	} {
		for _, v := range values {
			packets = append(packets, with(query, field, v))
		}
	}
	packets = append(packets, with(query, atFlags, 0x8100)) // a response
	const opcodes, opcodeShift, recursion = 16, 11, 0x100
	for opcode := uint16(1); opcode < opcodes; opcode++ {
		packets = append(packets, with(query, atFlags, opcode<<opcodeShift|recursion))
	}
	packets = append(packets, badNames(query)...)
	packets = append(packets, badQuestions(t)...)
	packets = append(packets, badRecords(t, query)...)
	return append(packets,
		make([]byte, 512), bytes.Repeat([]byte{0xff}, 512), make([]byte, 60000),
		append(slices.Clone(query), 0), append(slices.Clone(query), make([]byte, 100)...),
	)
}

// with is packet with another number at an offset.
func with(packet []byte, offset int, v uint16) []byte {
	b := slices.Clone(packet)
	binary.BigEndian.PutUint16(b[offset:], v)
	return b
}

// badNames are queries for what is no name (RFC 1035, section 3.1 and 4.1.4).
func badNames(query []byte) [][]byte {
	head, tail := query[:atName], query[atName+len("\x07hostile\x07example\x00"):]
	label := append([]byte{63}, bytes.Repeat([]byte{'x'}, 63)...)
	var packets [][]byte
	for _, name := range [][]byte{
		{0xc0, atName},          // a pointer to itself
		{0xc0, 0x00},            // into the header
		{0xc0, 0xff},            // behind the end
		{0xff, 0xff},            // far behind the end
		{1, 'x', 0xc0, atName},  // round and round
		{0x40, 0x00},            // label types that are no more (RFC 6891, section 5)
		{0x80, 0x00},            // or never were
		{63, 'x', 0},            // longer than the packet
		bytes.Repeat(label, 4),  // 256 octets, and no root
		bytes.Repeat(label, 20), // and more
		{},                      // none
	} {
		packets = append(packets, slices.Concat(head, name, tail))
	}
	return packets
}

// badQuestions are queries for what cannot be asked, or not here.
func badQuestions(t *testing.T) [][]byte {
	t.Helper()
	var packets [][]byte
	for _, qtype := range []uint16{
		0, dns.TypeOPT, dns.TypeTKEY, dns.TypeTSIG, dns.TypeIXFR, dns.TypeAXFR, dns.TypeMAILB, dns.TypeMAILA, dns.TypeANY,
	} {
		packets = append(packets, pack(t, func(m *dns.Msg, _ *dns.OPT) { m.Question[0].Qtype = qtype }))
	}
	for _, class := range []uint16{0, 2, dns.ClassCHAOS, dns.ClassHESIOD, dns.ClassNONE, dns.ClassANY, 65535} {
		packets = append(packets, pack(t, func(m *dns.Msg, _ *dns.OPT) { m.Question[0].Qclass = class }))
	}
	return append(packets,
		pack(t, func(m *dns.Msg, _ *dns.OPT) { m.Question = append(m.Question, m.Question[0]) }),
		pack(t, func(m *dns.Msg, _ *dns.OPT) { m.Answer = forged("hostile.example.") }),
		pack(t, func(m *dns.Msg, _ *dns.OPT) { m.Ns = forged("hostile.example.") }))
}

// badRecords are queries whose OPT or TSIG record is wrong.
func badRecords(t *testing.T, query []byte) [][]byte {
	t.Helper()
	const optSize = 11 // without options
	head := query[:len(query)-optSize]
	opt := func(rdlength string, data ...byte) []byte {
		return slices.Concat(head, []byte("\x00\x00\x29\x04\xd0\x00\x00\x00\x00"), []byte(rdlength), data)
	}
	return [][]byte{
		pack(t, func(m *dns.Msg, o *dns.OPT) { m.Extra = append(m.Extra, o) }),
		pack(t, func(_ *dns.Msg, o *dns.OPT) { o.SetVersion(1) }),
		pack(t, func(_ *dns.Msg, o *dns.OPT) { o.SetVersion(255) }),
		pack(t, func(_ *dns.Msg, o *dns.OPT) { o.Hdr.Name = "example." }),
		pack(t, func(m *dns.Msg, _ *dns.OPT) { m.SetTsig("key.example.", dns.HmacSHA256, 300, 0) }),
		opt("\x00\x01"),                          // data that is not there
		opt("\xff\xff"),                          // far more
		opt("\x00\x03", 0, 10, 0),                // half an option
		opt("\x00\x04", 0, 10, 0, 8),             // an option that runs off
		opt("\x00\x04", 0, 8, 0, 0),              // a client subnet without a family
		opt("\x00\x08", 0, 8, 0, 4, 0, 1, 33, 0), // of 33 bits
		opt("\x00\x08", 0, 8, 0, 4, 0, 1, 24, 0), // without an address
	}
}
