package config_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"splitdns/server/config"
	"splitdns/server/internal/feed"
)

func TestSubscriptionProblems(t *testing.T) {
	const state = "[server]\nstate = '/usr'\n"
	check(t, map[string]mistake{
		"no state": {
			text: "[zone.a]\nurl = 'https://lists.example/a'\n",
			want: []string{`c.toml:2: zone.a.url: the last good copy is kept on disk: give [server] state = "/var/lib/splitdns", a folder of the server's own`},
		},
		"two sources": {
			text: state + "[zone.a]\nurl = 'https://lists.example/a'\nnames = ['a.example']\nfile = 'a.toml'\n",
			want: []string{
				`c.toml:5: zone.a.names: the zone is at a url; leave out one of the two`,
				`c.toml:6: zone.a.file: the zone is at a url; leave out one of the two`,
			},
		},
		"no url": {
			text: "[zone.a]\nnames = ['a.example']\nevery = '1h'\nshadow = '1h'\nremove_after = '1h'\nmax_loss = 1\n",
			want: []string{
				`c.toml:3: zone.a.every: stands without a url`,
				`c.toml:4: zone.a.shadow: stands without a url`,
				`c.toml:5: zone.a.remove_after: stands without a url`,
				`c.toml:6: zone.a.max_loss: stands without a url`,
			},
		},
		"urls": {
			text: state + "[zone.a]\nurl = ['ftp://lists.example/a', 'https:///a', 'https://lists.example/a#b', 'file://host/a', '', 'http://127.0.0.1/a', 'http://127.0.0.1/a', 'http://u:p@lists.example/']\n",
			want: []string{
				`c.toml:4: zone.a.url[0]: "ftp://lists.example/a": want https://, http://, file:// or a path`,
				`c.toml:4: zone.a.url[1]: "https:///a": without a host`,
				`c.toml:4: zone.a.url[2]: "https://lists.example/a#b": leave out what stands behind #: it is not sent`,
				`c.toml:4: zone.a.url[3]: "file://host/a": want an absolute path behind file://`,
				`c.toml:4: zone.a.url[4]: empty: want a URL, or the path of a file`,
				`c.toml:4: zone.a.url[6]: "http://127.0.0.1/a" stands there twice`,
				`c.toml:4: warning: zone.a.url[7]: "http://u:xxxxx@lists.example/": anybody on the way can change what comes over HTTP; https:// is verified`,
			},
		},
		"bounds": {
			text: state + "[zone.a]\nurl = 'https://lists.example/a'\nevery = '1s'\nremove_after = '-1h'\nshadow = '3000h'\nmax_loss = 101\nformat = 'zones'\n",
			want: []string{
				`c.toml:5: zone.a.every: "1s": want 1m to 720h`,
				`c.toml:6: zone.a.remove_after: "-1h": want 0s to 8760h`,
				`c.toml:7: zone.a.shadow: "3000h": want 0s to 2160h`,
				`c.toml:8: zone.a.max_loss: 101: want 0 to 100`,
				`c.toml:9: zone.a.format: "zones": did you mean "zone"?`,
			},
		},
		"a name that would lead elsewhere": {
			text: state + "[zone.'../a']\nurl = 'https://lists.example/a'\n",
			want: []string{`c.toml:3: zone."../a": name "../a": want only a-z, 0-9, dot, hyphen and underscore, a letter or a digit first`},
		},
	})
}

func TestSubscriptionDefaults(t *testing.T) {
	cfg, problems := config.Parse("/etc/splitdns/c.toml", []byte("[server]\nstate = '/usr'\n[zone.a]\nurl = 'a.toml'\n[rule.a]\nzones = ['a']\nlog = true\n"))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	want := []feed.Subscription{{
		Zone: "a", URLs: []string{"/etc/splitdns/a.toml"}, Every: 24 * time.Hour, RemoveAfter: 720 * time.Hour, MaxLoss: 20,
	}}
	if d := cmp.Diff(want, cfg.Feeds); d != "" {
		t.Errorf("(-want +got): %s", d)
	}
}

// TestCopiesAreRead has a copy, its candidate and one that waits, each of other names.
func TestCopiesAreRead(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "c.toml")
	text := "[server]\nstate = 'state'\n[zone.a]\nurl = 'https://lists.example/a'\n[zone.intune]\nurl = 'https://lists.example/b'\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	state := filepath.Join(dir, "state")
	load := func(candidate string) (*config.Config, string) {
		cfg, _, problems := config.LoadCandidate(path, candidate)
		if cfg == nil {
			return nil, problems.String()
		}
		return cfg, problems.String()
	}
	first, _ := load("")
	if names := namesOf(first, "a"); names != "" || namesOf(first, "intune") == "" {
		t.Errorf("without a copy %q, and the bundled zone %q", names, namesOf(first, "intune"))
	}
	writeCopy(t, state, "a", ".copy", "a.example")
	writeCopy(t, state, "a", ".pending", "waits.example")
	writeCopy(t, state, "a", ".candidate", "candidate.example")
	writeCopy(t, state, "intune", ".copy", "own.example")
	second, said := load("")
	if names := namesOf(second, "a") + namesOf(second, "intune"); names != "a.example own.example " || !strings.Contains(said, "replaces the bundled zone") {
		t.Errorf("names %q, said %s", names, said)
	}
	if len(second.Pending) != 1 || second.Pending[0].Name != "a" || second.Digest == first.Digest {
		t.Errorf("waiting %v, digest %s and %s", second.Pending, first.Digest, second.Digest)
	}
	third, _ := load("a")
	if names := namesOf(third, "a"); names != "candidate.example " || third.Digest == second.Digest {
		t.Errorf("names %q of the candidate", names)
	}
	if cfg, said := load("intune"); cfg != nil || !strings.Contains(said, "intune.candidate") {
		t.Errorf("a candidate that is not there: %s", said)
	}
}

// writeCopy writes a part of what is on disk for a zone, in the form that package feed gives it.
func writeCopy(t *testing.T, dir, zone, part, name string) {
	t.Helper()
	list := name + "\n"
	sum := sha256.Sum256([]byte(list))
	body := fmt.Sprintf(`{"zone":%q,"fetched":"2026-11-01T12:00:00Z","documents":[{"url":"https://lists.example/a","format":"list","sha256":"%x","size":%d}]}`+"\n%s",
		zone, sum, len(list), list)
	text := fmt.Sprintf("splitdns-feed 1 %x\n%s", sha256.Sum256([]byte(body)), body)
	if err := errors.Join(os.MkdirAll(dir, 0o700), os.WriteFile(filepath.Join(dir, zone+part), []byte(text), 0o600)); err != nil {
		t.Fatal(err)
	}
}

// namesOf are the names of a zone.
func namesOf(cfg *config.Config, zone string) string {
	text := ""
	for _, z := range cfg.Zones {
		for i := range z.Rows {
			for p := range z.Rows[i].Patterns.All() {
				if z.Name == zone {
					text += p.String() + " "
				}
			}
		}
	}
	return text
}
