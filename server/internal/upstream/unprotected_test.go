package upstream_test

import (
	"testing"
	"time"

	"splitdns/server/internal/servertest"
	"splitdns/server/internal/upstream"
)

// Where nobody else can answer, names are in lower case and there is no cookie; and nothing is
// sent again that cannot be lost, before half of the time is up.
func TestStreamsNeedNoProtection(t *testing.T) {
	u := servertest.New(t, func(q *servertest.Query) {
		if q.Number > 1 {
			q.Respond(answer(q))
		}
	})
	o := options(2*upstream.MinResend+time.Second, u.Addr)
	o.Servers[0].Transport = upstream.TCP
	g := upstream.New(o, func() {})
	t.Cleanup(g.Close)
	start := time.Now()
	askLong(t, g)
	if took := time.Since(start); took < upstream.MinResend+time.Second/2 {
		t.Errorf("asked again after %v, want half of the time", took)
	}
	if n := len(u.Queries()); n != 2 {
		t.Errorf("%v queries, want 2", n)
	}
	for _, q := range u.Queries() {
		if !q.TCP || q.Question[0].Name != long+"." || cookieOf(q.Msg) != "" {
			t.Errorf("query\n%v\nwant one over TCP, in lower case and without a cookie", q.Msg)
		}
	}
}
