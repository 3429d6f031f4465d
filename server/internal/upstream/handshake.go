package upstream

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"
	"unicode"
)

// maxShownNames is how many names of a certificate a message shows, and maxShownName how
// many octets of each: they are whatever the server likes.
const (
	maxShownNames = 3
	maxShownName  = 80
)

// handshakeError puts into words why a TLS handshake ended.
func handshakeError(ctx context.Context, err error) error {
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return errors.New("no end of the TLS handshake in " + dialTimeout.String())
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("connection closed during the TLS handshake")
	}
	if text := certificateFault(err); text != "" {
		return errors.New(text)
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return errors.New("what answers there does not speak TLS")
	}
	text := strings.TrimPrefix(cause(err).Error(), "tls: ")
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "remote error" {
		return errors.New("TLS handshake refused: " + text)
	}
	return errors.New("TLS handshake: " + text)
}

// certificateFault says what is wrong with a certificate; "" if err is about something
// else.
func certificateFault(err error) string {
	if e, ok := errors.AsType[x509.HostnameError](err); ok {
		return "certificate is for " + namesOf(e.Certificate) + ", want " + e.Host
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return "certificate of an unknown authority; if it is your own, give its file as ca"
	}
	if e, ok := errors.AsType[x509.CertificateInvalidError](err); ok {
		if e.Reason == x509.Expired && e.Cert != nil {
			return fmt.Sprintf("certificate is valid from %s to %s, and the clock here says %s",
				day(e.Cert.NotBefore), day(e.Cert.NotAfter), day(time.Now()))
		}
		return "certificate: " + strings.TrimPrefix(e.Error(), "x509: ")
	}
	return ""
}

// day writes a date.
func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }

// namesOf lists the names and addresses of a certificate.
func namesOf(c *x509.Certificate) string {
	names := append([]string(nil), c.DNSNames...)
	for _, ip := range c.IPAddresses {
		names = append(names, ip.String())
	}
	if len(names) == 0 {
		return "no name"
	}
	more := len(names) - maxShownNames
	names = names[:min(len(names), maxShownNames)]
	for i, name := range names {
		names[i] = printable(name)
	}
	text := strings.Join(names, ", ")
	if more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// printable is a name fit to be shown.
func printable(name string) string {
	return strings.Map(func(r rune) rune {
		if r > unicode.MaxASCII || !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, name[:min(len(name), maxShownName)])
}
