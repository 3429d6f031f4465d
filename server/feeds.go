package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"time"

	"splitdns/matcher"
	"splitdns/server/config"
	"splitdns/server/internal/feed"
	"splitdns/server/internal/metrics"
	"splitdns/server/internal/wire"
	"splitdns/zones/tomlfile"
)

// FeedStatus is how a subscription does.
type FeedStatus = feed.ZoneStatus

// newKeeper returns what keeps the subscriptions of s up to date; it has none yet.
func (s *Server) newKeeper() *feed.Keeper {
	fetcher := feed.NewFetcher(s.dialHost, "splitdns/"+s.options.Version)
	return feed.NewKeeper(feed.Options{
		Folders: &s.folders, Fetch: fetcher.Fetch, Adopt: s.adopt, Reload: func(why string) { s.reload(why) }, Jitter: jitter, Log: s.options.Log,
	})
}

// jitter is d, or up to a tenth more or less.
func jitter(d time.Duration) time.Duration {
	return d + time.Duration((rand.Float64()-0.5)*0.2*float64(d))
}

// followFeeds has the subscriptions of c be followed from now on.
func (s *Server) followFeeds(c *config.Config) {
	if s.options.LoadCandidate != nil {
		s.feeds.Set(c.Server.State, c.Feeds)
	}
}

// adopt puts the candidate for the copy of zone in force, once commit has made it the copy. It goes through the same door
// as a reload: the whole configuration must be good with it. Without a commit it only finds that out.
func (s *Server) adopt(zone, why string, commit func() error) error {
	s.reloading.Lock()
	defer s.reloading.Unlock()
	defer giveBack(allocated())
	c, files, problems := s.load(func() (*config.Config, []config.File, tomlfile.Problems) { return s.options.LoadCandidate(zone) })
	if c == nil || problems.Errors() {
		return s.blame(problems)
	}
	if commit == nil {
		return nil
	}
	if err := commit(); err != nil {
		return &feed.Error{Kind: feed.State, Err: fmt.Errorf("writing to server.state: %w", err)}
	}
	if r := s.take(why, c, files, problems); !r.ok {
		return &feed.Error{Kind: feed.Other, Err: errors.New(firstError(r.problems))}
	}
	return nil
}

// blame says whether it is for the candidate that a configuration has problems: without it there are none. The caller
// holds s.reloading.
func (s *Server) blame(problems tomlfile.Problems) error {
	c, _, own := s.load(s.options.Load)
	if c == nil || own.Errors() {
		return &feed.Error{Kind: feed.Other, Err: fmt.Errorf("the configuration on disk has problems of its own, so nothing new is taken over: %s", firstError(own))}
	}
	return &feed.Error{Kind: feed.Config, Err: fmt.Errorf("the configuration has problems with it: %s", firstError(problems))}
}

// lookupTime bounds how long the addresses of a host are looked for, and dialTime how long one of them is tried.
const (
	lookupTime = 10 * time.Second
	dialTime   = 10 * time.Second
	maxDials   = 6 // addresses of a host
)

// dialHost connects to the host of a feed. Its name is asked of the upstream group that the rules have for it, as any
// client's query would be, but never by way of a listener: this server may be the resolver of its own machine,
// and so what the system would be asked for would come back to us.
func (s *Server) dialHost(ctx context.Context, network, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	addrs, err := s.lookupHost(ctx, host)
	if err != nil {
		return nil, fmt.Errorf("looking up %s: %w", host, err)
	}
	d := net.Dialer{Timeout: dialTime}
	for _, addr := range addrs[:min(len(addrs), maxDials)] {
		var conn net.Conn
		if conn, err = d.DialContext(ctx, network, net.JoinHostPort(addr.String(), port)); err == nil {
			return conn, nil
		}
	}
	return nil, err
}

// errSimulated is that a name of the simulated internet leads nowhere.
var errSimulated = errors.New("the internet of the demonstration is simulated: give a URL with an address, or the path of a file")

// lookupHost returns the addresses of host, IPv4 ones first; one at least.
func (s *Server) lookupHost(ctx context.Context, host string) ([]netip.Addr, error) {
	if addr, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{addr}, nil
	}
	loopback := []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1}), netip.IPv6Loopback()}
	if host == "localhost" { // RFC 6761, section 6.3
		return loopback, nil
	}
	if s.options.Demo {
		return nil, errSimulated
	}
	name, err := matcher.ParseName(host)
	if err != nil {
		return nil, err
	}
	now := s.resolver.current.Load()
	up := now.upstreams[now.policy.Decide(name, now.policy.Class(loopback[0])).Upstream]
	ctx, cancel := context.WithTimeout(ctx, lookupTime)
	defer cancel()
	return askBoth(ctx, up, name)
}

