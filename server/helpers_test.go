package server_test

import (
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"github.com/miekg/dns"

	"splitdns/server"
	"splitdns/server/config"
	"splitdns/server/internal/wire"
)

// client is who asks in most tests: in "local", an administrator.
var client = netip.MustParseAddr("127.0.0.1")

// stranger is served in no test.
var stranger = netip.MustParseAddr("203.0.113.99")

// exchange is an upstream group that is a function.
type exchange func(q wire.UpstreamQuery) (m wire.Message, from string, err error)

// Exchange calls x, and done before it returns.
func (x exchange) Exchange(q wire.UpstreamQuery, done func(m wire.Message, from string, err error)) {
	done(x(q))
}

// Flush does nothing: nothing is put off.
func (x exchange) Flush() {}

// Close does nothing.
func (x exchange) Close() {}

// behind is an exchange that does not hold up who asks.
type behind exchange

// Exchange has x called, and done later.
func (x behind) Exchange(q wire.UpstreamQuery, done func(m wire.Message, from string, err error)) {
	go func() { done(x(q)) }()
}

// Flush does nothing: nothing is put off.
func (x behind) Flush() {}

// Close does nothing.
func (x behind) Close() {}

// newBehind returns a server on the configuration text that asks x and does not wait.
func newBehind(t testing.TB, text string, x exchange) *server.Bench {
	t.Helper()
	b, err := newBench(t, text, notAsked(t)).Again(func(config.Upstream) server.Exchanger { return behind(x) })
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// everywhere is the Dialer that makes all groups x.
func everywhere(x exchange) server.Dialer {
	return func(config.Upstream) server.Exchanger { return x }
}

// parseConfig reads a configuration whose relative paths begin in testdata and
// whose default upstream is never really asked.
func parseConfig(t testing.TB, text string) *config.Config {
	t.Helper()
	if !strings.Contains(text, "[upstream.default]") {
		text += "\n[upstream.default]\nservers = [\"192.0.2.53\"]\n"
	}
	c, problems := config.Parse("testdata/config.toml", []byte(text))
	if c == nil {
		t.Fatalf("the configuration of the test has problems:\n%v", problems)
	}
	return c
}

// compiled holds a *server.Bench for each configuration text seen so far: to
// compile all bundled zones again for each test is most of what a test costs.
var compiled sync.Map

// newBench returns a server on the configuration text that asks x.
func newBench(t testing.TB, text string, x exchange) *server.Bench {
	t.Helper()
	first, ok := compiled.Load(text)
	if !ok {
		b, err := server.NewBench(parseConfig(t, text), everywhere(notAsked(t)))
		if err != nil {
			t.Fatal(err)
		}
		first, _ = compiled.LoadOrStore(text, b)
	}
	b, err := first.(*server.Bench).Again(everywhere(x))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// says is an upstream that always says what script does (see respond).
func says(t testing.TB, script string) exchange {
	return func(q wire.UpstreamQuery) (wire.Message, string, error) {
		return respond(t, q.Question, script), "192.0.2.53", nil
	}
}

// respond makes a response of a script: a record a line, as in a zone file; "au "
// and "ar " before it put it into the authority and additional section, "rcode X"
// and "ad" speak for themselves.
func respond(t testing.TB, q wire.Question, script string) wire.Message {
	t.Helper()
	m := new(dns.Msg)
	m.Response, m.RecursionAvailable = true, true
	m.Question = []dns.Question{{Name: dns.Fqdn(q.Name.String()), Qtype: uint16(q.Type), Qclass: uint16(q.Class)}}
	for line := range strings.Lines(script) {
		readLine(t, m, strings.TrimSpace(line))
	}
	packet, err := m.Pack()
	if err != nil {
		t.Fatalf("response to %v: %v", q, err)
	}
	response, err := wire.ParseResponse(packet, q)
	if err != nil {
		t.Fatal(err)
	}
	return response
}

// readLine reads one line of a script.
func readLine(t testing.TB, m *dns.Msg, line string) {
	t.Helper()
	first, rest, _ := strings.Cut(line, " ")
	section := &m.Answer
	switch first {
	case "":
		return
	case "ad":
		m.AuthenticatedData = true
		return
	case "tc":
		m.Truncated = true
		return
	case "rcode":
		m.Rcode = dns.StringToRcode[rest]
		return
	case "au":
		section, line = &m.Ns, rest
	case "ar":
		section, line = &m.Extra, rest
	}
	rr, err := dns.NewRR(line)
	if err != nil {
		t.Fatal(err)
	}
	*section = append(*section, rr)
}

// question makes a query of words such as "www.example AAAA +do +ad +cd +noedns
// +nord", or "CH" before a type; the type is A if there is none. IDs are 4711.
func question(words string) *dns.Msg {
	m := new(dns.Msg).SetEdns0(1232, false)
	m.Id, m.RecursionDesired = 4711, true
	q := dns.Question{Qtype: dns.TypeA, Qclass: dns.ClassINET}
	for i, word := range strings.Fields(words) {
		switch {
		case i == 0:
			q.Name = dns.Fqdn(word)
		case word == "+do":
			m.IsEdns0().SetDo()
		case word == "+ad":
			m.AuthenticatedData = true
		case word == "+cd":
			m.CheckingDisabled = true
		case word == "+nord":
			m.RecursionDesired = false
		case word == "+noedns":
			m.Extra = nil
		case dns.StringToClass[word] != 0 && word != "ANY":
			q.Qclass = dns.StringToClass[word]
		default:
			q.Qtype = dns.StringToType[word]
		}
	}
	m.Question = []dns.Question{q}
	return m
}

// ask asks b as client and returns the response.
func ask(t testing.TB, b *server.Bench, words string) *dns.Msg {
	t.Helper()
	return send(t, b, question(words), client, false)
}

// send gives b a query and returns the response, which must be one to it.
func send(t testing.TB, b *server.Bench, q *dns.Msg, from netip.Addr, tcp bool) *dns.Msg {
	t.Helper()
	packet, err := q.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return unpack(t, b.Serve(packet, from, tcp), q)
}

// unpack reads the response to q.
func unpack(t testing.TB, packet []byte, q *dns.Msg) *dns.Msg {
	t.Helper()
	m := new(dns.Msg)
	if err := m.Unpack(packet); err != nil {
		t.Fatalf("response to %v: %v", q.Question, err)
	}
	if !m.Response || m.Id != q.Id || len(m.Question) != 1 || m.Question[0] != q.Question[0] {
		t.Fatalf("response %v\nis not one to\n%v", m, q)
	}
	return m
}

// edes are the extended errors of m as "CODE text".
func edes(m *dns.Msg) []string {
	var all []string
	if o := m.IsEdns0(); o != nil {
		for _, option := range o.Option {
			if e, ok := option.(*dns.EDNS0_EDE); ok {
				all = append(all, strings.TrimSpace(fmt.Sprint(e.InfoCode, " ", e.ExtraText)))
			}
		}
	}
	return all
}

// addresses are the A and AAAA records of the answer section of m.
func addresses(m *dns.Msg) []string {
	var all []string
	for _, rr := range m.Answer {
		switch rr := rr.(type) {
		case *dns.A:
			all = append(all, rr.A.String())
		case *dns.AAAA:
			all = append(all, rr.AAAA.String())
		}
	}
	return all
}

// texts are the TXT records of the answer section of m, each as one string.
func texts(m *dns.Msg) []string {
	var all []string
	for _, rr := range m.Answer {
		if txt, ok := rr.(*dns.TXT); ok {
			all = append(all, strings.Join(txt.Txt, ""))
		}
	}
	return all
}
