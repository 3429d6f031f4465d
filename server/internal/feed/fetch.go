package feed

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"splitdns/zones/redirect"
)

const (
	// fetchTime bounds the fetching of one document as a whole, so that nobody can hold it
	// up by sending an octet now and then.
	fetchTime = 2 * time.Minute
	// headerTime bounds how long a server may take to begin its response.
	headerTime = 30 * time.Second
	// maxAsked is how long a server may ask to be left alone.
	maxAsked = 24 * time.Hour
)

// A Fetcher fetches documents. It is safe for concurrent use.
type Fetcher struct {
	client http.Client
	agent  string
}

// NewFetcher returns a Fetcher that connects by dial, which looks names up as is sound: asking
// the system may be to ask ourselves. Proxies are those of the environment. Agent is what
// servers are told of us.
func NewFetcher(dial func(ctx context.Context, network, addr string) (net.Conn, error), agent string) *Fetcher {
	return &Fetcher{agent: agent, client: http.Client{
		Timeout: fetchTime,
		Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment, DialContext: redirect.Dial(dial), ForceAttemptHTTP2: true, DisableKeepAlives: true,
			TLSHandshakeTimeout: headerTime, ResponseHeaderTimeout: headerTime, MaxResponseHeaderBytes: 64 << 10,
		},
		CheckRedirect: redirect.Check,
	}}
}

// Fetch fetches the document at address, a URL or the path of a file. Where it is the same as have, which
// may be nil, it says so. Its errors are an *Error.
func (f *Fetcher) Fetch(ctx context.Context, address string, have *Document) (d Document, unchanged bool, err error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" {
		return fetchFile(address, have)
	}
	request, err := http.NewRequestWithContext(redirect.Context(ctx), http.MethodGet, address, http.NoBody)
	if err != nil {
		return d, false, errorf(Network, "%s: %w", Shown(address), err)
	}
	request.Header.Set("User-Agent", f.agent)
	request.Header.Set("Accept", "*/*")
	if have != nil && have.ETag != "" {
		request.Header.Set("If-None-Match", have.ETag)
	}
	if have != nil && have.LastModified != "" {
		request.Header.Set("If-Modified-Since", have.LastModified)
	}
	response, err := f.client.Do(request)
	if err != nil {
		return d, false, errorf(Network, "%s: %w", Shown(address), reasonOf(err))
	}
	defer response.Body.Close()
	return readResponse(address, response, have)
}

// readResponse reads what a server says of the document at address.
func readResponse(address string, r *http.Response, have *Document) (d Document, unchanged bool, err error) {
	switch {
	case r.StatusCode == http.StatusNotModified && have != nil:
		return *have, true, nil
	case r.StatusCode != http.StatusOK:
		return d, false, statusError(address, r)
	}
	data, err := readLimited(r.Body) // of what was unpacked, if it was packed; the library looks at its length
	if err != nil {
		return d, false, asError(Network, fmt.Errorf("%s: %w", Shown(address), err))
	}
	d = NewDocument(address, data)
	d.ETag, d.LastModified = short(r.Header.Get("ETag")), short(r.Header.Get("Last-Modified"))
	return d, have != nil && have.SHA256 == d.SHA256 && have.ETag == d.ETag && have.LastModified == d.LastModified, nil
}

// statusError says that a server has something else to say than the document.
func statusError(address string, r *http.Response) *Error {
	e := errorf(Status, "%s: the server says %q", Shown(address), r.Status)
	if r.StatusCode == http.StatusTooManyRequests || r.StatusCode == http.StatusServiceUnavailable {
		e.After = retryAfter(r.Header.Get("Retry-After"), time.Now())
	}
	return e
}

// short is what a server said of a document, if it is not too long to be kept.
func short(header string) string {
	if len(header) > 1024 {
		return ""
	}
	return header
}

// readLimited reads all of r, which may not be too large.
func readLimited(r io.Reader) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, MaxSize+1))
	switch {
	case len(data) > MaxSize:
		return nil, errorf(Size, "larger than %d MiB", MaxSize>>20)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return nil, errors.New("the document ends too early")
	case err != nil:
		return nil, reasonOf(err)
	}
	return data, nil
}

// retryAfter is how long a server asks to be left alone (RFC 9110, section 10.2.3).
func retryAfter(text string, now time.Time) time.Duration {
	wait := time.Duration(0)
	if seconds, err := strconv.ParseUint(text, 10, 31); err == nil {
		wait = time.Duration(seconds) * time.Second
	} else if at, err := http.ParseTime(text); err == nil {
		wait = at.Sub(now)
	}
	return min(max(wait, 0), maxAsked)
}

// reasonOf is err without the URL that the library puts before it, and without what
// tells nobody anything.
func reasonOf(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		if e.Timeout() {
			return errors.New("no response in time")
		}
		return e.Err
	}
	if errors.Is(err, context.DeadlineExceeded) || os.IsTimeout(err) {
		return errors.New("the document does not come to its end in time")
	}
	return err
}

// fetchFile reads a document from a file.
func fetchFile(address string, have *Document) (d Document, unchanged bool, err error) {
	path := strings.TrimPrefix(address, "file://")
	info, err := os.Stat(path) // first: to open a named pipe may take for ever
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s: not a regular file", path)
	}
	if err != nil {
		return d, false, asError(Network, err)
	}
	f, err := os.Open(path)
	if err != nil {
		return d, false, asError(Network, err)
	}
	defer f.Close()
	data, err := readLimited(f)
	if err != nil {
		return d, false, asError(Network, fmt.Errorf("%s: %w", path, err))
	}
	d = NewDocument(address, data)
	return d, have != nil && have.SHA256 == d.SHA256, nil
}
