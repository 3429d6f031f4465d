package upstream

import (
	"errors"
	"time"

	"splitdns/server/internal/guard"
	"splitdns/server/internal/wire"
)

// maxAsked is how often one attempt asks: in the usual way, in a stream, without what
// the server does not know, and with a new cookie.
const maxAsked = 6

// An attempt is one server's chance to answer. It has one question under way at a time,
// and goes on where that ends, so nothing in it needs a lock.
type attempt struct {
	*exchange
	server *server
	try    *try
	began  time.Time
	until  time.Time
	probe  bool // it may end the server's rest

	waiting *waiting      // for the question under way
	room    waiting       // the first
	asked   int           // questions so far
	rtt     time.Duration // of the first response; 0: there was none

	stream   bool // the question under way is in a stream
	plain    bool // without EDNS
	fallback bool // plain, since the server did not understand it otherwise
	lower    bool // with the name in lower case
	free     bool // from the doubt that there was
	doubt    doubt
	cookies  int // BADCOOKIEs so far
}

// send asks over UDP; what comes of it is for heard.
func (a *attempt) send(now time.Time) { a.put(now, false, a.heard) }

// inStream asks in a stream; what comes of it is for heardInStream.
func (a *attempt) inStream(now time.Time) { a.put(now, true, a.heardInStream) }

// put asks.
func (a *attempt) put(now time.Time, stream bool, done func([]byte, error)) {
	w := &a.room
	if a.asked > 0 {
		w = new(waiting) // the other may still be looked at by others
	}
	a.asked++
	a.stream, a.waiting = stream, w
	*w = waiting{packed: a.packed(now), done: done, until: a.until}
	a.server.counts.queries.Add(1)
	a.server.ask(w, stream)
}

// packed is the query as this server gets it.
func (a *attempt) packed(now time.Time) packed {
	q := a.query
	if a.plain {
		q.UDPSize, q.DO = 0, false
	}
	p, doubts := pack(q, maxCookieOption), !a.stream
	if !a.server.overUDP() {
		return p // nobody else can answer
	}
	p.believed.question = doubts && !(a.free && a.doubt == noQuestion)
	if q.UDPSize > 0 {
		expected := p.addCookie(&a.server.cookies, now)
		p.believed.cookie = expected && doubts && !(a.free && a.doubt == noCookie)
	}
	if !a.lower {
		spell(p.name())
		p.believed.exact = doubts
	}
	return p
}

// heard takes what came over UDP. A truncated response is no more than the reason to
// ask over TCP at once (RFC 7766, section 5), and so are responses that are in
// doubt, or that somebody guessed.
func (a *attempt) heard(response []byte, err error) {
	now := time.Now()
	d, doubted := errors.AsType[doubt](err)
	switch {
	case doubted:
		a.doubt = d
	case err == errGuessed:
	case err == nil && isTruncated(response):
		a.noteResponse(now, response)
	default:
		a.judge(now, response, err)
		return
	}
	a.inStream(now)
}

// heardInStream takes what came in a stream. It settles the doubt that there was.
func (a *attempt) heardInStream(response []byte, err error) {
	now := time.Now()
	_, refused := errors.AsType[rcodeError](err)
	if a.doubt != "" && err != nil && !refused && a.rtt == 0 && a.isOpen() {
		a.concede(now)
		return
	}
	if err == nil && a.doubt != "" && !a.free {
		a.settleDoubt(now, response)
	}
	a.judge(now, response, err)
}

// concede asks over UDP without what there was a doubt about: the server is an odd one
// that has no TCP either.
func (a *attempt) concede(now time.Time) {
	a.free = true
	switch {
	case a.doubt == otherCase:
		a.lower = true
	case a.doubt == noQuestion && !a.plain:
		a.plain, a.fallback = true, true
	}
	a.send(now)
}

// settleDoubt remembers what a response in a stream shows of the server.
func (a *attempt) settleDoubt(now time.Time, response []byte) {
	switch a.doubt {
	case otherCase:
		if !a.waiting.keepsCase(response) {
			a.server.spelling.becomeLower(now)
		}
	case noCookie:
		if _, ok := findCookie(response); !ok {
			a.server.cookies.forget()
		}
	}
}

