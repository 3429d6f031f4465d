package upstream_test

import (
	"bytes"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"splitdns/server/internal/servertest"
	"splitdns/server/internal/upstream"
	"splitdns/server/internal/wire"
)

// long is a name with so many letters that a random spelling is hardly ever lower case.
const long = "a-name-with-many-letters-in-it.example"

// respelled answers as a server that spells the name in its own way.
func respelled(q *servertest.Query, name func(string) string) {
	m := answer(q)
	m.Question[0].Name = name(m.Question[0].Name)
	q.Respond(m)
}

// askLong asks for the long name and expects an answer.
func askLong(t testing.TB, g *upstream.Group) wire.Message {
	t.Helper()
	m, _, err := exchange(g, question(long))
	if err != nil || !strings.Contains(m.Text(), "192.0.2.1") {
		t.Fatalf("%v, %v, want an answer", m.Text(), err)
	}
	return m
}

// Each letter is in random case, and nothing else is changed.
func TestSpell(t *testing.T) {
	const name = "\x05a0-_z\x1eABCDEFGHIJKLMNOPQRSTUVWXYZ\x00\xe4[@\x00"
	upper, was := make([]int, len(name)), map[string]bool{}
	for range 200 {
		b := []byte(name)
		upstream.Spell(b)
		for i := range b {
			if b[i] != name[i] && b[i]^0x20 != name[i] {
				t.Fatalf("%q, want the letters of %q", b, name)
			}
			if b[i] >= 'A' && b[i] <= 'Z' {
				upper[i]++
			}
		}
		was[string(b)] = true
	}
	for i, n := range upper {
		letter := name[i] == 'a' || name[i] == 'z' || name[i] >= 'A' && name[i] <= 'Z'
		if letter && (n < 50 || n > 150) || !letter && n > 0 && name[i] != '\x1e' {
			t.Errorf("octet %q is in upper case %v times of 200", name[i], n)
		}
	}
	if len(was) != 200 {
		t.Errorf("%v spellings of 200, want each another", len(was))
	}
}

// Names go over UDP in random case; the answer is in lower case all the same, also where its
// names point to the question.
func TestSpellingIsRandomAndUnseen(t *testing.T) {
	u := servertest.New(t, func(q *servertest.Query) {
		m := new(dns.Msg).SetReply(q.Msg)
		m.Compress = true
		name := q.Question[0].Name
		m.Answer = []dns.RR{
			&dns.CNAME{Hdr: dns.RR_Header{Name: name, Rrtype: dns.TypeCNAME, Class: dns.ClassINET, Ttl: 60}, Target: "to." + name},
			&dns.A{Hdr: dns.RR_Header{Name: "to." + name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 60}, A: net.IPv4(192, 0, 2, 1)},
		}
		q.Respond(m)
	})
	g := patient(t, u.Addr)
	for range 5 {
		text := strings.NewReplacer("CNAME", "", "IN", "", "A", "").Replace(askLong(t, g).Text())
		if !strings.Contains(text, "to."+long) || text != strings.ToLower(text) {
			t.Errorf("%q, want names in lower case", text)
		}
	}
	spelled := map[string]bool{}
	for _, q := range u.Queries() {
		spelled[q.Question[0].Name] = true
		if q.TCP || q.Name() != long+"." {
			t.Errorf("query for %q, over TCP: %v", q.Question[0].Name, q.TCP)
		}
	}
	if len(spelled) != 5 || spelled[long+"."] {
		t.Errorf("spellings %v, want 5 others", spelled)
	}
}

// A response in another case is not believed over UDP; what the server says over TCP is,
// and shows whether it is an odd one.
func TestServerThatDoesNotKeepCase(t *testing.T) {
	for name, c := range map[string]struct {
		overTCP func(string) string
		want    string // how queries came: U spelled over UDP, u in lower case, t over TCP
		lower   bool   // it is known to be odd
	}{
		"not over TCP either": {strings.ToLower, "Utuuu", true},
		"but over TCP":        {func(s string) string { return s }, "UtUtUtUt", false},
	} {
		t.Run(name, func(t *testing.T) {
			u := servertest.New(t, func(q *servertest.Query) {
				if q.TCP {
					respelled(q, c.overTCP)
					return
				}
				m := answer(q)
				if m.Question[0].Name = q.Name(); q.Question[0].Name != q.Name() {
					m.Answer[0].(*dns.A).A = net.IPv4(203, 0, 113, 66) // forged, for all that we know
				}
				q.Respond(m)
			})
			g := patient(t, u.Addr)
			for range 4 {
				askLong(t, g)
			}
			var over strings.Builder
			for _, q := range u.Queries() {
				switch {
				case q.TCP:
					over.WriteString("t")
				case q.Question[0].Name == q.Name():
					over.WriteString("u")
				default:
					over.WriteString("U")
				}
			}
			if over.String() != c.want || stateOf(g, 0).LowerCase != c.lower {
				t.Errorf("queries %v, %+v; want %v, and lower case known %v", &over, stateOf(g, 0), c.want, c.lower)
			}
		})
	}
}

// Forged responses in another case, however many, change nothing for a server that keeps it.
func TestForgedCase(t *testing.T) {
	u := servertest.New(t, func(q *servertest.Query) {
		if !q.TCP {
			q.Send(forged(q, func(m *dns.Msg) { m.Question[0].Name = strings.ToLower(m.Question[0].Name) }))
		}
		q.Respond(answer(q))
	})
	g := patient(t, u.Addr)
	for range 12 {
		askLong(t, g)
	}
	if stateOf(g, 0).LowerCase {
		t.Error("the server is asked in lower case")
	}
}

// A server that keeps no case and has no TCP is believed all the same, and asked in lower case
// from then on.
func TestServerWithoutCaseAndTCP(t *testing.T) {
	u := servertest.New(t, func(q *servertest.Query) { respelled(q, strings.ToLower) })
	u.CloseTCP()
	g := patient(t, u.Addr)
	for range 3 {
		askLong(t, g)
	}
	if n := len(u.Queries()); n != 4 || !stateOf(g, 0).LowerCase {
		t.Errorf("%v queries, %+v; want one more than answers", n, stateOf(g, 0))
	}
}

// The EDNS fallback keeps what the server did not deny.
func TestSpelledWithoutEDNS(t *testing.T) {
	u := servertest.New(t, func(q *servertest.Query) {
		if q.IsEdns0() != nil {
			servertest.Rcode(dns.RcodeFormatError)(q)
			return
		}
		q.Respond(answer(q))
	})
	g := newGroup(t, 5*time.Second, u.Addr)
	askLong(t, g)
	if q := u.Queries(); len(q) != 2 || q[1].Question[0].Name == q[1].Name() || bytes.Equal(q[0].Packet[12:], q[1].Packet[12:]) {
		t.Errorf("%v queries, want two that are spelled at random", len(q))
	}
}
