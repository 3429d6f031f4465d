package server_test

import (
	"bufio"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"splitdns/matcher"
	"splitdns/server"
	"splitdns/server/internal/addressfeed"
	"splitdns/zones"
	"splitdns/zones/export"
)

// fed is a configuration with address feeds: a zone with ranges, names without any, and somebody else who may fetch.
const fed = `
[zone.push]
names    = ["*.push.example"]
prefixes = ["192.0.2.128/25", "192.0.2.1", "2001:db8:1::/48"]
[rule.push]
zones = ["push"]
tags  = ["push"]
[rule.bare]
names = [".bare.example"]
[rule."x.txt"]
names = ["other.example"]
[http]
listen = ["127.0.0.1:9153"]
feeds  = ["127.0.0.1", "192.0.2.53"]
`

// feedToken is a good token.
const feedToken = "0123456789abcdef-._~+/="

// withToken is fed with a token, in a file.
func withToken(t testing.TB, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(path, []byte(feedToken+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return text + fmt.Sprintf("feed_token_file = %q\n", path)
}

// feedAnswers is an upstream that knows some names.
func feedAnswers(t testing.TB) exchange {
	return says(t, `a.push.example. 300 IN A 192.0.2.1
a.push.example. 300 IN A 192.0.2.200
a.push.example. 300 IN A 198.51.100.9
a.push.example. 300 IN A 203.0.113.4`)
}

// service is the HTTP service of b on a socket, which is its base URL.
func service(t *testing.T, b *server.Bench) string {
	t.Helper()
	_, host := serveHTTP(t, b, "127.0.0.1:0")
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- b.ServeHTTP(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return "http://" + host
}

// fetch sends a request with these headers, each "Name: value", and gives the response with its body.
func fetch(t testing.TB, method, url string, headers ...string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequest(method, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		if name == "Host" {
			r.Host = value
		}
		r.Header.Add(name, value)
	}
	client := http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true, DisableCompression: true}}
	w, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Body.Close()
	body, err := io.ReadAll(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	return w, string(body)
}

// TestAddressFeeds holds what firewalls get, over a socket.
func TestAddressFeeds(t *testing.T) {
	if _, body := fetch(t, "GET", service(t, newBench(t, fed, feedAnswers(t)))+"/feed/push/inside.txt"); !strings.Contains(body, "no address inside what is published was in an answer for the names of rule push in the last 24h0m0s") {
		t.Errorf("before anything was observed: %q", body)
	}
	b := newBench(t, fed, feedAnswers(t))
	url := service(t, b)
	ask(t, b, "a.push.example")
	for path, want := range map[string]string{
		"/feed/push.txt":             "200 192.0.2.1\n192.0.2.128/25\n2001:db8:1::/48\n",
		"/feed/push/published.txt":   "200 192.0.2.1\n192.0.2.128/25\n2001:db8:1::/48\n",
		"/feed/push/published-4.txt": "200 192.0.2.1\n192.0.2.128/25\n",
		"/feed/push.json":            "200 {\n  \"rule\": \"push\",\n  \"list\": \"published\",\n  \"prefixes\": [\n    \"192.0.2.1\",\n    \"192.0.2.128/25\",\n    \"2001:db8:1::/48\"\n  ]\n}\n",
		"/feed/push/outside.txt":     "200 198.51.100.9\n203.0.113.4\n",
		"/feed/push/outside-6.txt":   "200 # no address is outside what is published\n",
		"/feed/bare.txt":             "503 the list is empty, and a firewall that took it would permit nothing, or block nothing: no prefix is published for the names of rule bare; its list \"admitted\" has what was seen in answers\n",
		"/feed/x.txt.txt":            "503 ",
		"/feed/none.txt":             "404 no rule \"none\"\n",
		"/feed/":                     "404 want /feed/RULE.txt, or /feed/RULE/LIST.txt, where LIST is published, inside, admitted, outside, alone or with -4 or -6; or .json\n",
		"/feed/push":                 "404 want ",
		"/feed/push.txt?family=4":    "400 a feed has no parameters: want ",
		"/feed/push/../push.txt":     "200 ", // after a redirect
		"/feed/..%2f..%2fetc.txt":    "404 want ",
		"/feed/push%2finside.json":   "200 {\n  \"rule\": \"push\",\n  \"list\": \"inside\",",
	} {
		w, body := fetch(t, "GET", url+path)
		if got := fmt.Sprint(w.StatusCode, " ", body); !strings.HasPrefix(got, want) {
			t.Errorf("%s: %s\nwant %s", path, got, want)
		}
	}
}

// TestAddressFeedHeaders holds what comes with a list, and that a client that has it gets nothing again.
func TestAddressFeedHeaders(t *testing.T) {
	b := newBench(t, fed, feedAnswers(t))
	url := service(t, b)
	first, body := fetch(t, "GET", url+"/feed/push.txt")
	etag, modified := first.Header.Get("ETag"), first.Header.Get("Last-Modified")
	if !regexp.MustCompile(`^"[0-9a-f]{16}"$`).MatchString(etag) {
		t.Errorf("ETag %s, want a strong one", etag)
	}
	for name, want := range map[string]string{
		"Content-Type": "text/plain; charset=utf-8", "Cache-Control": "private, no-cache", "X-Content-Type-Options": "nosniff",
		"Content-Length": fmt.Sprint(len(body)), "Content-Encoding": "", "Accept-Ranges": "",
	} {
		if got := first.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	for name, c := range map[string]struct {
		method  string
		headers []string
		want    int
	}{
		"the same ETag":           {"GET", []string{"If-None-Match: " + etag}, 304},
		"one of several":          {"GET", []string{`If-None-Match: "x", W/` + etag}, 304},
		"any ETag":                {"GET", []string{"If-None-Match: *"}, 304},
		"another ETag":            {"GET", []string{`If-None-Match: "0000000000000000"`}, 200},
		"another ETag, same time": {"GET", []string{`If-None-Match: "x"`, "If-Modified-Since: " + modified}, 200},
		"the same time":           {"GET", []string{"If-Modified-Since: " + modified}, 304},
		"an earlier time":         {"GET", []string{"If-Modified-Since: Sun, 22 Nov 2020 21:00:00 GMT"}, 200},
		"no time":                 {"GET", []string{"If-Modified-Since: yesterday"}, 200},
		"HEAD":                    {"HEAD", nil, 200},
		"HEAD with the ETag":      {"HEAD", []string{"If-None-Match: " + etag}, 304},
		"a part":                  {"GET", []string{"Range: bytes=0-3"}, 200},
		"compressed":              {"GET", []string{"Accept-Encoding: gzip"}, 200},
	} {
		w, got := fetch(t, c.method, url+"/feed/push.txt", c.headers...)
		want := body
		if c.method == "HEAD" || c.want == 304 {
			want = ""
		}
		if w.StatusCode != c.want || got != want || w.Header.Get("ETag") != etag {
			t.Errorf("%s: %d %q, ETag %s, want %d", name, w.StatusCode, got, w.Header.Get("ETag"), c.want)
		}
	}
	if w, _ := fetch(t, "GET", url+"/feed/push.json"); w.Header.Get("Content-Type") != "application/json" || w.Header.Get("ETag") == etag {
		t.Errorf("JSON: %v", w.Header)
	}
	if w, _ := fetch(t, "GET", url+"/feed/bare.txt"); w.Header.Get("Retry-After") != "60" || w.Header.Get("ETag") != "" {
		t.Errorf("an empty list: %v", w.Header)
	}
	for _, method := range []string{"POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND"} {
		if w, _ := fetch(t, method, url+"/feed/push.txt"); w.StatusCode != http.StatusMethodNotAllowed {
			t.Errorf("%s: %s", method, w.Status)
		}
	}
}

// TestAddressFeedGuard holds who may fetch, and that others do not learn which rules there are.
func TestAddressFeedGuard(t *testing.T) {
	plain, token := newBench(t, fed, feedAnswers(t)), newBench(t, withToken(t, fed), feedAnswers(t))
	basic := func(user, password string) string {
		return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
	}
	const firewall, own = "192.0.2.53:4242", "127.0.0.1:9153"
	for name, c := range map[string]struct {
		b          *server.Bench
		from, host string
		auth       []string
		want       int
	}{
		"by address":                {plain, firewall, own, nil, 200},
		"IPv4-mapped":               {plain, "[::ffff:192.0.2.53]:4242", own, nil, 200},
		"localhost":                 {plain, firewall, "localhost", nil, 200},
		"a token that is not asked": {plain, firewall, own, []string{"Bearer x"}, 200},
		"another client":            {plain, "10.0.0.1:4242", own, nil, 403},
		"an admin, not a firewall":  {plain, "[::1]:4242", own, nil, 403},
		"rebinding":                 {plain, firewall, "evil.example", nil, 403},
		"no host":                   {plain, firewall, "", nil, 403},

		"Bearer":                     {token, firewall, own, []string{"Bearer " + feedToken}, 200},
		"bearer":                     {token, firewall, own, []string{"bearer  " + feedToken + " "}, 200},
		"any host":                   {token, firewall, "dns.corp.example", []string{"Bearer " + feedToken}, 200},
		"Basic":                      {token, firewall, own, []string{basic("fortigate", feedToken)}, 200},
		"Basic without a user":       {token, firewall, own, []string{basic("", feedToken)}, 200},
		"another client, with token": {token, "10.0.0.1:4242", own, []string{"Bearer " + feedToken}, 403},
		"no token":                   {token, firewall, own, nil, 401},
		"an empty token":             {token, firewall, own, []string{"Bearer "}, 401},
		"a wrong token":              {token, firewall, own, []string{"Bearer x" + feedToken}, 401},
		"a part":                     {token, firewall, own, []string{"Bearer " + feedToken[:10]}, 401},
		"the token as the user":      {token, firewall, own, []string{basic(feedToken, "")}, 401},
		"no base64":                  {token, firewall, own, []string{"Basic !!!"}, 401},
		"no colon":                   {token, firewall, own, []string{"Basic " + base64.StdEncoding.EncodeToString([]byte(feedToken))}, 401},
		"no scheme":                  {token, firewall, own, []string{feedToken}, 401},
		"another scheme":             {token, firewall, own, []string{"Digest " + feedToken}, 401},
		"two":                        {token, firewall, own, []string{"Bearer " + feedToken, "Bearer x"}, 401},
		"capital letters":            {token, firewall, own, []string{"Bearer " + strings.ToUpper(feedToken)}, 401},
	} {
		h, _ := serveHTTP(t, c.b, own[:10]+"0")
		known := map[bool]string{}
		for _, rule := range []string{"push", "none"} {
			r := httptest.NewRequest("GET", "/feed/"+rule+".txt", nil)
			r.RemoteAddr, r.Host = c.from, c.host
			for _, a := range c.auth {
				r.Header.Add("Authorization", a)
			}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			known[rule == "push"] = fmt.Sprint(w.Code, w.Body)
			if want := map[bool]int{true: 404, false: c.want}[rule == "none" && c.want == 200]; w.Code != want {
				t.Errorf("%s: %s: %d %s, want %d", name, rule, w.Code, w.Body, want)
			}
			if w.Code == 401 && len(w.Header().Values("WWW-Authenticate")) != 2 {
				t.Errorf("%s: %v", name, w.Header())
			}
		}
		if c.want != 200 && known[true] != known[false] {
			t.Errorf("%s: a rule that exists gets %s, another %s", name, known[true], known[false])
		}
	}
	if refused := token.Status().AddressFeeds.Refused; refused["token"] != 22 || refused["address"] != 2 {
		t.Errorf("refused %v", refused)
	}
	if said := token.Messages(); strings.Count(said, "address feed:") != 1 || !strings.Contains(said, "192.0.2.53 tried to fetch with") {
		t.Errorf("said:\n%s\nwant one warning", said)
	}
}

// TestAddressFeedsOff holds that nobody may fetch, and nothing is remembered, where nobody is to.
func TestAddressFeedsOff(t *testing.T) {
	b := newBench(t, strings.Replace(fed, `"127.0.0.1", "192.0.2.53"`, "", 1), feedAnswers(t))
	h, host := serveHTTP(t, b, "127.0.0.1:0")
	ask(t, b, "a.push.example")
	if w := get(h, "127.0.0.1:4242", host, "/feed/push.txt"); w.Code != http.StatusForbidden {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if st := b.Status().AddressFeeds; st != nil {
		t.Errorf("%+v", st)
	}
	b.Reload(parseConfig(t, fed), nil) // a reload turns them on
	ask(t, b, "b.push.example")
	if w := get(h, "127.0.0.1:4242", host, "/feed/push/published.txt"); w.Code != http.StatusOK {
		t.Errorf("after a reload: %d %s", w.Code, w.Body)
	}
}

// TestObservedFeedsSurviveAReload holds that a reload keeps what was seen, judges it anew, and that what did
// not change keeps its ETag.
func TestObservedFeedsSurviveAReload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, fed, feedAnswers(t))
		h, _ := serveHTTP(t, b, "127.0.0.1:0")
		list := func(path, want string) (etag string) {
			t.Helper()
			w := get(h, "127.0.0.1:4242", "localhost", path)
			if got := strings.Join(strings.Fields(w.Body.String()), " "); got != want {
				t.Errorf("%s: %s, want %s", path, got, want)
			}
			return w.Header().Get("ETag")
		}
		ask(t, b, "a.push.example")
		inside := list("/feed/push/inside.txt", "192.0.2.1 192.0.2.200")
		b.Reload(parseConfig(t, strings.Replace(fed, `"192.0.2.1"`, `"192.0.2.1", "198.51.100.9"`, 1)), nil)
		list("/feed/push/inside.txt", "192.0.2.1 192.0.2.200 198.51.100.9")
		list("/feed/push/outside.txt", "203.0.113.4")
		b.Reload(parseConfig(t, fed+"feed_keep = \"1h\"\n"), nil)
		if again := list("/feed/push/inside.txt", "192.0.2.1 192.0.2.200"); again != inside {
			t.Errorf("ETag %s, was %s", again, inside)
		}
		time.Sleep(50 * time.Minute)
		ask(t, b, "a.push.example") // the answer in the cache has expired, and is asked for again
		time.Sleep(20 * time.Minute)
		if again := list("/feed/push/inside.txt", "192.0.2.1 192.0.2.200"); again != inside {
			t.Errorf("after it was seen again: ETag %s, was %s", again, inside)
		}
		time.Sleep(41 * time.Minute)
		if w := get(h, "127.0.0.1:4242", "localhost", "/feed/push/inside.txt"); w.Code != http.StatusServiceUnavailable {
			t.Errorf("after an hour without a sighting: %d %s", w.Code, w.Body)
		}
	})
}

