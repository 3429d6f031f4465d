package server

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"splitdns/matcher"
	"splitdns/server/internal/addressfeed"
	"splitdns/server/internal/wire"
)

// maxFeedAddresses is how many addresses of one answer are observed: more are no answer to a client
// that wants to connect.
const maxFeedAddresses = 64

// observeFeeds notes the addresses of the answer to q for the rules that match the name, or a name of
// the chain. As in observe, finished answers are not seen.
func (r *Resolver) observeFeeds(s *snapshot, q Query, o Outcome) {
	if !s.config.HTTP.HasFeeds() || !o.isObservable(q) {
		return
	}
	for _, step := range o.Decision.Steps {
		name := q.Name
		if !step.Along.IsZero() {
			name = step.Along
		}
		addrs := o.judgedBy(step.Along)
		for _, addr := range addrs[:min(len(addrs), maxFeedAddresses)] {
			if s.policy.Foreign(addr) {
				r.feeds.Note(addressfeed.Sighting{Rule: step.Rule, Name: name, Addr: addr, Client: q.Client, At: q.Received})
			}
		}
	}
}

// judgedBy are the addresses of the answer that a rule speaks of which matched at a name of the chain,
// as in addressesBy, but for the QNAME and its CNAME records also those that the pin has removed.
func (o Outcome) judgedBy(along matcher.Name) []netip.Addr {
	if !along.IsZero() && !slices.Contains(o.Response.Links(), along) {
		return o.Response.AddressesAt(along)
	}
	addrs := make([]netip.Addr, 0, len(o.Judgement.Addresses))
	for _, a := range o.Judgement.Addresses {
		addrs = append(addrs, a.Addr)
	}
	return addrs
}

// isObservable reports whether o is what an upstream says about q's name.
func (o Outcome) isObservable(q Query) bool {
	return q.Class == wire.ClassIN && o.Source.Upstream != "" && !o.Decision.Answer.Given() && o.Response.Rcode() == wire.NoError
}

// feedSource is by what address feeds are made now.
func (s *snapshot) feedSource(now time.Time) addressfeed.Source {
	return addressfeed.Source{Policy: s.policy, Generation: s.generation, Keep: s.config.HTTP.FeedKeep, Now: now}
}

// wantFeed is the form of the path of an address feed.
var wantFeed = "want " + addressfeed.Root + "RULE.txt, or " + addressfeed.Root + "RULE/LIST.txt, where LIST is " +
	strings.Join(addressfeed.Lists, ", ") + ", alone or with -4 or -6; or .json"

// addressFeed is `GET /feed/RULE.txt` and the like, for the firewalls in http.feeds. Only they learn
// which rules there are.
func (s *Server) addressFeed(w http.ResponseWriter, r *http.Request) {
	now, at := s.resolver.current.Load(), s.resolver.now()
	w.Header().Set("Cache-Control", "private, no-cache") // it may be kept, but not given without asking
	w.Header().Set("X-Content-Type-Options", "nosniff")
	client, ok := s.mayFetch(w, r, now, at)
	if !ok {
		return
	}
	p, ok := addressfeed.ParsePath(strings.TrimPrefix(r.URL.Path, addressfeed.Root))
	switch {
	case !ok:
		http.Error(w, wantFeed, http.StatusNotFound)
		return
	case r.URL.RawQuery != "": // what is not looked at may be thought to do something
		http.Error(w, "a feed has no parameters: "+wantFeed, http.StatusBadRequest)
		return
	}
	body, err := s.resolver.feeds.Body(p, now.feedSource(at))
	seen := codeWriter{ResponseWriter: w, code: http.StatusOK}
	if err != nil {
		refuseFeed(&seen, p, err)
	} else {
		giveFeed(&seen, r, p, body)
	}
	codes := []int{http.StatusOK, http.StatusNotModified, http.StatusServiceUnavailable}
	if r.Method == http.MethodGet && slices.Contains(codes, seen.code) {
		s.resolver.feeds.Fetched(addressfeed.Fetch{
			Path: p, Client: client, Version: body.Version, Code: seen.code, At: at, Agent: r.UserAgent(),
		})
	}
}

// emptyRetry is after how many seconds a list that there is not yet is worth asking for again.
const emptyRetry = "60"

// refuseFeed says why there is no list.
func refuseFeed(w http.ResponseWriter, p addressfeed.Path, err error) {
	switch {
	case errors.Is(err, addressfeed.ErrNoRule):
		http.Error(w, fmt.Sprintf("no rule %q", p.Rule), http.StatusNotFound)
	case errors.Is(err, addressfeed.ErrEmpty), errors.Is(err, addressfeed.ErrEarly):
		w.Header().Set("Retry-After", emptyRetry)
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
	default:
		http.Error(w, err.Error(), http.StatusInternalServerError)
	}
}

// giveFeed gives a list, unless the client has it. It is given whole: half a list is a wrong one.
func giveFeed(w http.ResponseWriter, r *http.Request, p addressfeed.Path, body addressfeed.Body) {
	contentType := "text/plain; charset=utf-8"
	if p.JSON {
		contentType = "application/json"
	}
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("ETag", `"`+body.Version+`"`)
	r.Header.Del("Range")
	http.ServeContent(w, r, "", body.Modified, bytes.NewReader(body.Octets))
}

// codeWriter is an HTTP response that remembers its code.
type codeWriter struct {
	http.ResponseWriter
	code int
}

// WriteHeader sends the code, and does not offer parts.
func (w *codeWriter) WriteHeader(code int) {
	w.Header().Del("Accept-Ranges")
	w.code = code
	w.ResponseWriter.WriteHeader(code)
}

// peerAddr is the address of the client of a request; ok is false where there is none.
func peerAddr(r *http.Request) (addr netip.Addr, ok bool) {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	return peer.Addr().Unmap().WithZone(""), err == nil
}