// askBoth asks an upstream group for the addresses of name, of both families.
func askBoth(ctx context.Context, up Exchanger, name matcher.Name) ([]netip.Addr, error) {
	type heard struct {
		addrs []netip.Addr
		err   error
	}
	results := make(chan heard, 2)
	for _, t := range []wire.Type{wire.TypeA, wire.TypeAAAA} {
		q := wire.UpstreamQuery{Question: wire.Question{Name: name, Type: t, Class: wire.ClassIN}}
		up.Exchange(q, func(m wire.Message, _ string, err error) {
			h := heard{err: err}
			switch {
			case err != nil:
			case isFailure(m.Rcode()), m.Rcode() == wire.NXDomain:
				h.err = errors.New(m.Rcode().String())
			case !m.Empty():
				h.addrs = slices.Clone(m.Addresses())
			}
			results <- h
		})
	}
	up.Flush()
	var all []netip.Addr
	var failure error
	for range 2 {
		select {
		case h := <-results:
			all, failure = append(all, h.addrs...), errors.Join(failure, h.err)
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	if len(all) == 0 {
		return nil, errorsOr(failure, "no address")
	}
	slices.SortStableFunc(all, func(a, b netip.Addr) int { return a.BitLen() - b.BitLen() })
	return all, nil
}

// errorsOr is err, or one that says text.
func errorsOr(err error, text string) error {
	if err != nil {
		return err
	}
	return errors.New(text)
}

// A RefreshQuery says what is to be fetched now.
type RefreshQuery struct {
	Zone   string `json:"zone"`   // "": every subscription
	Accept bool   `json:"accept"` // also a copy that has shrunk, would open pins or is of another format, and at once
}

// Refreshed is what became of it.
type Refreshed struct {
	Outcomes []feed.Outcome `json:"outcomes"` // by zone
}

// refreshTime bounds how long a client of the control socket waits for a fetch.
const refreshTime = 10 * time.Minute

// controlRefresh is `POST /v1/refresh`.
func (s *Server) controlRefresh(w http.ResponseWriter, r *http.Request) {
	var q RefreshQuery
	in := json.NewDecoder(http.MaxBytesReader(w, r.Body, controlMaxBody))
	in.DisallowUnknownFields()
	if err := in.Decode(&q); err != nil && !errors.Is(err, io.EOF) {
		refuseControl(w, http.StatusBadRequest, fmt.Errorf("reading the body: %w: want {\"zone\": NAME}", err))
		return
	}
	if s.draining.Load() {
		refuseControl(w, http.StatusServiceUnavailable, errors.New("the server is stopping"))
		return
	}
	conn, until := http.NewResponseController(w), time.Now().Add(refreshTime)
	if err := errors.Join(conn.SetReadDeadline(until), conn.SetWriteDeadline(until)); err != nil { // or the client is taken for gone
		refuseControl(w, http.StatusInternalServerError, err)
		return
	}
	outcomes, err := s.feeds.Refresh(r.Context(), q.Zone, q.Accept)
	if err != nil {
		refuseControl(w, http.StatusBadRequest, err)
		return
	}
	writeControl(w, http.StatusOK, Refreshed{outcomes})
}

// addFeeds adds how subscriptions do.
func addFeeds(p *metrics.Page, all []FeedStatus) {
	for _, st := range all {
		up, waits := 1.0, 0.0
		if st.Problem != "" {
			up = 0
		}
		if st.Pending {
			waits = 1
		}
		p.Add("splitdns_subscription_ok", up, st.Zone)
		if !st.Fetched.IsZero() {
			p.Add("splitdns_subscription_copy_timestamp_seconds", float64(st.Fetched.Unix()), st.Zone)
		}
		if !st.Checked.IsZero() {
			p.Add("splitdns_subscription_last_success_timestamp_seconds", float64(st.Checked.Unix()), st.Zone)
		}
		p.Add("splitdns_subscription_names", float64(st.Names), st.Zone)
		p.Add("splitdns_subscription_prefixes", float64(st.Prefixes), st.Zone)
		p.Add("splitdns_subscription_kept", float64(st.Kept), st.Zone)
		p.Add("splitdns_subscription_pending", waits, st.Zone)
		p.Add("splitdns_subscription_fetches_total", float64(st.Tries), st.Zone)
		p.Add("splitdns_subscription_refused_total", float64(st.Refused()), st.Zone)
		for _, kind := range feed.Kinds {
			p.Add("splitdns_subscription_errors_total", float64(st.Errors[kind]), st.Zone, string(kind))
		}
	}
}
