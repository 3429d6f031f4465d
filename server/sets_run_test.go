package server_test

import (
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/miekg/dns"

	"splitdns/server"
)

// TestRunAnswersWhenSetsAreFilled holds that what has waited for sets is sent, over UDP by whoever has
// filled them, and that a server which stops waits for them.
func TestRunAnswersWhenSetsAreFilled(t *testing.T) {
	t.Parallel()
	for _, network := range []string{"udp", "tcp"} {
		t.Run(network, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "config.toml")
			write(t, file, runConfig(upstreamOf(t, mixed), "enforce", "[rule.sets]\nnames = ['dual.example']\nsets = ['inet filter a4']\n"))
			w := &walls{ends: map[inSet]time.Time{}, holds: true, began: make(chan struct{}, 2)}
			r := startWith(t, file, server.Options{}.WithFirewall(w.use))
			answers := make(chan *dns.Msg, 2)
			for range 2 {
				go func() { answers <- r.asks(t, "dual.example", network) }()
			}
			w.awaits(t, 2)
			stopped := make(chan error, 1)
			go func() { stopped <- r.stop() }()
			r.hears(t, "stopping")
			if len(answers)+len(stopped) > 0 {
				t.Fatal("an answer, or the end, before the sets are filled")
			}
			w.release()
			for range 2 {
				if m := <-answers; !slices.Equal(addresses(m), []string{"192.0.2.1"}) {
					t.Errorf("%v", m)
				}
			}
			if err := <-stopped; err != nil {
				t.Error(err)
			}
		})
	}
}

// awaits waits until so many additions have begun.
func (w *walls) awaits(t *testing.T, want int) {
	t.Helper()
	deadline := time.After(patience)
	for n := range want {
		select {
		case <-w.began:
		case <-deadline:
			t.Fatalf("%d additions have begun, want %d", n, want)
		}
	}
}
