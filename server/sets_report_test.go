package server_test

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"splitdns/server/internal/wire"
)

// TestExplainSets holds the words about sets, and who sees which.
func TestExplainSets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, setsConfig+"[rule.blind]\nnames = ['blind.example']\nlog = true\n", func(q wire.UpstreamQuery) (wire.Message, string, error) {
			n := q.Question.Name
			return respond(t, q.Question, fmt.Sprintf("%v. 300 IN A 192.0.2.1\n%v. 300 IN A 198.51.100.1", n, n)), "192.0.2.53", nil
		})
		w := newWalls(b)
		ask(t, b, "a.all.office.example")
		time.Sleep(10 * time.Second)
		delete(w.ends, inSet{"inet filter all", netip.MustParseAddr("198.51.100.1")})
		facts := func() string { return strings.Join(texts(ask(t, b, "a.all.office.example CH TXT")), "\n") }
		got := facts()
		for _, want := range []string{
			" sets=inet#filter#all,inet#filter#a4,inet#filter#a6\n",
			"\nset inet#filter#all 192.0.2.1=590 198.51.100.1=none\n",
			"\nset inet#filter#a4 192.0.2.1=590 198.51.100.1=outside\n",
		} {
			if !strings.Contains(got, want) {
				t.Errorf("%q is not in\n%s", want, got)
			}
		}
		if strings.Contains(got, "set inet#filter#a6") {
			t.Errorf("an IPv4 address in a set for IPv6:\n%s", got)
		}
		w.fault = errors.New("set inet filter all: it is not there")
		if got := facts(); !strings.Contains(got, "\nset inet#filter#all 192.0.2.1=unknown 198.51.100.1=unknown\nset-failure inet#filter#all set inet filter all: it is not there\n") {
			t.Errorf("without the set:\n%s", got)
		}
		if got := strings.Join(texts(ask(t, b, "blind.example CH TXT")), "\n"); strings.Contains(got, "set") {
			t.Errorf("a name without sets:\n%s", got)
		}
	})
}

// TestExplainWhyAddressesAreNotInSets holds that an address which goes into no set is listed with the
// reason, and that what is wrong with a set that can be read is said.
func TestExplainWhyAddressesAreNotInSets(t *testing.T) {
	b := newBench(t, setsConfig+"[rule.four]\nnames = ['four.example']\nsets = ['inet filter four']\n", func(q wire.UpstreamQuery) (wire.Message, string, error) {
		n := q.Question.Name
		return respond(t, q.Question, map[wire.Type]string{
			wire.TypeA:    fmt.Sprintf("%[1]v. 300 IN A 192.0.2.1\n%[1]v. 300 IN A 198.51.100.1\n%[1]v. 300 IN A 240.0.0.1", n),
			wire.TypeAAAA: fmt.Sprintf("%v. 300 IN AAAA 2001:db8::1", n),
		}[q.Question.Type]), "192.0.2.53", nil
	})
	w := newWalls(b)
	w.sick = "it is full (size 3)"
	for name, want := range map[string][]string{
		"a.office.example": {
			"set inet#filter#a4 192.0.2.1=599 198.51.100.1=outside 240.0.0.1=private", "set-failure inet#filter#a4 set inet filter a4: it is full (size 3)",
			"set inet#filter#a6 2001:db8::1=599", "set-failure inet#filter#a6 set inet filter a6: it is full (size 3)",
		},
		"four.example": {
			"set inet#filter#four 192.0.2.1=599 198.51.100.1=599 240.0.0.1=private 2001:db8::1=other-version",
			"set-failure inet#filter#four set inet filter four: it is full (size 3)",
		},
	} {
		ask(t, b, name)
		ask(t, b, name+" AAAA")
		var got []string
		for _, fact := range texts(ask(t, b, name+" CH TXT")) {
			if strings.HasPrefix(fact, "set") {
				got = append(got, strings.ReplaceAll(fact, "=600", "=599"))
			}
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
	}
}

// TestSetsReport holds what `splitdns sets` and the status are told.
func TestSetsReport(t *testing.T) {
	b := newBench(t, setsConfig, nameOf(t))
	w := newWalls(b)
	ask(t, b, "192-0-2-1.office.example")
	for _, name := range []string{"a4", "inet filter a4", "inet#filter#a4"} {
		r, err := b.SetsReport(name)
		if err != nil || len(r.Sets) != 1 || len(r.Sets[0].Held) != 2 {
			t.Fatalf("%s: %+v, %v", name, r, err)
		}
		if h := r.Sets[0].Held[0]; h.Address != "192.0.2.1" || h.Remaining != 599 || !slices.Equal(h.Clients, []string{"127.0.0.1"}) || h.Other {
			t.Errorf("%+v", h)
		}
		if h := r.Sets[0].Held[1]; h.Address != "192.0.2.99" || h.Last != "192.0.2.120" || !h.Permanent || !h.Other {
			t.Errorf("%+v", h)
		}
	}
	if _, err := b.SetsReport("none"); err == nil || !strings.Contains(err.Error(), `have "inet filter a4", "inet filter a6", "inet filter all"`) {
		t.Errorf("error %v", err)
	}
	w.fault = errors.New("it is not there")
	r, err := b.SetsReport("")
	if err != nil || len(r.Sets) != 3 || r.Sets[0].State != "missing" || r.Sets[0].Unheard == "" {
		t.Errorf("%+v, %v", r, err)
	}
	if st := b.Status().Sets; st == nil || st.Added != 1 || len(st.Sets) != 3 {
		t.Errorf("status %+v", st)
	}
	without := newBench(t, silent, notAsked(t))
	if _, err := without.SetsReport("a4"); err == nil || !strings.Contains(err.Error(), "no rule names a set") {
		t.Errorf("error %v", err)
	}
	if without.Status().Sets != nil {
		t.Error("the status has sets where no rule names any")
	}
}

// TestSetMetrics holds that sets are in the metrics.
func TestSetMetrics(t *testing.T) {
	b := newBench(t, setsConfig, nameOf(t))
	h, _ := serveHTTP(t, b, "127.0.0.1:0")
	newWalls(b)
	ask(t, b, "192-0-2-1.office.example")
	got := scrape(t, h)
	for key, want := range map[string]float64{
		"splitdns_set_answers_total result=added":                     1,
		"splitdns_set_answers_total result=failed":                    0,
		"splitdns_set_queue":                                          0,
		"splitdns_set_ok set=inet filter a4":                          1,
		"splitdns_set_state set=inet filter a4 state=ok":              1,
		"splitdns_set_elements set=inet filter a6":                    2,
		"splitdns_set_elements_missing set=inet filter a6":            1,
		"splitdns_set_adds_total set=inet filter a6":                  7,
		"splitdns_set_refreshes_total set=inet filter a6":             0,
		"splitdns_set_restored_total set=inet filter a6":              0,
		"splitdns_set_heals_total set=inet filter a6":                 0,
		"splitdns_set_failures_total set=inet filter all reason=full": 2,
	} {
		if value, ok := got[key]; !ok || value != want {
			t.Errorf("%s = %v, %v, want %v", key, value, ok, want)
		}
	}
}
