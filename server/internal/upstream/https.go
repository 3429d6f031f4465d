package upstream

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"mime"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"

	"splitdns/server/internal/wire"
)

const (
	// maxRequests is how many queries to a server are under way over HTTPS. Each takes a
	// few goroutines of the HTTP library, some 20 KB.
	maxRequests = 1000
	// messageType is the media type of messages (RFC 8484, section 6).
	messageType = "application/dns-message"
)

// https asks one server over HTTPS (RFC 8484). The library wants a goroutine for each
// request: one for each query is no more than another.
type https struct {
	url    string
	dialer *dialer
	conns  *httpConns
	open   context.Context // of the group: ends with Close
	heard  func()          // see New
	work   sync.WaitGroup  // for requests, and connections

	underWay atomic.Int32
}

// newHTTPS returns what asks the server; no connection is open.
func newHTTPS(open context.Context, o Server, heard func()) *https {
	h := &https{url: o.url(), open: open, heard: heard}
	h.dialer = newDialer(o, o.tlsConfig("h2", "http/1.1"))
	h.conns = newHTTPConns(open, h.dialer, &h.work)
	return h
}

// ask has w sent at once. Its done is called once, never before ask returns unless there
// are too many: with the response, which is valid only during the call, with a [*silence]
// when its time is up, or with another error. Until then w is ours.
func (h *https) ask(w *waiting) {
	if h.underWay.Add(1) > maxRequests {
		h.underWay.Add(-1)
		w.done(nil, fmt.Errorf("over HTTPS: more than %d queries wait for answers", maxRequests))
		return
	}
	h.work.Go(func() {
		response, err := h.exchange(w)
		h.underWay.Add(-1)
		w.done(response, err)
		h.heard()
	})
}

// exchange asks until the time of w is up. A connection that was in use may have been
// closed while the query was on its way: it is asked again, on another one.
func (h *https) exchange(w *waiting) ([]byte, error) {
	w.packet[0], w.packet[1] = 0, 0 // for caches (RFC 8484, section 4.1)
	ctx, cancel := context.WithDeadline(h.open, w.until)
	defer cancel()
	for {
		c, err := h.conns.take(ctx)
		if err != nil {
			return nil, h.failure(ctx, err, h.dialer.lacks())
		}
		response, err := h.askOn(ctx, c, w)
		if err == nil {
			return response, nil
		}
		if ctx.Err() != nil || w.retries == maxRetries || !c.loses(err) {
			return nil, h.failure(ctx, err, "")
		}
		w.retries++
		h.conns.leave(c)
	}
}

// askOn sends w on c, which it gives back.
func (h *https) askOn(ctx context.Context, c *httpConn, w *waiting) ([]byte, error) {
	before := c.received.Load()
	response, err := h.post(ctx, c, w)
	if err == nil || isAnswered(err) {
		c.received.Add(1)
	}
	h.conns.give(c, ctx.Err() != nil && c.received.Load() == before)
	return response, err
}

// failure puts into words why there is no response, where that lacks something.
func (h *https) failure(ctx context.Context, err error, lacks string) error {
	switch {
	case h.open.Err() != nil:
		return ErrClosed
	case ctx.Err() != nil:
		return &silence{over: HTTPS, lacks: lacks}
	}
	if _, ok := errors.AsType[rcodeError](err); ok {
		return err
	}
	return fmt.Errorf("over HTTPS: %w", httpCause(err))
}

// loses says that a query came to nothing with c, not with the server: c has answered
// others, or there were too many at once for the server to look at them all.
func (c *httpConn) loses(err error) bool {
	const malformed, refused = 1, 7 // what servers say then (RFC 9113, section 5.1.2)
	if isAnswered(err) {
		return false
	}
	e, ok := errors.AsType[streamError](err)
	return c.received.Load() > 0 || ok && (e.Code == malformed || e.Code == refused)
}

// A streamError is the end of one request of HTTP/2. The library fills in whatever has
// such fields.
type streamError struct {
	StreamID uint32
	Code     uint32 // RFC 9113, section 7
	Cause    error
}

// Error names the code.
func (e streamError) Error() string { return fmt.Sprintf("HTTP/2 error code %d", e.Code) }

// An answeredError is what is wrong with an HTTP response that did come.
type answeredError string

// Error says what is wrong.
func (e answeredError) Error() string { return string(e) }

// isAnswered says that the server has answered: asking it again would change nothing.
func isAnswered(err error) bool {
	_, odd := errors.AsType[answeredError](err)
	_, refused := errors.AsType[rcodeError](err)
	return odd || refused
}

// post sends w on c and returns its response.
func (h *https) post(ctx context.Context, c *httpConn, w *waiting) ([]byte, error) {
	body := wire.ConnectionOptions{Block: padding}.Append(nil, w.packet)
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, h.url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header = http.Header{
		"Content-Type": {messageType}, "Accept": {messageType},
		"User-Agent": {""}, // nobody's business (RFC 8484, section 8.2)
	}
	got, err := c.client.RoundTrip(request) // which follows no redirect
	if err != nil {
		return nil, err
	}
	defer got.Body.Close()
	response, err := readBody(got)
	if err != nil {
		return nil, err
	}
	return response, w.check(response)
}

// readBody returns the message in an HTTP response, as old as a cache says that it is.
func readBody(got *http.Response) ([]byte, error) {
	if got.StatusCode != http.StatusOK {
		return nil, answeredError(fmt.Sprintf("answered HTTP status %d %s", got.StatusCode, http.StatusText(got.StatusCode)))
	}
	if kind, _, err := mime.ParseMediaType(got.Header.Get("Content-Type")); err != nil || kind != messageType {
		return nil, answeredError("answered something else than " + messageType)
	}
	response, err := io.ReadAll(io.LimitReader(got.Body, math.MaxUint16+1))
	switch {
	case err != nil:
		return nil, err
	case len(response) > math.MaxUint16:
		return nil, answeredError("malformed response: larger than 65535 octets")
	case len(response) < headerSize:
		return nil, answeredError(errShort.Error())
	}
	if age, err := strconv.ParseUint(got.Header.Get("Age"), 10, 32); err == nil {
		wire.Age(response, uint32(age))
	}
	return response, nil
}

// check says why response is not the response to w.
func (w *waiting) check(response []byte) error {
	why := w.mismatch(response)
	switch {
	case why != "" && w.bareRefusal(response):
		return rcodeError(headerRcode(response))
	case why != "":
		return answeredError("wrong response: for " + why)
	case response[2]&flagTC != 0:
		return answeredError("truncated response")
	}
	return nil
}

// httpCause leaves Go's words out.
func httpCause(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errHungUp
	}
	return cause(err)
}

// close closes every connection. The context has ended.
func (h *https) close() { h.dialer.close() }
