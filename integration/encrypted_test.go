package integration_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// A realServer is a resolver of another make. It answers every name below example with
// 192.0.2.7, over TLS and over HTTPS.
type realServer struct {
	tool  string
	args  []string          // with the words of expand
	files map[string]string // likewise
}

// realServers are those that are tried. $DIR, $TLS, $HTTPS and $PLAIN are a folder of its
// own and ports of 127.0.0.1; in the folder are key.pem and certificate.pem.
var realServers = []realServer{
	{"unbound", []string{"-d", "-c", "$DIR/unbound.conf"}, map[string]string{"unbound.conf": `
server:
  directory: "$DIR"
  chroot: ""
  username: ""
  pidfile: "$DIR/unbound.pid"
  use-syslog: no
  interface: 127.0.0.1@$TLS
  interface: 127.0.0.1@$HTTPS
  tls-port: $TLS
  https-port: $HTTPS
  tls-service-key: "$DIR/key.pem"
  tls-service-pem: "$DIR/certificate.pem"
  module-config: "iterator"
  local-zone: "example." redirect
  local-data: "example. 300 A 192.0.2.7"
`}},
	{"named", []string{"-g", "-c", "$DIR/named.conf"}, map[string]string{"named.conf": `
tls local { key-file "$DIR/key.pem"; cert-file "$DIR/certificate.pem"; };
http local { endpoints { "/dns-query"; }; };
controls { };
options {
  directory "$DIR"; pid-file none; session-keyfile none; recursion no; listen-on-v6 { none; };
  listen-on port $TLS tls local { 127.0.0.1; };
  listen-on port $HTTPS tls local http local { 127.0.0.1; };
};
zone "example" { type primary; file "$DIR/example.zone"; };
`, "example.zone": `
$TTL 300
@ SOA a b 1 3600 3600 3600 300
@ NS a
a A 192.0.2.8
* A 192.0.2.7
`}},
	{"dnsdist", []string{"--supervised", "--disable-syslog", "-C", "$DIR/dnsdist.conf"}, map[string]string{"dnsdist.conf": `
setLocal("127.0.0.1:$PLAIN")
addTLSLocal("127.0.0.1:$TLS", "$DIR/certificate.pem", "$DIR/key.pem")
addDOHLocal("127.0.0.1:$HTTPS", "$DIR/certificate.pem", "$DIR/key.pem", "/dns-query")
addAction(AllRule(), SpoofAction("192.0.2.7"))
`}},
	{"kresd", []string{"-n", "-c", "$DIR/kresd.conf", "$DIR"}, map[string]string{"kresd.conf": `
net.listen('127.0.0.1', $TLS, { kind = 'tls' })
net.listen('127.0.0.1', $HTTPS, { kind = 'doh2' })
net.tls('$DIR/certificate.pem', '$DIR/key.pem')
cache.size = 10 * MB
policy.add(policy.all(policy.ANSWER({ [kres.type.A] = { ttl = 300, rdata = kres.str2ip('192.0.2.7') } })))
`}},
}

// encrypted are the ways to ask a real server, and what is said where its certificate is
// for somebody else.
var encrypted = map[string]string{
	"tls://127.0.0.1:$TLS#dns.example":               "over TLS: certificate is for dns.example, want other.example",
	"https://127.0.0.1:$HTTPS/dns-query#dns.example": "over HTTPS: certificate is for dns.example, want other.example",
}

func TestRealServers(t *testing.T) {
	for _, s := range realServers {
		t.Run(s.tool, func(t *testing.T) {
			t.Parallel()
			needs(t, s.tool)
			words := s.start(t)
			for url, refused := range encrypted {
				url = words.Replace(url)
				p := start(t, "-c", writeConfig(t, words.Replace("[upstream.default]\nservers = ['"+url+"']\nca = '$DIR/authority.pem'\n")))
				askMany(t, p)
				p = start(t, "-c", writeConfig(t, words.Replace("[upstream.default]\nca = '$DIR/authority.pem'\nservers = ['"+
					strings.Replace(url, "#dns", "#other", 1)+"']\n")))
				wantEDE(t, p, strings.Replace(url, "#dns", "#other", 1)+": "+refused)
			}
		})
	}
}