// TestObservedFeedsSurviveARestart holds that a server that ends leaves what was observed for the next one, and
// that one which knows nothing gives no observed list.
func TestObservedFeedsSurviveARestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file, state := filepath.Join(dir, "config.toml"), filepath.Join(dir, "state")
	write(t, file, strings.Replace(runConfig(upstreamOf(t, mixed), "observe", ""), "[server]\n", "[server]\nstate = 'state'\n", 1))
	list := func(r *running, want string) {
		t.Helper()
		w, body := fetch(t, "GET", "http://"+r.HTTPAddrs()[0].String()+"/feed/held/inside.txt")
		if got := fmt.Sprint(w.StatusCode, " ", strings.Join(strings.Fields(body), " ")); !strings.HasPrefix(got, want) {
			t.Errorf("%s, want %s", got, want)
		}
	}
	end := func(r *running) {
		if err := r.stop(); err != nil {
			t.Error(err)
		}
	}

	first := start(t, file) // with no file
	first.asks(t, "dual.example", "udp")
	list(first, "503 the list is not complete yet")
	end(first)
	before := addressfeed.New()
	data, err := addressfeed.ReadState(state)
	if err := errors.Join(err, before.Restore(data, time.Hour, time.Now())); err != nil {
		t.Fatal(err)
	}
	if n, _ := before.Observed(); n != 2 {
		t.Errorf("%d addresses are kept, want 2", n)
	}

	name, err := matcher.ParseName("dual.example")
	if err != nil {
		t.Fatal(err)
	}
	before.Begin(time.Now().Add(-2 * time.Hour)) // as if it had run for longer
	before.Note(addressfeed.Sighting{Rule: "held", Name: name, Addr: netip.MustParseAddr("192.0.2.77"), Client: client, At: time.Now()})
	write(t, filepath.Join(state, addressfeed.StateFile), string(before.State(time.Now())))
	second := start(t, file)
	list(second, "200 192.0.2.1 192.0.2.77")
	end(second)

	third := start(t, file) // nobody has asked meanwhile
	list(third, "200 192.0.2.1 192.0.2.77")
	end(third)

	write(t, filepath.Join(state, addressfeed.StateFile), "garbage")
	fourth := start(t, file)
	fourth.hears(t, "observed addresses of before the start are not known: "+filepath.Join(state, addressfeed.StateFile)+": damaged: its digest does not fit")
	list(fourth, "503 the list is not complete yet")
}

