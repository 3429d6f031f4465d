package server_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// writePair writes a certificate for 127.0.0.1 with that number, and its key, and returns it.
func writePair(t *testing.T, dir string, number int64) *x509.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(number), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "server.pem"), string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	write(t, filepath.Join(dir, "server.key"), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})))
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return leaf
}

// tlsTable is [tls] on chosen ports.
const tlsTable = `
[tls]
listen      = ["127.0.0.1:0"]
https       = ["127.0.0.1:0"]
certificate = "server.pem"
key         = "server.key"
`

// trusting is what a client believes that trusts certificate alone.
func trusting(certificate *x509.Certificate) *tls.Config {
	pool := x509.NewCertPool()
	pool.AddCert(certificate)
	return &tls.Config{RootCAs: pool, ServerName: "127.0.0.1"}
}

// shows waits until the server shows new connections a certificate of that number.
func (r *running) shows(t *testing.T, number int64) {
	t.Helper()
	overTLS, _ := r.EncryptedAddrs()
	for deadline := time.Now().Add(patience); ; {
		c, err := tls.Dial("tcp", overTLS[0].String(), &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		got := c.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
		c.Close()
		if got == number {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("certificate %d, want %d", got, number)
		}
	}
}

// Over TLS and HTTPS the answers are those over TCP, large ones too.
func TestRunEncrypted(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	leaf := writePair(t, dir, 1)
	records := new(strings.Builder)
	fmt.Fprintln(records, "dual.example. 300 IN A 192.0.2.1")
	for i := range 200 {
		fmt.Fprintf(records, "large.example. 77 IN TXT \"%0200d\"\n", i)
	}
	write(t, filepath.Join(dir, "config.toml"), runConfig(upstreamOf(t, strings.TrimSpace(records.String())), "enforce", tlsTable))
	r := start(t, filepath.Join(dir, "config.toml"))
	overTLS, overHTTPS := r.EncryptedAddrs()
	for _, words := range []string{"dual.example", "large.example TXT"} {
		want := r.asks(t, words, "tcp")
		client := &dns.Client{Net: "tcp-tls", Timeout: patience, TLSConfig: trusting(leaf)}
		got, _, err := client.Exchange(question(words), overTLS[0].String())
		if err != nil || len(got.Answer) != len(want.Answer) || got.Truncated {
			t.Errorf("%s over TLS: %v\n%v", words, err, got)
		}
		p, _ := question(words).Pack()
		web := &http.Client{Transport: &http.Transport{TLSClientConfig: trusting(leaf), ForceAttemptHTTP2: true}, Timeout: patience}
		response, err := web.Post("https://"+overHTTPS[0].String()+"/dns-query", "application/dns-message", bytes.NewReader(p))
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(response.Body)
		response.Body.Close()
		web.CloseIdleConnections()
		if err := got.Unpack(body); err != nil || len(got.Answer) != len(want.Answer) || response.ProtoMajor != 2 {
			t.Errorf("%s over HTTPS: %s, %v\n%v", words, response.Status, err, got)
		}
		least := got.Answer[0].Header().Ttl
		if h := response.Header.Get("Cache-Control"); h != fmt.Sprintf("private, max-age=%d", least) {
			t.Errorf("Cache-Control: %s, TTL %d", h, least)
		}
	}
	var ways []string
	for _, l := range r.Status().Listeners {
		ways = append(ways, fmt.Sprintf("%s %s %d", l.Transport, l.Address, l.TCP))
	}
	want := []string{"plain " + r.addr + " 2", "tls " + overTLS[0].String() + " 2", "https " + overHTTPS[0].String() + " 2"}
	if !slices.Equal(ways, want) {
		t.Errorf("listeners %q, want %q", ways, want)
	}
	page := figures(t, r.metrics(t))
	for _, transport := range []string{"tcp", "tls", "https"} {
		if n := page["splitdns_queries_total transport="+transport]; n != 2 {
			t.Errorf("%v queries over %s in the metrics, want 2", n, transport)
		}
	}
	if err := r.stop(); err != nil {
		t.Error(err)
	}
	if said := r.hears(t, overHTTPS[0].String()); !strings.Contains(strings.Join(said, "\n"), "failed_handshakes=0") {
		t.Errorf("said %q", said)
	}
}

// What a listener says at its end are the words and the order of the status.
func TestEndSpeaksLikeStatus(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	writePair(t, dir, 1)
	write(t, filepath.Join(dir, "config.toml"), runConfig(upstreamOf(t, mixed), "enforce", tlsTable))
	r := start(t, filepath.Join(dir, "config.toml"))
	r.asks(t, "dual.example", "udp")
	listeners := r.Status().Listeners
	if err := r.stop(); err != nil {
		t.Error(err)
	}
	said := strings.Join(r.hears(t, "stopped listening on "+listeners[2].Address), "\n")
	for _, l := range listeners {
		var words []string
		fields := reflect.ValueOf(l)
		for i := range fields.NumField() {
			if key := fields.Type().Field(i).Tag.Get("json"); key != "address" && key != "connections" {
				words = append(words, fmt.Sprintf("%s=%v", key, fields.Field(i)))
			}
		}
		if want := `msg="stopped listening on ` + l.Address + `" ` + strings.Join(words, " "); !strings.Contains(said, want) {
			t.Errorf("want %s in\n%s", want, said)
		}
	}
}

// A certificate that changes is shown to new connections without a reload by hand, and no connection is lost; one
// that does not go with its key is refused, said, and the old one stays.
func TestRunCertificateChanges(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	leaf := writePair(t, dir, 1)
	write(t, filepath.Join(dir, "config.toml"), runConfig(upstreamOf(t, mixed), "enforce", tlsTable))
	r := start(t, filepath.Join(dir, "config.toml"))
	overTLS, _ := r.EncryptedAddrs()
	c, err := dns.DialWithTLS("tcp-tls", overTLS[0].String(), trusting(leaf))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	exchange := func(when string) {
		t.Helper()
		if err := c.WriteMsg(question("dual.example")); err != nil {
			t.Errorf("%s: %v", when, err)
		}
		if _, err := c.ReadMsg(); err != nil {
			t.Errorf("%s: %v", when, err)
		}
	}
	exchange("at first")
	writePair(t, dir, 2)
	r.hears(t, "reloaded: ")
	r.shows(t, 2)
	exchange("after the change")

	key, err := os.ReadFile(filepath.Join(dir, "server.key"))
	if err != nil {
		t.Fatal(err)
	}
	writePair(t, dir, 3)
	write(t, filepath.Join(dir, "server.key"), string(key)) // that of the second
	said := strings.Join(r.hears(t, "the old configuration stays in force"), "\n")
	if !strings.Contains(said, "tls.certificate: does not go with tls.key") {
		t.Errorf("said\n%s", said)
	}
	r.shows(t, 2)
	exchange("after a bad one")
	writePair(t, dir, 4)
	r.hears(t, "reloaded: ")
	r.shows(t, 4)
	exchange("after a good one")
	write(t, filepath.Join(dir, "config.toml"), runConfig(upstreamOf(t, mixed), "enforce", ""))
	r.hears(t, "tls.listen has changed: this takes effect when the server is started again")
	r.shows(t, 1) // the first one, as long as the sockets are open
	exchange("without [tls]")
}
