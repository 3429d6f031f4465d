package listen

const (
	// maxQuery is the longest query that is read, over whatever it comes: see maxDatagram.
	maxQuery = maxDatagram
	// maxUnread bounds the octets that wait to be sent on one connection, behind those that the
	// system holds already. It is room for 128 responses of 4 KB.
	maxUnread = 512 << 10
	// maxAllUnread bounds these octets of all connections of a listener, and what streams of HTTPS take.
	maxAllUnread = 64 << 20
	// streamSize is what one stream of HTTPS takes besides its response, in octets: a goroutine and what
	// net/http keeps of the request, measured.
	streamSize = 16 << 10
	// maxHeld is maxUnread for a connection over HTTPS, with its streams.
	maxHeld = maxUnread + maxStreams*streamSize
)

// hold counts n more octets as held for the client of c until they are released. False: they are too many for
// one connection, or c is cut since it holds the most. Others are cut that hold more, if all have too much.
func (l *Listener) hold(c *conn, n int) bool {
	limit := maxUnread
	if l.web != nil {
		limit = maxHeld
	}
	fits, greedy := l.conns.hold(c, n, limit, l.mostUnread)
	for _, out := range greedy {
		l.count.evicted.Add(1)
		out.cut()
	}
	return fits
}

// hold counts n octets for c, if it has no more than limit then and is still in the set. If all have more than
// most then, those that are to be cut for it are taken out of the set.
func (s *connections) hold(c *conn, n, limit, most int) (fits bool, greedy []*conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.crowd == nil || c.unread+n > limit {
		return false, nil
	}
	s.charge(c, n)
	for s.unread > most {
		out := s.greediest()
		s.take(out)
		greedy = append(greedy, out)
	}
	return c.crowd != nil, greedy
}

// release ends what hold began, for n octets. Those of a connection that is out of the set are gone already.
func (s *connections) release(c *conn, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.crowd != nil {
		s.charge(c, -n)
	}
}

// charge counts n octets more for c. mu is held, and c is in the set.
func (s *connections) charge(c *conn, n int) {
	c.unread += n
	c.crowd.unread += n
	s.unread += n
}

// greediest is the connection with the most octets of the client with the most. Looking at all of them is seldom: each
// time frees what the client has left unread there. mu is held, and octets are held for somebody.
func (s *connections) greediest() (out *conn) {
	var most *crowd
	for _, g := range s.clients {
		if most == nil || g.unread > most.unread {
			most = g
		}
	}
	for _, c := range most.conns {
		if out == nil || c.unread > out.unread {
			out = c
		}
	}
	return out
}
