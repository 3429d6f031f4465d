package scenario_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// certificate is a certificate for 127.0.0.1 that no authority knows, and its key, as PEM.
var certificate = sync.OnceValues(func() (cert, key []byte) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "scenario"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		panic(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		panic(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw})
})

// writeCertificate puts cert.pem and key.pem beside the configuration.
func (w *world) writeCertificate() error {
	cert, key := certificate()
	return errors.Join(os.WriteFile(filepath.Join(w.dir, "cert.pem"), cert, 0o600), os.WriteFile(filepath.Join(w.dir, "key.pem"), key, 0o600))
}

// trust is how clients know the server.
func trust() *tls.Config {
	cert, _ := certificate()
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(cert)
	return &tls.Config{RootCAs: roots}
}

// encrypted is a server with listeners for queries over TLS and HTTPS.
type encrypted interface {
	EncryptedAddrs() (overTLS, overHTTPS []netip.AddrPort)
}

// dialEncrypted opens a connection for a query over TLS or HTTPS.
func (w *world) dialEncrypted(q *query) (net.Conn, error) {
	s, ok := any(w.server).(encrypted)
	if !ok {
		return nil, errors.New("the server has no encrypted listeners")
	}
	overTLS, overHTTPS := s.EncryptedAddrs()
	switch {
	case q.https && len(overHTTPS) > 0:
		client := &http.Client{Timeout: patience, Transport: &http.Transport{TLSClientConfig: trust(), ForceAttemptHTTP2: true}}
		return &webConn{client: client, url: fmt.Sprintf("https://%s/dns-query", overHTTPS[0]), get: q.get}, nil
	case q.tls && len(overTLS) > 0:
		return tls.Dial("tcp", overTLS[0].String(), trust())
	}
	return nil, errors.New("the configuration has no such listener")
}

// webConn is a client over HTTPS that looks like a connection on which messages go behind
// their lengths (RFC 8484).
type webConn struct {
	net.Conn
	client *http.Client
	url    string
	get    bool
	ready  bytes.Buffer // responses that were not read
	failed error
}

// Write asks.
func (c *webConn) Write(b []byte) (int, error) {
	response, err := c.ask(b[2:])
	if err != nil {
		c.failed = err
		return len(b), nil
	}
	c.ready.Write(framed(response))
	return len(b), nil
}

// ask sends one request.
func (c *webConn) ask(packet []byte) ([]byte, error) {
	const media = "application/dns-message"
	var r *http.Response
	var err error
	if c.get {
		r, err = c.client.Get(c.url + "?dns=" + base64.RawURLEncoding.EncodeToString(packet))
	} else {
		r, err = c.client.Post(c.url, media, bytes.NewReader(packet))
	}
	if err != nil {
		return nil, err
	}
	defer r.Body.Close()
	if r.StatusCode != http.StatusOK || r.Header.Get("Content-Type") != media {
		return nil, fmt.Errorf("HTTP status %s, %s", r.Status, r.Header.Get("Content-Type"))
	}
	return io.ReadAll(r.Body)
}

// Read gives what was answered.
func (c *webConn) Read(b []byte) (int, error) {
	if c.failed != nil {
		return 0, c.failed
	}
	return c.ready.Read(b)
}

// SetReadDeadline does nothing: requests have a time limit of their own.
func (*webConn) SetReadDeadline(time.Time) error { return nil }

// Close closes the idle connections.
func (c *webConn) Close() error {
	c.client.CloseIdleConnections()
	return nil
}
