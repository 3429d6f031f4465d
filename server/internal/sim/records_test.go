package sim_test

import (
	"strings"
	"testing"
	"time"

	"splitdns/server/internal/sim"
	"splitdns/server/internal/wire"
)

// TestRecordedChains holds the simulated internet against captures of the real one.
func TestRecordedChains(t *testing.T) {
	in := sim.New(bundled(t, "2020-09-08"))
	for question, want := range map[string]string{
		"1-courier.push.apple.com CNAME": `
			1-courier.push.apple.com. 4636 IN CNAME 1.courier-push-apple.com.akadns.net.`,
		"35-courier.push.apple.com A": `
			35-courier.push.apple.com. 4636 IN CNAME 35.courier-push-apple.com.akadns.net.
			35.courier-push-apple.com.akadns.net. 8 IN CNAME china-courier.push-apple.com.akadns.net.
			china-courier.push-apple.com.akadns.net. 59 IN A 17.252.156.10
			china-courier.push-apple.com.akadns.net. 59 IN A 17.252.157.10`,
		"12-courier.push.apple.com A": `
			12-courier.push.apple.com. 4636 IN CNAME 12.courier-push-apple.com.akadns.net.
			12.courier-push-apple.com.akadns.net. 300 IN CNAME pop-mixed-courier.push-apple.com.akadns.net.
			pop-mixed-courier.push-apple.com.akadns.net. 300 IN A 17.57.144.23
			pop-mixed-courier.push-apple.com.akadns.net. 300 IN A 198.51.100.9`,
		"client.wns.windows.com A": `
			client.wns.windows.com. 97 IN CNAME wns.notify.trafficmanager.net.
			wns.notify.trafficmanager.net. 97 IN A 4.207.247.138`,
		"geo.prod.do.dsp.mp.microsoft.com A": `
			geo.prod.do.dsp.mp.microsoft.com. 110 IN CNAME geo.prod.do.dsp.trafficmanager.net.
			geo.prod.do.dsp.trafficmanager.net. 110 IN CNAME array509.prod.do.dsp.mp.microsoft.com.
			array509.prod.do.dsp.mp.microsoft.com. 110 IN A 52.167.160.173`,
		"swda02-mscdn.manage.microsoft.com A": `
			swda02-mscdn.manage.microsoft.com. 300 IN CNAME sni1gl.wpc.kappacdn.net.
			sni1gl.wpc.kappacdn.net. 60 IN A 152.195.19.97`,
		"alt3-mtalk.google.com A": `
			alt3-mtalk.google.com. 300 IN CNAME alt3.mobile-gtalk.l.google.com.
			alt3.mobile-gtalk.l.google.com. 300 IN A 74.125.137.188`,
		"login.microsoftonline.com HTTPS": `
			login.microsoftonline.com. 300 IN HTTPS 1 . alpn="h2,h3" ipv4hint="20.190.128.10,198.51.100.44" ipv6hint="2603:1026:3000::10"`,
	} {
		owner, mnemonic, _ := strings.Cut(question, " ")
		typ, err := wire.ParseType(mnemonic)
		if err != nil {
			t.Fatal(err)
		}
		got := words(ask(t, in, parseName(t, owner), typ).Text())
		if got != words(want) {
			t.Errorf("%s:\n%s\nwant\n%s", question, got, words(want))
		}
	}
}

// words is text with single spaces between its words.
func words(text string) string { return strings.Join(strings.Fields(text), " ") }

func TestCourierEndsInEightAddresses(t *testing.T) {
	in := sim.New(nil)
	for _, s := range []string{"0-courier.push.apple.com", "1-courier.push.apple.com", "50-courier.push.apple.com"} {
		m := ask(t, in, parseName(t, s), wire.TypeA)
		if got, want := m.End(), parseName(t, "pop-eur-central-courier.push-apple.com.akadns.net"); got != want {
			t.Errorf("%s ends at %v, want %v", s, got, want)
		}
		if got := len(m.Addresses()); got != 8 {
			t.Errorf("%s: %d addresses, want 8", s, got)
		}
		if got, want := m.Lifetime(time.Hour, time.Hour), 8*time.Second; got != want {
			t.Errorf("%s may be kept for %v, want %v", s, got, want)
		}
	}
	if m := ask(t, in, parseName(t, "51-courier.push.apple.com"), wire.TypeA); len(m.Chain()) != 0 {
		t.Errorf("51-courier.push.apple.com has a chain:\n%s", m.Text())
	}
}

func TestCourierHasNoData(t *testing.T) {
	in := sim.New(nil)
	for question, links := range map[string]int{
		"courier.push.apple.com A":        1,
		"courier.push.apple.com AAAA":     1,
		"47-courier.push.apple.com HTTPS": 2,
		"1-courier.push.apple.com HTTPS":  2,
		"5-courier.push.apple.com AAAA":   2,
	} {
		owner, mnemonic, _ := strings.Cut(question, " ")
		typ, err := wire.ParseType(mnemonic)
		if err != nil {
			t.Fatal(err)
		}
		m := ask(t, in, parseName(t, owner), typ)
		if m.Rcode() != wire.NoError || !m.Empty() || len(m.Chain()) != links {
			t.Errorf("%s: %v, want NODATA after %d links\n%s", question, m.Rcode(), links, m.Text())
		}
		if got := m.Lifetime(time.Hour, time.Hour); got > 180*time.Second {
			t.Errorf("%s may be kept for %v, want 180s at most", question, got)
		}
		soa := wire.Response{Query: wire.Query{Question: m.Question()}, Message: m, Limit: 65535}.Append(nil)
		if !strings.Contains(string(soa), "\x08internal") || !strings.Contains(string(soa), "\x00\x00\x00\xb4") {
			t.Errorf("%s: no SOA record of akadns.net with MINIMUM 180", question)
		}
	}
}

func TestLoginHasSixLinks(t *testing.T) {
	m := ask(t, sim.New(nil), parseName(t, "login.live.com"), wire.TypeA)
	if got := len(m.Chain()); got != 6 {
		t.Errorf("login.live.com has %d links, want 6", got)
	}
	if got := len(m.Addresses()); got != 8 {
		t.Errorf("login.live.com has %d addresses, want 8", got)
	}
	if got, want := m.Lifetime(time.Hour, time.Hour), 43*time.Second; got != want {
		t.Errorf("login.live.com may be kept for %v, want %v", got, want)
	}
}