// TestFeedFacts holds that explain, the status and the metrics say who has which version.
func TestFeedFacts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, fed, feedAnswers(t))
		h, _ := serveHTTP(t, b, "127.0.0.1:0")
		ask(t, b, "a.push.example")
		facts := func() string {
			t.Helper()
			n, err := matcher.ParseName("a.push.example")
			if err != nil {
				t.Fatal(err)
			}
			e, err := b.Resolver().Explain(n, "", server.Asker{Client: client, Admin: true})
			if err != nil {
				t.Fatal(err)
			}
			var feeds []string
			for _, f := range e.Facts() {
				if strings.HasPrefix(f, "feed ") {
					feeds = append(feeds, regexp.MustCompile(`version=[0-9a-f]{16}`).ReplaceAllString(f, "version=V"))
				}
			}
			return strings.Join(feeds, "\n")
		}
		if got := facts(); got != "" {
			t.Errorf("before a fetch: %s", got)
		}
		at := time.Now().UTC().Format(time.RFC3339)
		etag := get(h, "192.0.2.53:4242", "localhost", "/feed/push.txt").Header().Get("ETag")
		get(h, "127.0.0.1:4242", "localhost", "/feed/push/outside-4.json")
		get(h, "127.0.0.1:4242", "localhost", "/feed/bare.txt")
		want := "feed rule=push list=outside-4 format=json version=V current=yes client=127.0.0.1 at=" + at + " result=new\n" +
			"feed rule=push list=published version=V current=yes client=192.0.2.53 at=" + at + " result=new"
		if got := facts(); got != want {
			t.Errorf("facts:\n%s\nwant:\n%s", got, want)
		}
		time.Sleep(time.Minute)
		later := time.Now().UTC().Format(time.RFC3339)
		r := httptest.NewRequest("GET", "/feed/push.txt", nil)
		r.RemoteAddr, r.Host = "192.0.2.53:4242", "localhost"
		r.Header.Set("If-None-Match", etag)
		r.Header.Set("User-Agent", "PAN-OS\x1b[0m")
		h.ServeHTTP(httptest.NewRecorder(), r)
		b.Reload(parseConfig(t, strings.Replace(fed, `"192.0.2.1"`, `"192.0.2.2"`, 1)), nil)
		want = "feed rule=push list=published version=V current=no client=192.0.2.53 at=" + later + " result=same\n" +
			"feed rule=push list=outside-4 format=json version=V current=no client=127.0.0.1 at=" + at + " result=new" // 192.0.2.1 is outside now
		if got := facts(); got != want {
			t.Errorf("facts after a reload:\n%s\nwant:\n%s", got, want)
		}
		st := b.Status().AddressFeeds
		if i := slices.IndexFunc(st.Fetches, func(x server.FeedFetch) bool { return x.Client == "192.0.2.53" }); i != 0 || st.Fetches[0].Agent != "PAN-OS_[0m" || st.Fetches[0].Fetches != 2 || len(st.Fetches) != 3 {
			t.Errorf("status: %+v", st)
		}
		page := get(h, "203.0.113.99:4242", "localhost", "/metrics").Body.String()
		for _, line := range []string{
			`splitdns_feed_fetches_total{rule="push",list="published",result="new"} 1`, `splitdns_feed_fetches_total{rule="push",list="published",result="same"} 1`,
			`splitdns_feed_fetches_total{rule="bare",list="published",result="none"} 1`, `splitdns_feed_refused_total{reason="token"} 0`, "splitdns_feed_addresses 4",
		} {
			if !strings.Contains(page, line+"\n") {
				t.Errorf("no %s in the metrics", line)
			}
		}
	})
}