// start starts the server, which ends with the test, and returns what expands the words
// of its configuration.
func (s realServer) start(t *testing.T) *strings.Replacer {
	t.Helper()
	ports := freePorts(t)
	dir := t.TempDir()
	words := strings.NewReplacer("$DIR", dir, "$TLS", ports[0], "$HTTPS", ports[1], "$PLAIN", ports[2])
	writeCertificates(t, dir)
	for name, text := range s.files {
		writeFile(t, filepath.Join(dir, name), words.Replace(text))
	}
	cmd := exec.Command(s.tool)
	for _, arg := range s.args {
		cmd.Args = append(cmd.Args, words.Replace(arg))
	}
	var said transcript
	cmd.Stdout, cmd.Stderr, cmd.Dir = &said, &said, dir
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("%s:\n%s", s.tool, &said)
		}
	})
	for _, port := range ports[:2] {
		waitFor(t, "127.0.0.1:"+port)
	}
	return words
}

// waitFor waits until something takes connections at addr.
func waitFor(t *testing.T, addr string) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; {
		c, err := net.DialTimeout("tcp", addr, patience)
		if err == nil {
			_ = c.Close()
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Millisecond) // nothing tells
	}
}

// askMany asks p for many names at once, each of which has one address.
func askMany(t *testing.T, p *process) {
	t.Helper()
	var all sync.WaitGroup
	for i := range 100 {
		all.Go(func() {
			q := new(dns.Msg).SetQuestion(fmt.Sprintf("n%d.example.", i), dns.TypeA)
			c := dns.Client{Timeout: patience}
			m, _, err := c.Exchange(q, p.Addr)
			if err != nil || len(m.Answer) != 1 || !strings.HasSuffix(m.Answer[0].String(), "\tA\t192.0.2.7") {
				t.Errorf("%v, %v, want 192.0.2.7", m, err)
			}
		})
	}
	all.Wait()
}

// wantEDE expects that p has no answer, and says why.
func wantEDE(t *testing.T, p *process, want string) {
	t.Helper()
	q := new(dns.Msg).SetQuestion("www.example.", dns.TypeA)
	q.SetEdns0(1232, false)
	c := dns.Client{Timeout: patience}
	m, _, err := c.Exchange(q, p.Addr)
	if err != nil || m.Rcode != dns.RcodeServerFailure || !strings.Contains(m.String(), want) {
		t.Errorf("%v, %v, want SERVFAIL with %q", m, err, want)
	}
}

// freePorts finds ports of 127.0.0.1 where nothing listens.
func freePorts(t *testing.T) [3]string {
	t.Helper()
	var ports [3]string
	for i := range ports {
		l, err := net.Listen("tcp4", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close() // when all are found
		ports[i] = port(l.Addr().String())
	}
	return ports
}

// writeCertificates writes an authority, and a certificate for dns.example with its key.
func writeCertificates(t *testing.T, dir string) {
	t.Helper()
	template := func(serial int64) *x509.Certificate {
		return &x509.Certificate{SerialNumber: big.NewInt(serial), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	}
	authority, own := template(1), template(2)
	authority.IsCA, authority.BasicConstraintsValid, authority.KeyUsage = true, true, x509.KeyUsageCertSign
	authority.Subject.CommonName = "authority.example"
	own.DNSNames = []string{"dns.example"}
	var keys [2]*ecdsa.PrivateKey
	for i := range keys {
		var err error
		if keys[i], err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
			t.Fatal(err)
		}
	}
	key, err := x509.MarshalPKCS8PrivateKey(keys[1])
	if err != nil {
		t.Fatal(err)
	}
	writePEM(t, filepath.Join(dir, "key.pem"), "PRIVATE KEY", key)
	for i, c := range []*x509.Certificate{authority, own} {
		der, err := x509.CreateCertificate(rand.Reader, c, authority, &keys[i].PublicKey, keys[0])
		if err != nil {
			t.Fatal(err)
		}
		writePEM(t, filepath.Join(dir, []string{"authority.pem", "certificate.pem"}[i]), "CERTIFICATE", der)
	}
}

// writePEM writes one block.
func writePEM(t *testing.T, path, kind string, octets []byte) {
	t.Helper()
	writeFile(t, path, string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: octets})))
}

// writeFile writes a file that every user can read: some servers change theirs.
func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
