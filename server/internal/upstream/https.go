package upstream

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"mime"
	"net"
	"net/http"
	"net/http/httptrace"
	"strconv"
	"sync"
	"sync/atomic"

	"splitdns/server/internal/wire"
)

const (
	// maxRequests is how many queries to a server are under way over HTTPS. Each takes a
	// few goroutines of the HTTP library, some 20 KB.
	maxRequests = 1000
	// maxHTTPConns is how many connections there are. With HTTP/2 one does it all.
	maxHTTPConns = 8
	// maxHTTPHeader bounds the header of a response, in octets.
	maxHTTPHeader = 16 << 10

	// messageType is the media type of messages (RFC 8484, section 6).
	messageType = "application/dns-message"
)

// https asks one server over HTTPS (RFC 8484). Connections are the library's; they are
// kept, and with HTTP/2 all queries share one. The library wants a goroutine for each
// request: one for each query is no more than another.
type https struct {
	url    string
	dialer *dialer
	open   context.Context // of the group: ends with Close
	heard  func()          // see New
	work   sync.WaitGroup  // for requests

	underWay atomic.Int32
	received atomic.Uint32 // responses
	client   atomic.Pointer[http.Transport]
}

// newHTTPS returns what asks the server; no connection is open.
func newHTTPS(open context.Context, o Server, heard func()) *https {
	h := &https{url: o.url(), open: open, heard: heard}
	h.dialer = newDialer(o, o.tlsConfig("h2", "http/1.1"))
	h.client.Store(h.newClient())
	return h
}

// newClient returns a client without connections.
func (h *https) newClient() *http.Transport {
	// What is dialled is for whoever comes next, not only for whom it was begun: it ends
	// with the group, or its own time.
	dial := func(context.Context, string, string) (net.Conn, error) { return h.dialer.dial(h.open) }
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(true)
	return &http.Transport{
		DialTLSContext:         dial,
		Protocols:              protocols,
		HTTP2:                  &http.HTTP2Config{StrictMaxConcurrentRequests: true},
		MaxConnsPerHost:        maxHTTPConns,
		MaxIdleConnsPerHost:    maxHTTPConns,
		IdleConnTimeout:        tlsIdle,
		MaxResponseHeaderBytes: maxHTTPHeader,
		DisableCompression:     true,
	}
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
	w.received = h.received.Load()
	h.work.Go(func() {
		response, err := h.exchange(w)
		h.underWay.Add(-1)
		w.done(response, err)
		h.heard()
	})
}

// exchange asks until the time of w is up. A connection that was in use may have been
// closed while the query was on its way: it is asked once more, on another one.
func (h *https) exchange(w *waiting) ([]byte, error) {
	w.packet[0], w.packet[1] = 0, 0 // for caches (RFC 8484, section 4.1)
	ctx, cancel := context.WithDeadline(h.open, w.until)
	defer cancel()
	client := h.client.Load()
	response, reused, err := h.post(ctx, client, w)
	if reused && err != nil && ctx.Err() == nil && !isAnswered(err) {
		client.CloseIdleConnections()
		response, _, err = h.post(ctx, client, w)
	}
	switch {
	case err == nil:
		h.received.Add(1)
		return response, nil
	case h.open.Err() != nil:
		return nil, ErrClosed
	case ctx.Err() != nil:
		if reused {
			h.replace(client, w)
		}
		return nil, &silence{over: HTTPS, lacks: h.dialer.lacks()}
	}
	if _, ok := errors.AsType[rcodeError](err); ok {
		return nil, err
	}
	return nil, fmt.Errorf("over HTTPS: %w", httpCause(err))
}

// replace leaves a client whose connection may be dead: nothing at all has come since w
// was asked. What waits there has its time, and closes what then is idle.
func (h *https) replace(client *http.Transport, w *waiting) {
	if w.received == h.received.Load() {
		h.client.CompareAndSwap(client, h.newClient())
	}
	if h.client.Load() != client {
		client.CloseIdleConnections()
	}
}

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

// post sends w and returns its response; reused says that the connection had been in use.
func (h *https) post(ctx context.Context, client *http.Transport, w *waiting) (response []byte, reused bool, err error) {
	body := wire.ConnectionOptions{Block: padding}.Append(nil, w.packet)
	trace := &httptrace.ClientTrace{GotConn: func(c httptrace.GotConnInfo) { reused = c.Reused }}
	request, err := http.NewRequestWithContext(httptrace.WithClientTrace(ctx, trace), http.MethodPost, h.url, bytes.NewReader(body))
	if err != nil {
		return nil, false, err
	}
	request.Header = http.Header{
		"Content-Type": {messageType}, "Accept": {messageType},
		"User-Agent":      {""}, // nobody's business (RFC 8484, section 8.2)
		"Idempotency-Key": nil,  // not sent: says that the library may send the query again
	}
	got, err := client.RoundTrip(request) // which follows no redirect
	if err != nil {
		return nil, reused, err
	}
	defer got.Body.Close()
	response, err = readBody(got)
	if err != nil {
		return nil, reused, err
	}
	return response, reused, w.check(response)
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
func (h *https) close() {
	h.dialer.close()
	h.client.Load().CloseIdleConnections()
}