// TestFeedFactsAreGuarded holds that only administrators see who fetches.
func TestFeedFactsAreGuarded(t *testing.T) {
	b := newBench(t, strings.Replace(fed, "[rule.push]", "[client.few]\naddresses = [\"10.9.9.9\"]\n[rule.push]\nclients = [\"few\"]", 1), feedAnswers(t))
	h, _ := serveHTTP(t, b, "127.0.0.1:0")
	get(h, "192.0.2.53:4242", "localhost", "/feed/push.txt")
	n, err := matcher.ParseName("a.push.example")
	if err != nil {
		t.Fatal(err)
	}
	for isAdmin, want := range map[bool]int{true: 1, false: 0} {
		e, err := b.Resolver().Explain(n, "", server.Asker{Client: netip.MustParseAddr("10.9.9.9"), Admin: isAdmin})
		if err != nil || len(e.Feeds) != want {
			t.Errorf("an administrator: %v: %v, %v, want %d", isAdmin, e.Feeds, err, want)
		}
	}
}

// TestHostileFetches holds that odd requests over a socket get an error or nothing, and the next client its list.
func TestHostileFetches(t *testing.T) {
	b := newBench(t, withToken(t, fed), feedAnswers(t))
	url := service(t, b)
	address := strings.TrimPrefix(url, "http://")
	for name, text := range map[string]string{
		"a huge header":       "GET /feed/push.txt HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + strings.Repeat("x", 1<<20) + "\r\n\r\n",
		"many headers":        "GET /feed/push.txt HTTP/1.1\r\nHost: x\r\n" + strings.Repeat("Authorization: Bearer x\r\n", 10_000) + "\r\n",
		"a long path":         "GET /feed/" + strings.Repeat("x", 100_000) + ".txt HTTP/1.1\r\nHost: x\r\n\r\n",
		"a path of dots":      "GET /feed/../../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n",
		"an encoded path":     "GET /feed/%2e%2e%2f%2e%2e%2fetc%2fpasswd.txt HTTP/1.1\r\nHost: x\r\n\r\n",
		"a NUL":               "GET /feed/push%00.txt HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + feedToken + "\r\n\r\n",
		"no HTTP":             "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
		"an odd method":       "FETCH /feed/push.txt HTTP/1.1\r\nHost: x\r\n\r\n",
		"a method of octets":  "\xff\xfe /feed/push.txt HTTP/1.1\r\nHost: x\r\n\r\n",
		"an absolute form":    "GET http://evil.example/feed/push.txt HTTP/1.1\r\nHost: x\r\n\r\n",
		"a header with a CR":  "GET /feed/push.txt HTTP/1.1\r\nHost: x\r\nX: a\rb\r\n\r\n",
		"two Hosts":           "GET /feed/push.txt HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
		"a body":              "GET /feed/push.txt HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello",
		"a smuggled length":   "GET /feed/push.txt HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"an endless ETag":     "GET /feed/push.txt HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + feedToken + "\r\nIf-None-Match: " + strings.Repeat(`"x",`, 1500) + "\r\n\r\n",
		"half an ETag":        "GET /feed/push.txt HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + feedToken + "\r\nIf-None-Match: \"x\r\n\r\n",
		"HTTP/0.9":            "GET /feed/push.txt\r\n\r\n",
		"a Basic of anything": "GET /feed/push.txt HTTP/1.1\r\nHost: x\r\nAuthorization: Basic " + strings.Repeat("/", 4000) + "\r\n\r\n",
	} {
		c, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		_ = c.SetDeadline(time.Now().Add(10 * time.Second))
		_, _ = io.WriteString(c, text) // the server may hang up before all is sent
		w, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err == nil {
			body, _ := io.ReadAll(io.LimitReader(w.Body, 1<<20))
			hasList := strings.Contains(string(body), "192.0.2.128/25")
			if mayHave := strings.Contains(text, feedToken) && !strings.Contains(text, "%00"); hasList != mayHave {
				t.Errorf("%s: %s %s", name, w.Status, body)
			}
			w.Body.Close()
		}
		c.Close()
	}
	if w, body := fetch(t, "GET", url+"/feed/push.txt", "Authorization: Bearer "+feedToken); w.StatusCode != http.StatusOK || !strings.Contains(body, "192.0.2.128/25") {
		t.Errorf("afterwards: %s %s", w.Status, body)
	}
}

