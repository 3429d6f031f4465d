package upstream

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"time"
)

// errShort is a message over TCP that cannot even hold a header.
var errShort = errors.New("malformed response: shorter than a header")

// overTCP sends p over a connection of its own and waits for its response.
func (p packed) overTCP(ctx context.Context, to netip.AddrPort, wait time.Duration) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	s := &silence{tcp: true}
	dialer := net.Dialer{KeepAlive: -1} // too short-lived for it
	conn, err := dialer.DialContext(ctx, "tcp", to.String())
	if err != nil {
		return nil, s.unless(ctx, err)
	}
	defer cutShort(ctx, conn)()
	framed := binary.BigEndian.AppendUint16(nil, uint16(len(p.packet)))
	if _, err := conn.Write(append(framed, p.packet...)); err != nil { // in one segment: RFC 7766, section 8
		return nil, s.unless(ctx, err)
	}
	response, err := p.listen(s, func() ([]byte, error) { return readFramed(conn) })
	if err != nil {
		return nil, s.unless(ctx, err)
	}
	if response[2]&flagTC != 0 {
		return nil, errors.New("over TCP: truncated response")
	}
	return response, nil
}

// listen reads until the response to p comes. It counts in s what it discards.
func (p packed) listen(s *silence, read func() ([]byte, error)) ([]byte, error) {
	for {
		response, err := read()
		if err != nil {
			return nil, err
		}
		why := p.mismatch(response)
		if why == "" {
			return response, nil
		}
		if p.bareRefusal(response) {
			return nil, rcodeError(headerRcode(response))
		}
		s.discarded++
		s.last = why
	}
}

// unless returns s if ctx's time is up, and otherwise why there is no response.
func (s *silence) unless(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return s
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = errors.New("connection closed before the response was complete")
	}
	return fmt.Errorf("over TCP: %w", cause(err))
}

// cutShort makes reading and writing on conn end with ctx. What it returns closes
// conn.
func cutShort(ctx context.Context, conn net.Conn) (closeConn func()) {
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	return func() {
		stop()
		_ = conn.Close()
	}
}

// readFramed reads one message with its length before it (RFC 1035, section 4.2.2).
func readFramed(r io.Reader) ([]byte, error) {
	var size [2]byte
	if _, err := io.ReadFull(r, size[:]); err != nil {
		return nil, err
	}
	response := make([]byte, binary.BigEndian.Uint16(size[:]))
	if len(response) < headerSize {
		return nil, errShort
	}
	_, err := io.ReadFull(r, response)
	return response, err
}
