package upstream

// single returns what reads one response: the way that every system knows. What is not
// from the server came in the moment between the opening of the socket and its
// connection.
func (c *socket) single() func() error {
	server := c.to.Addr().WithZone("") // a zone has a name and a number
	buf := make([]byte, maxDatagram)
	return func() error {
		n, from, err := c.conn.ReadFromUDPAddrPort(buf)
		if err == nil && from.Addr().Unmap().WithZone("") == server && from.Port() == c.to.Port() {
			c.accept(buf[:n])
		}
		return err
	}
}

// writeEach sends queries one by one, and returns how many were sent.
func (c *socket) writeEach(queries []*waiting) (sent int, err error) {
	for _, w := range queries {
		if _, err := c.conn.Write(w.packet); err != nil {
			return sent, err
		}
		sent++
	}
	return sent, nil
}
