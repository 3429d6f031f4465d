//go:build !linux

package upstream

// responses returns what reads responses.
func (c *socket) responses() func() error { return c.single() }

// write sends queries, and returns how many were sent.
func (c *socket) write(queries []*waiting) (sent int, err error) { return c.writeEach(queries) }
