package integration_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"regexp"
	"strings"
	"time"
)

// announcedTLS and announcedHTTPS are what serve prints when it listens for encrypted queries.
var (
	announcedTLS   = regexp.MustCompile(`(?m)^DNS over TLS on (\S+)$`)
	announcedHTTPS = regexp.MustCompile(`(?m)^DNS over HTTPS on (https://\S+)$`)
)

// certificate makes a certificate for dns.example and 127.0.0.1, which has begun and ended at given times from now.
func certificate(from, to time.Duration) (certificate, key []byte, err error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	number, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		return nil, nil, err
	}
	template := &x509.Certificate{
		SerialNumber: number, Subject: pkix.Name{CommonName: "dns.example"}, DNSNames: []string{"dns.example"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotBefore: time.Now().Add(from), NotAfter: time.Now().Add(to),
		BasicConstraintsValid: true, IsCA: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		return nil, nil, err
	}
	octets, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: octets}), nil
}

// certificate writes NAME.pem and NAME.key; with "expired", of a certificate that is.
func (s *script) certificate(_ bool, args []string) error {
	from, to := -time.Hour, time.Hour
	if len(args) == 2 && args[1] == "expired" {
		to, args = -time.Minute, args[:1]
	}
	if len(args) != 1 {
		return errors.New("usage: certificate NAME [expired]")
	}
	certificate, key, err := certificate(from, to)
	if err != nil {
		return err
	}
	return errors.Join(
		os.WriteFile(s.MkAbs(args[0]+".pem"), certificate, 0o600),
		os.WriteFile(s.MkAbs(args[0]+".key"), key, 0o600),
	)
}

// encrypted sets TLS and TLSPORT to where the server takes queries over TLS, and HTTPS to the URL for HTTPS.
func (s *script) encrypted(_ bool, _ []string) error {
	overTLS, err := s.server.stderr.wait(announcedTLS)
	if err != nil {
		return err
	}
	overHTTPS, err := s.server.stderr.wait(announcedHTTPS)
	if err != nil {
		return err
	}
	s.Setenv("TLS", overTLS[1])
	s.Setenv("TLSPORT", port(overTLS[1]))
	s.Setenv("HTTPS", overHTTPS[1])
	s.Setenv("HTTPSPORT", port(strings.TrimSuffix(strings.TrimPrefix(overHTTPS[1], "https://"), "/dns-query")))
	return nil
}

// packet writes a query for the A record of NAME to FILE, as curl sends it.
func (s *script) packet(_ bool, args []string) error {
	if len(args) != 2 {
		return errors.New("usage: packet FILE NAME")
	}
	b := bytes.NewBufferString("\x00\x00\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00")
	for label := range strings.SplitSeq(args[1], ".") {
		fmt.Fprintf(b, "%c%s", len(label), label)
	}
	b.WriteString("\x00\x00\x01\x00\x01")
	return os.WriteFile(s.MkAbs(args[0]), b.Bytes(), 0o600)
}
