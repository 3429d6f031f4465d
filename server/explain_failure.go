package server

import (
	"strconv"
	"strings"
	"time"

	"splitdns/server/internal/wire"
)

// Failure is that an upstream had no answer a moment ago, as this client would hear it.
type Failure struct {
	Type string `json:"type"`
	Age  int    `json:"age"`  // seconds
	TTL  int    `json:"ttl"`  // seconds; until the upstream may be asked again
	From string `json:"from"` // the server that said so; "" if none did
	Code uint16 `json:"ede"`  // of the extended error
	Text string `json:"text"`
}

// failures adds what the upstream had no answer to of late, and would not be asked again.
func (e *Explanation) failures(r *Resolver, s *snapshot, q wire.Question, group string) {
	up, ok := s.upstreams[group]
	if !ok {
		return
	}
	now := r.now()
	for _, key := range keys(q) {
		stored, ok := r.cache.Failure(key, up.id, now)
		if !ok {
			continue
		}
		f := Failure{Type: q.Type.String(), From: stored.From, Age: int(stored.Age(now) / time.Second)}
		f.TTL = int(stored.Lifetime/time.Second) - f.Age
		why := stored.Message.EDEs()
		if stored.From != "" {
			why = refusal(stored.Message, group, stored.From)
		}
		f.Code, f.Text = why[0].Code, why[0].Text
		e.Failures = append(e.Failures, f)
		return
	}
}

// facts says that there was no answer, and why. The text is the last fact, as it is in
// the words of others.
func (f Failure) facts() []string {
	t := tokens{"cache", f.Type, "failed"}
	t.add("age", strconv.Itoa(f.Age))
	t.add("ttl", strconv.Itoa(f.TTL))
	t.add("from", f.From)
	t.add("ede", strconv.Itoa(int(f.Code)))
	return []string{strings.Join(t, " "), "failure " + f.Type + " " + f.Text}
}
