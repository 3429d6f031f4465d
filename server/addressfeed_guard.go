package server

import (
	"crypto/subtle"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"splitdns/server/config"
)

// feedRefusals are the fetches of address feeds that were refused. It is safe for concurrent use.
type feedRefusals struct {
	address, host, token atomic.Uint64 // by why

	mu     sync.Mutex // guards what follows
	warned time.Time  // of a token, last
	silent int        // refused tokens that were not warned of since
}

// mayFetch reports whether the client of r may fetch address feeds, and answers it where it may not: by
// its address first, so that others cannot try tokens. Without a token, only under a name
// of this machine, as explanations: a browser on a machine in http.feeds must not read lists for a web page
// that points its own name here (DNS rebinding). It does not know the token, so with one any name will do.
func (s *Server) mayFetch(w http.ResponseWriter, r *http.Request, now *snapshot, at time.Time) (client netip.Addr, ok bool) {
	h := &now.config.HTTP
	client, ok = peerAddr(r)
	inFeeds := func(p netip.Prefix) bool { return p.Contains(client) }
	switch {
	case !ok || !slices.ContainsFunc(h.Feeds, inFeeds):
		s.feedRefusals.address.Add(1)
		http.Error(w, fmt.Sprintf("only for http.feeds, which does not have %s", client), http.StatusForbidden)
	case h.FeedToken == nil && !s.http.knows(r.Host):
		s.feedRefusals.host.Add(1)
		http.Error(w, "the Host header is not an address listened on; with http.feed_token_file it may be any name", http.StatusForbidden)
	case h.FeedToken != nil && !hasToken(r, *h.FeedToken):
		s.feedRefusals.token.Add(1)
		s.feedRefusals.warn(s.options.Log, r.Header.Get("Authorization") != "", client, at)
		w.Header().Add("WWW-Authenticate", `Basic realm="address feeds", charset="UTF-8"`)
		w.Header().Add("WWW-Authenticate", `Bearer realm="address feeds"`)
		http.Error(w, "the token of http.feed_token_file is wanted, as Bearer or as the password of any user", http.StatusUnauthorized)
	default:
		return client, true
	}
	return client, false
}

// hasToken reports whether r carries the token, as Bearer (RFC 6750, section 2.1) or as the password of
// a user of any name (RFC 7617, section 2).
func hasToken(r *http.Request, want config.FeedToken) bool {
	if len(r.Header.Values("Authorization")) != 1 { // two would leave open which counts
		return false
	}
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		var ok bool
		if _, token, ok = r.BasicAuth(); !ok {
			return false
		}
	}
	have := config.NewFeedToken(strings.Trim(token, " "))
	return subtle.ConstantTimeCompare(have[:], want[:]) == 1
}

// tokenWarnings is how often a refused token is warned of at most.
const tokenWarnings = time.Minute

// warn tells of a refused token, now and then.
func (f *feedRefusals) warn(log *slog.Logger, wasSent bool, client netip.Addr, at time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.warned.IsZero() && at.Sub(f.warned) < tokenWarnings {
		f.silent++
		return
	}
	what := "without the token"
	if wasSent {
		what = "with a wrong token"
	}
	text := fmt.Sprintf("address feed: %s tried to fetch %s of http.feed_token_file", client, what)
	if f.silent > 0 {
		text += fmt.Sprintf("; %d more tries were refused since the last warning", f.silent)
	}
	f.warned, f.silent = at, 0
	log.Warn(text)
}

// counts are the refusals, by why.
func (f *feedRefusals) counts() map[string]uint64 {
	return map[string]uint64{"address": f.address.Load(), "host": f.host.Load(), "token": f.token.Load()}
}
