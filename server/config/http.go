package config

import (
	"crypto/sha256"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"splitdns/zones"
	"splitdns/zones/tomlfile"
)

// HTTP is [http].
type HTTP struct {
	Listen    []netip.AddrPort // none: off
	Feeds     []netip.Prefix   // who may fetch address feeds; none: nobody
	FeedToken *FeedToken       // nil: none is asked for
	FeedKeep  time.Duration    // how long an address is observed after it was last seen
}

// HasFeeds reports whether anybody may fetch address feeds.
func (h *HTTP) HasFeeds() bool { return len(h.Listen) > 0 && len(h.Feeds) > 0 }

// A FeedToken is the SHA-256 of the token that whoever fetches an address feed must send: the token
// itself is in nobody's memory, and two hashes are compared in constant time whatever their texts are.
type FeedToken [sha256.Size]byte

// NewFeedToken returns the hash of a token.
func NewFeedToken(token string) FeedToken { return sha256.Sum256([]byte(token)) }

// Bounds and the default of what is observed for address feeds.
const (
	defaultFeedKeep = 24 * time.Hour
	minFeedKeep     = time.Minute
	maxFeedKeep     = 7 * 24 * time.Hour // what the memory keeps for certain
)

// Bounds of a token, in octets: nobody guesses 16 of them, and devices have fields for 128.
const (
	minFeedToken = 16
	maxFeedToken = 128
)

// http reads [http].
func (l *loader) http() {
	t := l.file.Table("http")
	h := &l.cfg.HTTP
	listen := t.Texts("listen")
	h.Listen = listenAddresses(listen, 0, l.cfg.Server.Listen)
	h.Feeds = l.cfg.Server.Admins
	if t.Has("feeds") {
		h.Feeds = zones.Prefixes(t.Texts("feeds"))
	}
	h.FeedToken = l.feedToken(t)
	h.FeedKeep = t.Duration("feed_keep", defaultFeedKeep, minFeedKeep, maxFeedKeep)
	l.checkFeeds(t, len(listen) > 0)
}

// checkFeeds warns of feeds that nobody can fetch, as the service is not open, and of those that anybody can.
func (l *loader) checkFeeds(t *tomlfile.Table, isOpen bool) {
	h := &l.cfg.HTTP
	isNamed := t.Has("feeds") && !slices.Equal(h.Feeds, l.cfg.Server.Admins) // or else it may be copied from the example
	if isNamed && len(h.Feeds) > 0 && !isOpen {
		t.Warn("feeds", `there is no http.listen: nobody can fetch; give an address such as ["192.0.2.1:9153"]`)
	}
	for _, p := range h.Feeds {
		if isNamed && p.Bits() == 0 && !t.Has("feed_token_file") {
			t.Warn("feeds", "%q: everybody may fetch; name the firewalls, or give feed_token_file", p)
		}
	}
}

// feedToken reads the file that holds the token of address feeds; nil where none is named, or none can be read.
func (l *loader) feedToken(t *tomlfile.Table) *FeedToken {
	text, ok := t.Text("feed_token_file")
	if !ok || text.Value == "" {
		return nil
	}
	path := l.resolve(text.Value)
	l.files = append(l.files, Stat(path))
	data, err := readFile(path, maxFeedToken+2) // and the end of the line
	if err != nil {
		text.Problem("%s: %v%s", path, err, letRead(err))
		return nil
	}
	token := strings.TrimRight(string(data), "\r\n")
	switch {
	case len(token) < minFeedToken:
		text.Problem("%s: the token has %d octets: want one line of %d to %d, such as from: openssl rand -hex 24", path, len(token), minFeedToken, maxFeedToken)
		return nil
	case len(token) > maxFeedToken || strings.Trim(token, feedTokenOctets) != "":
		text.Problem("%s: want one line of %d to %d octets, letters, digits and -._~+/=, such as from: openssl rand -hex 24", path, minFeedToken, maxFeedToken)
		return nil
	}
	warnOfReaders(text, path)
	l.hash(data)
	hash := NewFeedToken(token)
	return &hash
}

// feedTokenOctets are those that a Bearer token can have (RFC 6750, section 2.1); they need no
// escape in a URL, either, which is how some devices are given a password.
const feedTokenOctets = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~+/="

// warnOfReaders warns of a secret that every user of the machine can read. A group may be the
// server's own.
func warnOfReaders(text tomlfile.Text, path string) {
	info, err := os.Stat(path)
	if err == nil && info.Mode().Perm()&0o007 != 0 && runtime.GOOS != "windows" { // there the bits say nothing
		text.Warn("%s: every user of this machine can read the token: chmod o= %s", path, path)
	}
}
