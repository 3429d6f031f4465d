package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"splitdns/server/config"
)

// token is a good one.
const token = "0123456789abcdef0123456789abcdef"

func TestFeedKeys(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"token": token + "\n", "crlf": token + "\r\n", "long": strings.Repeat("x", 128), "empty": "", "short": "0123456789abcde\n",
		"longer": strings.Repeat("x", 129), "huge": strings.Repeat("x", 1<<20), "space": "0123456789abcdef 0123\n", "two": token + "\n" + token + "\n", "nul": token + "\x00\n",
	} {
		write(t, dir, name, text)
	}
	if err := os.Chmod(write(t, dir, "open", token), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(write(t, dir, "group", token), 0o640); err != nil {
		t.Fatal(err)
	}
	const on = "[http]\nlisten = ['127.0.0.1:9153']\n"
	for name, c := range map[string]struct{ text, want string }{
		"the default":                  {on, ""},
		"nobody":                       {on + "feeds = []\n", ""},
		"without a listener":           {"[http]\nfeeds = ['192.0.2.1']\n", "c.toml:2: warning: http.feeds: there is no http.listen: nobody can fetch"},
		"nobody without a listener":    {"[http]\nfeeds = []\n", ""},
		"everybody":                    {on + "feeds = ['0.0.0.0/0']\n", `c.toml:3: warning: http.feeds: "0.0.0.0/0": everybody may fetch; name the firewalls, or give feed_token_file`},
		"everybody with the token":     {on + "feeds = ['0.0.0.0/0']\nfeed_token_file = 'token'\n", ""},
		"no prefix":                    {on + "feeds = ['192.0.2.1/99']\n", "c.toml:3: http.feeds[0]: "},
		"a token":                      {on + "feed_token_file = 'token'\n", ""},
		"a token of Windows":           {on + "feed_token_file = 'crlf'\n", ""},
		"a long token":                 {on + "feed_token_file = 'long'\n", ""},
		"none":                         {on + "feed_token_file = ''\n", ""},
		"no file":                      {on + "feed_token_file = 'missing'\n", "c.toml:3: http.feed_token_file: missing: no such file or directory"},
		"a folder":                     {on + "feed_token_file = '.'\n", "is a directory"},
		"an empty file":                {on + "feed_token_file = 'empty'\n", "the token has 0 octets: want one line of 16 to 128"},
		"a short token":                {on + "feed_token_file = 'short'\n", "the token has 15 octets"},
		"a token that is too long":     {on + "feed_token_file = 'longer'\n", "c.toml:3: http.feed_token_file: longer: want one line of 16 to 128 octets"},
		"a large file":                 {on + "feed_token_file = 'huge'\n", "want one line of 16 to 128 octets"},
		"a space":                      {on + "feed_token_file = 'space'\n", "want one line of 16 to 128 octets, letters, digits and"},
		"two tokens":                   {on + "feed_token_file = 'two'\n", "want one line"},
		"a NUL":                        {on + "feed_token_file = 'nul'\n", "want one line"},
		"a token that all may read":    {on + "feed_token_file = 'open'\n", "c.toml:3: warning: http.feed_token_file: open: every user of this machine can read the token: chmod o= open"},
		"a token that a group may":     {on + "feed_token_file = 'group'\n", ""},
		"a token in place of its file": {on + "feed_token_file = '" + token + "'\n", "no such file"},
		"kept for ever":                {on + "feed_keep = '1000h'\n", "http.feed_keep: "},
		"not kept":                     {on + "feed_keep = '0s'\n", "http.feed_keep: "},
	} {
		_, _, got := loadTLS(t, dir, c.text)
		if (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// TestARuleForAFeedDoesSomething holds that a rule whose addresses can be fetched may have nothing but names.
func TestARuleForAFeedDoesSomething(t *testing.T) {
	const rule, nothing = "[rule.a]\nnames = ['a.example']\n", "the rule does nothing"
	for text, warns := range map[string]bool{
		rule: true, rule + "[http]\nlisten = ['127.0.0.1:9153']\n": false, rule + "[http]\nlisten = ['127.0.0.1:9153']\nfeeds = []\n": true,
		rule + "[http]\nfeeds = ['192.0.2.1']\n": true, "[http]\nlisten = ['127.0.0.1:9153']\nfeeds = ['192.0.2.1']\n" + rule: false,
	} {
		if _, _, got := loadTLS(t, t.TempDir(), text); strings.Contains(got, nothing) != warns {
			t.Errorf("%s: %q, want a warning: %v", text, got, warns)
		}
	}
}

// TestFeedToken holds that a changed token is a changed configuration, and that the token itself is not kept.
func TestFeedToken(t *testing.T) {
	dir := t.TempDir()
	path := write(t, dir, "c.toml", "[http]\nlisten = ['127.0.0.1:9153']\nfeed_token_file = 'token'\n")
	write(t, dir, "token", token)
	first, files, problems := config.LoadFiles(path)
	if first == nil || len(problems) > 0 || len(files) != 2 {
		t.Fatal(first, files, problems)
	}
	if first.HTTP.FeedToken == nil || *first.HTTP.FeedToken != config.NewFeedToken(token) || !first.HTTP.HasFeeds() {
		t.Errorf("%+v, want the hash of the token", first.HTTP)
	}
	write(t, dir, "token", strings.ToUpper(token))
	if second, _ := config.Load(path); second == nil || second.Digest == first.Digest {
		t.Error("another token does not change the digest")
	}
	if files[1].Path != filepath.Join(dir, "token") {
		t.Errorf("files %v, want the token among them", files)
	}
}

// TestFeedTokenThatMayNotBeRead holds that the message says what to do.
func TestFeedTokenThatMayNotBeRead(t *testing.T) {
	dir := t.TempDir()
	path := write(t, dir, "token", token)
	if err := os.Chmod(path, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := os.ReadFile(path); err == nil {
		t.Skip("this user may read every file")
	}
	_, _, problems := loadTLS(t, dir, "[http]\nlisten = ['127.0.0.1:9153']\nfeed_token_file = 'token'\n")
	if want := "c.toml:3: http.feed_token_file: token: permission denied: let the user read it as whom the server runs"; !strings.Contains(problems, want) {
		t.Errorf("%s, want %s", problems, want)
	}
}
