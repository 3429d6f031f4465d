package config

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io/fs"
	"slices"
	"strings"
	"time"

	"splitdns/zones/tomlfile"
)

// The ports of encrypted queries (RFC 7858, section 3.1; RFC 8484, section 4.1).
const (
	tlsPort   = 853
	httpsPort = 443
)

// maxCertificate is the largest file of a certificate or a key, in octets: chains have some kilobytes.
const maxCertificate = 1 << 20

// tls reads [tls].
func (l *loader) tls() {
	t := l.file.Table("tls")
	c := &l.cfg.TLS
	c.Listen = listenAddresses(t.Texts("listen"), tlsPort, l.cfg.Server.Listen)
	c.HTTPS = listenAddresses(t.Texts("https"), httpsPort, slices.Concat(l.cfg.Server.Listen, c.Listen))
	wanted := len(c.Listen)+len(c.HTTPS) > 0
	certificate, key := l.pemFile(t, "certificate", wanted), l.pemFile(t, "key", wanted)
	if certificate != nil && key != nil {
		c.Certificate = pair(t, certificate, key)
	}
	l.designation(t)
}

// pemFile reads the file that a key names. It gives nil where there is none, which is a problem if it is wanted, or
// none that can be read.
func (l *loader) pemFile(t *tomlfile.Table, key string, wanted bool) []byte {
	text, ok := t.Text(key)
	if wanted && (!t.Has(key) || ok && text.Value == "") {
		t.Problem(key, "missing: queries over TLS need a certificate and its key, each a PEM file")
	}
	if !ok || text.Value == "" {
		return nil
	}
	path := l.resolve(text.Value)
	l.files = append(l.files, Stat(path))
	data, err := readFile(path, maxCertificate)
	switch {
	case err != nil:
		text.Problem("%s: %v%s", path, err, letRead(err))
	case len(data) == 0:
		text.Problem("%s: empty: want PEM", path)
	case len(data) > maxCertificate:
		text.Problem("%s: larger than %d octets: want PEM", path, maxCertificate)
	default:
		l.hash(data)
		return data
	}
	return nil
}

// letRead is what to do about err, if that is a matter of permissions.
func letRead(err error) string {
	if errors.Is(err, fs.ErrPermission) {
		return ": let the user read it as whom the server runs, by a group, or with LoadCredential= of systemd"
	}
	return ""
}

// pair makes the certificate of the two files; nil where they do not belong together.
func pair(t *tomlfile.Table, certificate, key []byte) *tls.Certificate {
	if isEncrypted(key) {
		t.Problem("key", "the key is encrypted, and nobody is there to give its password: encrypted keys are not supported; "+
			"write it without one, such as with: openssl pkey -in FILE -out FILE")
		return nil
	}
	p, err := tls.X509KeyPair(certificate, key)
	if err != nil {
		t.Problem("certificate", "does not go with tls.key: %v", err)
		return nil
	}
	warnOfLeaf(t, p.Leaf, time.Now())
	return &p
}

// isEncrypted reports whether a key needs a password (RFC 5958, section 3; RFC 1421, section 4.6.1.1).
func isEncrypted(key []byte) bool {
	for {
		block, rest := pem.Decode(key)
		if block == nil {
			return false
		}
		if block.Type == "ENCRYPTED PRIVATE KEY" || strings.Contains(block.Headers["Proc-Type"], "ENCRYPTED") {
			return true
		}
		key = rest
	}
}

// expiresSoon is how long before its end a certificate is warned of: those that are renewed by themselves are before.
const expiresSoon = 14 * 24 * time.Hour

// warnOfLeaf warns of a certificate that clients do not accept, or soon will not.
func warnOfLeaf(t *tomlfile.Table, leaf *x509.Certificate, now time.Time) {
	if len(leaf.DNSNames)+len(leaf.IPAddresses) == 0 {
		t.Warn("certificate", "names no host: it has no subject alternative name, which is where clients look for the server's name")
	}
	switch {
	case now.After(leaf.NotAfter):
		t.Warn("certificate", "expired at %s: clients that look at it will not ask", leaf.NotAfter.UTC().Format(time.RFC3339))
	case now.Before(leaf.NotBefore):
		t.Warn("certificate", "not valid before %s: clients that look at it will not ask", leaf.NotBefore.UTC().Format(time.RFC3339))
	case leaf.NotAfter.Sub(now) < expiresSoon:
		t.Warn("certificate", "expires at %s: renew it", leaf.NotAfter.UTC().Format(time.RFC3339))
	}
}
