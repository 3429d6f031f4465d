package server_test

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
)

// TestFeedsAreLookedUpByTheUpstream has the host of a feed be known only to the upstream group that a
// rule states for its name.
func TestFeedsAreLookedUpByTheUpstream(t *testing.T) {
	t.Parallel()
	list := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, "other.example")
	}))
	t.Cleanup(list.Close)
	_, port, err := net.SplitHostPort(list.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	inside := upstreamOf(t, "lists.corp.example. A 127.0.0.1")
	text := runConfig(upstreamOf(t, mixed), "observe", fmt.Sprintf(`
[zone.list]
url    = "http://lists.corp.example:%s/list"
format = "list"
[zone.none]
url    = "http://nowhere.example:%s/list"
format = "list"
[upstream.inside]
servers = [%q]
[rule.corp]
names    = [".corp.example"]
upstream = "inside"
`, port, port, inside))
	file := filepath.Join(t.TempDir(), "config.toml")
	write(t, file, strings.Replace(text, "[server]\n", "[server]\nstate = 'state'\n", 1))
	r := start(t, file)
	found, missed := false, false
	for !found || !missed {
		line := <-r.said
		found = found || strings.Contains(line, "a new copy is in force") && strings.Contains(line, "zone=list")
		missed = missed || strings.Contains(line, "looking up nowhere.example: NXDOMAIN") && strings.Contains(line, "kind=network")
	}
	for _, st := range r.Status().Subscriptions {
		if isGood := st.Problem == "" && st.Names == 1; isGood != (st.Zone == "list") {
			t.Errorf("%+v", st)
		}
	}
}