// FuzzFetch holds that whatever stands in the path and in Authorization, a list goes only to who has
// the token, and nothing that the client sent comes back but in quotes.
func FuzzFetch(f *testing.F) {
	for _, path := range []string{"/feed/push.txt", "/feed/push/inside-4.json", "/feed/none.txt", "/feed/../x", "/feed/%00", "/feed//push.txt", "/feed/push.txt/x", "/feed/x.txt.txt", "/feed/push/\x1b.txt"} {
		for _, auth := range []string{"", "Bearer " + feedToken, "Basic eDo=", "bearer\t" + feedToken, "Basic " + base64.StdEncoding.EncodeToString([]byte("u:"+feedToken)), "Bearer " + feedToken + "x", ":", "Basic"} {
			f.Add(path, auth)
		}
	}
	b := newBench(f, withToken(f, fed), feedAnswers(f))
	h, closeHTTP, err := b.HTTP(netip.MustParseAddrPort("127.0.0.1:0"))
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(closeHTTP)
	f.Fuzz(func(t *testing.T, path, auth string) {
		r := httptest.NewRequest("GET", "/feed/push.txt", nil)
		r.URL.Path, r.URL.RawPath = path, ""
		r.RemoteAddr, r.Host = "192.0.2.53:4242", "any.example"
		r.Header["Authorization"] = []string{auth}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		switch w.Code {
		case http.StatusOK, http.StatusServiceUnavailable, http.StatusNotFound:
			if strings.HasPrefix(path, "/feed/") && !carries(auth, feedToken) {
				t.Errorf("%q %q: %d %s", path, auth, w.Code, w.Body)
			}
		case http.StatusUnauthorized, http.StatusTemporaryRedirect, http.StatusMovedPermanently, http.StatusPermanentRedirect, http.StatusBadRequest:
		default:
			t.Errorf("%q %q: %d %s", path, auth, w.Code, w.Body)
		}
		if strings.ContainsFunc(w.Body.String(), func(r rune) bool { return r < ' ' && r != '\n' }) {
			t.Errorf("%q %q: %q", path, auth, w.Body)
		}
	})
}

