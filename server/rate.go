package server

import (
	"encoding/binary"
	"fmt"
	"hash/maphash"
	"net/netip"
	"sync/atomic"
	"time"

	"splitdns/server/internal/listen"
	"splitdns/server/internal/wire"
)

const (
	// rateBuckets is how many buckets each of the two tables has; a power of two.
	rateBuckets = 1 << 15
	// rateBurst is for how many seconds' queries a client may save up.
	rateBurst = 2
	// rateNetwork is how much of an IPv6 address tells clients apart, in octets: a site has a /56 to
	// choose from, or more (RFC 6177, section 2).
	rateNetwork = 7
	// limitedEvery is how often the log says that clients are over the limit, at most.
	limitedEvery = 10 * time.Second
)

// rates bounds the queries of each client over UDP. It is of fixed size, and safe for concurrent use
// without locks. A client has a bucket in each of two tables, and is over the limit if both are empty: so
// whoever shares one bucket with a flood has the other.
type rates struct {
	limit   int // queries a second
	seed    maphash.Seed
	start   time.Time
	each    int64                        // nanoseconds that one query takes of a bucket
	most    int64                        // nanoseconds that a bucket holds
	buckets [2][rateBuckets]atomic.Int64 // when each is full again, since start
}

// newRates returns rates for a limit in queries a second, or nil for 0.
func newRates(limit int) *rates {
	if limit == 0 {
		return nil
	}
	return &rates{
		limit: limit, seed: maphash.MakeSeed(), start: time.Now(),
		each: int64(time.Second) / int64(limit), most: rateBurst * int64(time.Second),
	}
}

// or is old if it has the same limit, and r otherwise: what clients have taken stays taken. Both may be nil.
func (r *rates) or(old *rates) *rates {
	if r != nil && old != nil && r.limit == old.limit {
		return old
	}
	return r
}

// allow takes one query from the client's buckets, and reports whether it was there.
func (r *rates) allow(client netip.Addr, at time.Time) bool {
	var key [8]byte
	if client.Is4() || client.Is4In6() {
		a := client.As4()
		binary.BigEndian.PutUint32(key[:], binary.BigEndian.Uint32(a[:]))
	} else {
		a := client.As16()
		copy(key[:rateNetwork], a[:])
		key[rateNetwork] = 6
	}
	hash, now := maphash.Bytes(r.seed, key[:]), int64(at.Sub(r.start))
	first := r.take(&r.buckets[0][hash%rateBuckets], now)
	second := r.take(&r.buckets[1][hash>>32%rateBuckets], now)
	return first || second
}

// take takes one query from a bucket.
func (r *rates) take(bucket *atomic.Int64, now int64) bool {
	for {
		old := bucket.Load()
		full := max(old, now) + r.each
		if full > now+r.most {
			return false
		}
		if bucket.CompareAndSwap(old, full) {
			return true
		}
	}
}

// limited counts the queries over the limit. It is safe for concurrent use.
type limited struct {
	total   atomic.Uint64
	dropped atomic.Uint64 // of these, left without an answer
	said    atomic.Int64  // when the log was told, in nanoseconds of Unix time
}

// status is what l has counted.
func (l *limited) status() LimitedStatus {
	dropped := l.dropped.Load() // first: it is never more than the total
	return LimitedStatus{Truncated: l.total.Load() - dropped, Dropped: dropped}
}

// overRate reports whether a query is over its client's limit, and appends the response to it, if it gets
// one. Every second such query is answered with TC, so that a client which is really there comes over TCP,
// and can get a cookie: those who show a good one are spared, as are all who use TCP. The others are
// dropped: whoever forges an address must not get as much as he sends.
func (s *Server) overRate(dst []byte, now *snapshot, packet []byte, from listen.Peer) (response []byte, over bool) {
	if now.rates == nil || from.TCP || now.rates.allow(from.Addr.Addr(), from.At) {
		return dst, false
	}
	q, refusal := parseQuery(packet, from)
	if sent := []byte(q.Cookie); len(sent) > 0 && now.config.Server.Cookies {
		if _, good := s.cookies.Answer(sent, from.Addr.Addr(), from.At); good {
			return dst, false
		}
	}
	n := s.limited.total.Add(1)
	s.reportLimited(q.Client, from.At, n)
	if refusal != nil || n%2 == 0 {
		s.limited.dropped.Add(1)
		return dst, true
	}
	q.options = s.replyOptions(now, q.Sent, []byte(q.Cookie), from)
	response, _ = now.pack(dst, q, Outcome{Response: wire.NewMessage(q.Question, wire.NoError).Cut()})
	return response, true
}

// reportLimited says once in a while that clients are over the limit, and which was the last.
func (s *Server) reportLimited(client netip.Addr, at time.Time, total uint64) {
	said, now := s.limited.said.Load(), at.UnixNano()
	if now-said < int64(limitedEvery) || !s.limited.said.CompareAndSwap(said, now) {
		return
	}
	s.options.Log.Warn(fmt.Sprintf("clients are over server.rate_limit: %d queries truncated or dropped so far, the last of %v", total, client))
}