// noteResponse notes that the server is there, and what the response shows of it.
func (a *attempt) noteResponse(now time.Time, response []byte) {
	a.server.counts.answers.Add(1)
	a.server.health.heard()
	a.group.noteAnswer(a.server, now)
	if a.rtt == 0 {
		a.rtt = max(now.Sub(a.began), 1)
	}
	if response == nil || a.waiting.cookie == nil {
		return
	}
	if cookie, ok := findCookie(response); ok && len(cookie) > clientCookieSize {
		a.server.cookies.learn(cookie[:clientCookieSize], cookie[clientCookieSize:], now)
	}
}

// judge decodes a response.
func (a *attempt) judge(now time.Time, response []byte, err error) {
	_, refused := errors.AsType[rcodeError](err)
	if err == nil || refused {
		a.noteResponse(now, response)
	}
	var m wire.Message
	if err == nil {
		m, err = a.decode(response)
	}
	if a.asksAgain(now, m, err) {
		return
	}
	if err == nil {
		a.learn(now)
	}
	a.settle(now, m, err)
}

// decode decodes a response to the question under way. Names in its records may point to
// the question, which is put into lower case.
func (a *attempt) decode(response []byte) (m wire.Message, err error) {
	defer guard.Catch(&err)
	unspell(response[headerSize:][:len(a.waiting.name())])
	return decode(response, a.query.Question)
}

// asksAgain asks once more where a server does not know EDNS, without (RFC 6891, section 7), and
// where it wants another cookie, with that.
func (a *attempt) asksAgain(now time.Time, m wire.Message, err error) bool {
	_, refused := errors.AsType[rcodeError](err)
	switch {
	case a.asked >= maxAsked:
	case refused && !a.plain:
		a.plain, a.fallback = true, true
		a.send(now)
		return true
	case err == nil && m.Rcode() == rcodeBadCookie:
		return a.anotherCookie(now)
	}
	return false
}

// anotherCookie asks once more: with the cookie that came, and then in a stream
// (RFC 7873, section 5.3).
func (a *attempt) anotherCookie(now time.Time) bool {
	if a.waiting.cookie == nil || a.stream {
		return false
	}
	if a.cookies++; a.cookies == 1 {
		a.send(now)
	} else {
		a.inStream(now)
	}
	return true
}

// learn remembers that the server answers what it is asked in another way.
func (a *attempt) learn(now time.Time) {
	if a.fallback {
		a.server.becomePlain() // it was EDNS indeed
	}
	switch {
	case !a.free:
	case a.doubt == otherCase:
		a.server.spelling.becomeLower(now)
	case a.doubt == noCookie:
		a.server.cookies.forget()
	}
}

// isOpen says whether the group is, and there is time.
func (a *attempt) isOpen() bool {
	return a.server.open.Err() == nil && a.asked < maxAsked && time.Now().Before(a.until)
}

// settle hands the exchange what came of the attempt.
func (a *attempt) settle(now time.Time, m wire.Message, err error) {
	if err == nil && isAnswer(m.Rcode()) {
		a.server.health.answered(now, a.rtt)
	}
	if err == nil && isRefusal(m.Rcode()) {
		a.server.health.refused()
	}
	a.count(err)
	a.exchange.settle(a, now, a.unsigned(m), err)
}

// unsigned has a response for no longer than plainFor that may lack the signatures that
// were wanted, since DO went with EDNS: the server may be found to know EDNS after all.
func (a *attempt) unsigned(m wire.Message) wire.Message {
	if m.IsZero() || !a.query.DO || !a.plain {
		return m
	}
	return m.CapTTL(uint32(plainFor / time.Second))
}

// count counts what was no response.
func (a *attempt) count(err error) {
	_, silent := errors.AsType[*silence](err)
	switch {
	case err == nil || a.server.open.Err() != nil:
	case silent:
		a.server.counts.timeouts.Add(1)
	default:
		a.server.counts.errors.Add(1)
	}
}