// carries reports whether an Authorization header has the token in some way: the slow twin of the guard.
func carries(auth, token string) bool {
	scheme, rest, _ := strings.Cut(auth, " ")
	switch strings.ToLower(scheme) {
	case "bearer":
		return strings.Trim(rest, " ") == token
	case "basic":
		text, err := base64.StdEncoding.DecodeString(rest)
		_, password, ok := strings.Cut(string(text), ":")
		return err == nil && ok && strings.Trim(password, " ") == token
	}
	return false
}

// TestAFetchCostsLittle holds that a list that was fetched is not made again.
func TestAFetchCostsLittle(t *testing.T) {
	b := newBench(t, `
[rule.everything]
zones = ["*"]
[http]
listen = ["127.0.0.1:9153"]
`, feedAnswers(t))
	h, _ := serveHTTP(t, b, "127.0.0.1:0")
	first := get(h, "127.0.0.1:4242", "localhost", "/feed/everything.txt")
	if first.Code != http.StatusOK || strings.Count(first.Body.String(), "\n") < 100 {
		t.Fatalf("%d %s", first.Code, first.Body)
	}
	n := testing.AllocsPerRun(100, func() { get(h, "127.0.0.1:4242", "localhost", "/feed/everything.txt") })
	if n > 200 {
		t.Errorf("a fetch allocates %v times: the list is made anew", n)
	}
}

