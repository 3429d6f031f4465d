package wire_test

import (
	"slices"
	"testing"

	"github.com/miekg/dns"

	"splitdns/server/internal/wire"
)

// gone is what a signed zone says of a name that does not exist.
var gone = response{rcode: dns.RcodeNameError, ad: true, authority: []string{
	"example. 900 IN SOA a. b. 1 2 3 4 600", sig("example.", "SOA", "example."), "f.example. 700 IN NSEC h.example. A",
}}

// TestFor gives one denial as the answer to other questions: it is what the name itself would
// have got, question and all.
func TestFor(t *testing.T) {
	m := gone.parse(t, "gone.example A")
	for _, asked := range []string{"gone.example AAAA", "www.gone.example A", "www.gone.example HTTPS"} {
		got, want := m.For(question(t, asked)), gone.parse(t, asked)
		if shown(t, got).String() != shown(t, want).String() || got.End() != want.End() || !got.DeniesName() {
			t.Errorf("%s:\n%v\nwant\n%v", asked, shown(t, got), shown(t, want))
		}
	}
	for name, r := range map[string]response{
		"an answer":             {answer: []string{"gone.example. A 192.0.2.1"}},
		"NODATA":                {authority: gone.authority[:1]},
		"NXDOMAIN of a target":  {rcode: dns.RcodeNameError, answer: []string{"gone.example. CNAME b.example."}, authority: gone.authority[:1]},
		"no answer to anything": {rcode: dns.RcodeServerFailure},
	} {
		m := r.parse(t, "gone.example A")
		if got := m.For(question(t, "www.gone.example A")); got.Question() != m.Question() || m.DeniesName() {
			t.Errorf("%s: is made the answer to %v", name, got.Question())
		}
	}
}

func TestStale(t *testing.T) {
	m := response{ad: true, answer: []string{"www.example. 300 IN CNAME b.example.", "b.example. 0 IN A 192.0.2.1"}}.parse(t, "www.example A")
	got := shown(t, m.Stale(30))
	if got.AuthenticatedData || len(got.Answer) != 2 {
		t.Errorf("stale:\n%v\nwant both records, without AD", got)
	}
	for _, rr := range got.Answer {
		if rr.Header().Ttl != 30 {
			t.Errorf("%v, want TTL 30", rr)
		}
	}
	if !m.AD() {
		t.Error("the message itself has changed")
	}
}

// TestCapSOA holds that the SOA of a negative answer and its signatures have its MINIMUM for a
// TTL at most, and nothing else another one.
func TestCapSOA(t *testing.T) {
	for name, c := range map[string]struct {
		from response
		want []uint32 // of the authority section
	}{
		"NXDOMAIN":        {gone, []uint32{300, 300, 700}}, // of an RRset with its signatures, the lowest
		"a short MINIMUM": {response{authority: []string{"example. 900 IN SOA a. b. 1 2 3 4 6", sig("example.", "SOA", "example.")}}, []uint32{6, 6}},
		"a short TTL":     {response{authority: []string{"example. 5 IN SOA a. b. 1 2 3 4 600"}}, []uint32{5}},
		"a large MINIMUM": {response{authority: []string{"example. 5 IN SOA a. b. 1 2 3 4 4294967295"}}, []uint32{5}},
		"without SOA":     {response{rcode: dns.RcodeNameError}, nil},
		"an answer":       {response{answer: []string{"gone.example. A 192.0.2.1"}, authority: gone.authority[:1]}, []uint32{900}},
	} {
		m := c.from.parse(t, "gone.example A")
		before := shown(t, m).String()
		var got []uint32
		for _, rr := range shown(t, m.CapSOA()).Ns {
			got = append(got, rr.Header().Ttl)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: TTLs %v, want %v", name, got, c.want)
		}
		if shown(t, m).String() != before {
			t.Errorf("%s: the message itself has changed", name)
		}
	}
}

func TestWithEDEs(t *testing.T) {
	m := wire.NewMessage(question(t, "www.example A"), wire.ServFail)
	e := wire.EDE{Code: wire.EDENoReachable, Text: "silence"}
	if got := m.WithEDEs(e).EDEs(); !slices.Equal(got, []wire.EDE{e}) || len(m.EDEs()) != 0 {
		t.Errorf("%v, and the message itself has %v; want %v and none", got, m.EDEs(), e)
	}
}
