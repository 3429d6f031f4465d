package listen

import (
	"encoding/base64"
	"errors"
	"io"
	"mime"
	"net/http"
)

const (
	// mediaType is that of DNS messages (RFC 8484, section 6).
	mediaType = "application/dns-message"
	// path is where queries are taken (RFC 8484, section 4.1, leaves it to us; this is what everybody uses).
	path = "/dns-query"
)

// refusal is an HTTP response to what is no DNS query.
type refusal struct {
	status int
	why    string
}

// Why there is no DNS response.
var (
	notFound     = &refusal{http.StatusNotFound, "queries go to " + path}
	badMethod    = &refusal{http.StatusMethodNotAllowed, "want GET or POST"}
	badParameter = &refusal{http.StatusBadRequest, "want one parameter dns, in base64url without padding"}
	badMediaType = &refusal{http.StatusUnsupportedMediaType, "want Content-Type: " + mediaType}
	tooLarge     = &refusal{http.StatusRequestEntityTooLarge, "a query has 4096 octets at most"}
	tooLong      = &refusal{http.StatusRequestURITooLong, "a query has 4096 octets at most"}
	badBody      = &refusal{http.StatusBadRequest, "the body ends early"}
	tooShort     = &refusal{http.StatusBadRequest, "not a DNS query"}
	unanswered   = &refusal{http.StatusBadRequest, "not a DNS query that can be answered"}
	unavailable  = &refusal{http.StatusServiceUnavailable, "no answer now"}
)

// send sends the refusal.
func (r *refusal) send(rw http.ResponseWriter) {
	if r == badMethod {
		rw.Header().Set("Allow", "GET, HEAD, POST")
	}
	http.Error(rw, r.why, r.status)
}

// body is room for the longest query, and to see that there is more.
type body [maxQuery + 1]byte

// readRequest gives the DNS message of a request (RFC 8484, section 4.1), which is in b, or why there is none. It
// reads no more than the longest query.
func readRequest(rw http.ResponseWriter, r *http.Request, b *body) (packet []byte, why *refusal) {
	if r.URL.Path != path {
		return nil, notFound
	}
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		packet, why = readParameter(r, b)
	case http.MethodPost:
		packet, why = readBody(rw, r, b)
	default:
		why = badMethod
	}
	if why == nil && len(packet) < headerSize {
		why = tooShort
	}
	return packet, why
}

// readParameter reads the message of a GET request.
func readParameter(r *http.Request, b *body) ([]byte, *refusal) {
	values := r.URL.Query()["dns"]
	if len(values) != 1 {
		return nil, badParameter
	}
	if len(values[0]) > base64.RawURLEncoding.EncodedLen(maxQuery) {
		return nil, tooLong
	}
	n, err := base64.RawURLEncoding.Decode(b[:], []byte(values[0]))
	if err != nil {
		return nil, badParameter
	}
	return b[:n], nil
}

// readBody reads the message of a POST request.
func readBody(rw http.ResponseWriter, r *http.Request, b *body) ([]byte, *refusal) {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != mediaType {
		return nil, badMediaType
	}
	packet, err := readAll(http.MaxBytesReader(rw, r.Body, maxQuery), b)
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return nil, tooLarge
	}
	if err != nil {
		return nil, badBody
	}
	return packet, nil
}

// readAll reads into b until r ends, which it does before b is full.
func readAll(r io.Reader, b *body) ([]byte, error) {
	for n := 0; ; {
		k, err := r.Read(b[n:])
		n += k
		if errors.Is(err, io.EOF) {
			return b[:n], nil
		}
		if err != nil {
			return nil, err
		}
	}
}