// TestFeedsAreExports holds that a feed has what `zones export --format edl` writes of the same zones: the lines,
// where nothing else is published for their names.
func TestFeedsAreExports(t *testing.T) {
	c := parseConfig(t, fed)
	h, _ := serveHTTP(t, newBench(t, fed, feedAnswers(t)), "127.0.0.1:0")
	got := get(h, "127.0.0.1:4242", "localhost", "/feed/push.txt").Body.String()
	i := slices.IndexFunc(c.Zones, func(z *zones.Zone) bool { return z.Name == "push" })
	for _, format := range []string{"edl", "pf"} {
		e, err := export.New([]*zones.Zone{c.Zones[i]}, export.Options{Format: format})
		if err != nil {
			t.Fatal(err)
		}
		var text strings.Builder
		if err := e.Write(&text); err != nil {
			t.Fatal(err)
		}
		want := regexp.MustCompile(`(?m)^#.*\n`).ReplaceAllString(text.String(), "")
		if got != want {
			t.Errorf("%s: the feed has\n%swant\n%s", format, got, want)
		}
	}
	e, err := export.New([]*zones.Zone{c.Zones[i]}, export.Options{Format: "fortigate"})
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	if err := e.Write(&text); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(got) {
		if prefix, _, _ := strings.Cut(strings.TrimSpace(line), "/"); !strings.Contains(text.String(), prefix) {
			t.Errorf("fortigate: no %s in\n%s", prefix, text.String())
		}
	}
}

// BenchmarkAnswerWithFeeds is a query on the ordinary path, for a name of a rule, with four addresses.
func BenchmarkAnswerWithFeeds(b *testing.B) {
	for name, text := range map[string]string{"off": strings.Replace(fed, `"127.0.0.1", "192.0.2.53"`, "", 1), "on": fed} {
		b.Run(name, func(b *testing.B) {
			s := newBench(b, text, feedAnswers(b))
			ask(b, s, "a.push.example")
			query := packet(b, "a.push.example +nord") // which is never kept finished
			dst := make([]byte, 0, 1500)
			b.ReportAllocs()
			for b.Loop() {
				s.Now(dst, query, client)
			}
		})
	}
}
