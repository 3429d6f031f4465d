package integration_test

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"crypto/tls"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
)

// The manners of a publisher.
const (
	publishes  = "publishes"  // FILE, with an ETag, packed if the client takes that
	truncating = "truncates"  // FILE without its second half
	stalling   = "stalls"     // an octet of FILE, and no more
	circling   = "circles"    // redirects to itself
	bombing    = "bombs"      // a gigabyte of nothing, packed
	overloaded = "overloaded" // 503, with Retry-After
	gone       = "gone"       // 404
)

// A publisher is an HTTP server with a list.
type publisher struct {
	*httptest.Server
	asked transcript
	end   chan struct{} // closed when it ends

	mu     sync.Mutex // guards what follows
	manner string
	body   []byte
}

// newPublisher starts a publisher, with TLS if it has a certificate.
func newPublisher(pair *tls.Certificate) *publisher {
	p := &publisher{end: make(chan struct{})}
	p.Server = httptest.NewUnstartedServer(p)
	if pair == nil {
		p.Start()
		return p
	}
	p.TLS = &tls.Config{Certificates: []tls.Certificate{*pair}}
	p.StartTLS()
	return p
}

// close ends p.
func (p *publisher) close() {
	close(p.end)
	p.CloseClientConnections()
	p.Close()
}

// set changes what p does.
func (p *publisher) set(manner string, body []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.manner, p.body = manner, body
}

// ServeHTTP answers a request in p's manner.
func (p *publisher) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	manner, body := p.manner, p.body
	p.mu.Unlock()
	fmt.Fprintf(&p.asked, "%s %s %s agent=%s etag=%s\n", r.Method, r.Host, r.URL.Path, r.UserAgent(), r.Header.Get("If-None-Match"))
	switch manner {
	case publishes:
		publish(w, r, body)
	case truncating:
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		_, _ = w.Write(body[:len(body)/2])
	case stalling:
		_, _ = w.Write(body[:1])
		_ = http.NewResponseController(w).Flush()
		select {
		case <-r.Context().Done():
		case <-p.end:
		}
	case circling:
		http.Redirect(w, r, r.URL.Path, http.StatusFound)
	case bombing:
		bomb(w)
	case overloaded:
		w.Header().Set("Retry-After", "7200")
		w.WriteHeader(http.StatusServiceUnavailable)
	default:
		http.NotFound(w, r)
	}
}

// publish answers with body, or says that it is still the same.
func publish(w http.ResponseWriter, r *http.Request, body []byte) {
	tag := fmt.Sprintf("%q", fmt.Sprintf("%.4x", sha256.Sum256(body)))
	w.Header().Set("ETag", tag)
	if r.Header.Get("If-None-Match") == tag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	if !strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		_, _ = w.Write(body)
		return
	}
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, _ = z.Write(body)
	_ = z.Close()
	w.Header().Set("Content-Encoding", "gzip")
	_, _ = w.Write(packed.Bytes())
}

// bomb answers with a megabyte that unpacks to a gigabyte.
func bomb(w http.ResponseWriter) {
	w.Header().Set("Content-Encoding", "gzip")
	z := gzip.NewWriter(w)
	nothing := make([]byte, 1<<20)
	for range 1 << 10 {
		if _, err := z.Write(nothing); err != nil {
			return
		}
	}
	_ = z.Close()
}

// publisher starts the publisher called NAME, or changes what it does. NAME becomes its URL.
func (s *script) publisher(_ bool, args []string) error {
	if len(args) < 2 || len(args) > 4 {
		return fmt.Errorf("usage: publisher NAME %s [FILE [CERTIFICATE]]",
			strings.Join([]string{publishes, truncating, stalling, circling, bombing, overloaded, gone}, "|"))
	}
	p := s.publishers[args[0]]
	if p == nil {
		var pair *tls.Certificate
		if len(args) == 4 {
			loaded, err := tls.LoadX509KeyPair(s.MkAbs(args[3]+".pem"), s.MkAbs(args[3]+".key"))
			if err != nil {
				return err
			}
			pair = &loaded
		}
		p = newPublisher(pair)
		s.Defer(p.close)
		s.publishers[args[0]] = p
		s.Setenv(args[0], p.URL)
		s.Setenv(args[0]+"PORT", port(p.Listener.Addr().String()))
	}
	var body []byte
	if len(args) > 2 {
		body = []byte(s.ReadFile(args[2]))
	}
	p.set(args[1], body)
	return nil
}

// fetched prints what a publisher was asked; with a pattern, it waits for that first.
func (s *script) fetched(_ bool, args []string) error {
	if len(args) == 0 || s.publishers[args[0]] == nil {
		return fmt.Errorf("want the NAME of a publisher, have %q", args)
	}
	return s.show(&s.publishers[args[0]].asked, strings.Join(args[1:], " "))
}

// trusts has servers that are started from now on trust the authority of a certificate.
func (s *script) trusts(_ bool, args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("usage: trusts CERTIFICATE")
	}
	s.vars = append(s.vars, "SSL_CERT_FILE="+s.MkAbs(args[0]+".pem"))
	return nil
}
