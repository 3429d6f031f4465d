package config_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"splitdns/server/config"
)

// writePair writes a certificate that is valid between two times from now, and its key, into dir.
func writePair(t *testing.T, dir, name string, from, to time.Duration) {
	t.Helper()
	writeCertificate(t, dir, name, from, to, certificateFor{names: []string{"dns.example"}})
}

// certificateFor is whom a certificate is for.
type certificateFor struct{ names, addresses []string }

// writeCertificate is writePair for a certificate that names somebody.
func writeCertificate(t *testing.T, dir, name string, from, to time.Duration, who certificateFor) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: now.Add(from), NotAfter: now.Add(to), DNSNames: who.names}
	for _, a := range who.addresses {
		template.IPAddresses = append(template.IPAddresses, net.ParseIP(a))
	}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{
		name + ".pem": {Type: "CERTIFICATE", Bytes: certificate}, name + ".key": {Type: "PRIVATE KEY", Bytes: private},
	} {
		if err := os.WriteFile(filepath.Join(dir, file), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// loadTLS loads a configuration in dir, and gives its problems without the path of dir.
func loadTLS(t *testing.T, dir, text string) (*config.Config, []config.File, string) {
	t.Helper()
	path := filepath.Join(dir, "c.toml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, files, problems := config.LoadFiles(path)
	return cfg, files, strings.ReplaceAll(problems.String(), dir+string(filepath.Separator), "")
}

func TestTLS(t *testing.T) {
	dir := t.TempDir()
	writePair(t, dir, "a", -time.Hour, 30*24*time.Hour)
	cfg, files, problems := loadTLS(t, dir, "[tls]\nlisten = ['192.0.2.1', '[2001:db8::1]:8853']\nhttps = ['192.0.2.1']\ncertificate = 'a.pem'\nkey = 'a.key'\n")
	if cfg == nil || problems != "" {
		t.Fatal(problems)
	}
	wantListen := []netip.AddrPort{netip.MustParseAddrPort("192.0.2.1:853"), netip.MustParseAddrPort("[2001:db8::1]:8853")}
	wantHTTPS := []netip.AddrPort{netip.MustParseAddrPort("192.0.2.1:443")}
	if !slices.Equal(cfg.TLS.Listen, wantListen) || !slices.Equal(cfg.TLS.HTTPS, wantHTTPS) || cfg.TLS.Certificate == nil {
		t.Errorf("%+v", cfg.TLS)
	}
	if len(files) != 3 { // so that a change of each is seen
		t.Errorf("files %v", files)
	}
	writePair(t, dir, "a", -time.Hour, 30*24*time.Hour)
	if again, _ := config.Load(filepath.Join(dir, "c.toml")); again == nil || again.Digest == cfg.Digest {
		t.Error("another certificate does not change the digest")
	}
}

func TestTLSProblems(t *testing.T) {
	dir := t.TempDir()
	writePair(t, dir, "a", -time.Hour, 30*24*time.Hour)
	writePair(t, dir, "b", -time.Hour, 30*24*time.Hour)
	writePair(t, dir, "old", -2*time.Hour, -time.Hour)
	writePair(t, dir, "new", time.Hour, 2*time.Hour)
	writePair(t, dir, "soon", -time.Hour, 13*24*time.Hour)
	writeCertificate(t, dir, "nobody", -time.Hour, 30*24*time.Hour, certificateFor{})
	for name, content := range map[string]string{
		"empty": "", "text": "this is no PEM\n", "huge": strings.Repeat("x", 1<<20+1),
		"locked":     "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMAA=\n-----END ENCRYPTED PRIVATE KEY-----\n",
		"old-locked": "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nMAA=\n-----END RSA PRIVATE KEY-----\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const on = "[tls]\nlisten = ['192.0.2.1']\n"
	tests := map[string]struct {
		text string
		want []string // a line for each problem, what it has
	}{
		"off":                 {"[tls]\nlisten = []\ncertificate = ''\n", nil},
		"no pair":             {on, []string{"c.toml:1: tls.certificate: missing: ", "c.toml:1: tls.key: missing: "}},
		"no key":              {on + "certificate = 'a.pem'\n", []string{"tls.key: missing: "}},
		"an empty key":        {on + "certificate = 'a.pem'\nkey = ''\n", []string{"c.toml:4: tls.key: missing: "}},
		"no file":             {on + "certificate = 'none.pem'\nkey = 'a.key'\n", []string{"c.toml:3: tls.certificate: none.pem: no such file"}},
		"no file, twice":      {on + "certificate = 'none.pem'\nkey = 'none.key'\n", []string{"c.toml:3: ", "c.toml:4: tls.key: none.key: no such file"}},
		"a folder":            {on + "certificate = '.'\nkey = 'a.key'\n", []string{"is a directory"}},
		"an empty file":       {on + "certificate = 'empty'\nkey = 'a.key'\n", []string{"tls.certificate: empty: empty: want PEM"}},
		"no PEM":              {on + "certificate = 'text'\nkey = 'a.key'\n", []string{"c.toml:3: tls.certificate: does not go with tls.key: "}},
		"a huge file":         {on + "certificate = 'a.pem'\nkey = 'huge'\n", []string{"c.toml:4: tls.key: huge: larger than 1048576 octets"}},
		"another's key":       {on + "certificate = 'a.pem'\nkey = 'b.key'\n", []string{"c.toml:3: tls.certificate: does not go with tls.key: "}},
		"exchanged":           {on + "certificate = 'a.key'\nkey = 'a.pem'\n", []string{"does not go with tls.key: "}},
		"expired":             {on + "certificate = 'old.pem'\nkey = 'old.key'\n", []string{"c.toml:3: warning: tls.certificate: expired at "}},
		"not valid yet":       {on + "certificate = 'new.pem'\nkey = 'new.key'\n", []string{"c.toml:3: warning: tls.certificate: not valid before "}},
		"expires soon":        {on + "certificate = 'soon.pem'\nkey = 'soon.key'\n", []string{"c.toml:3: warning: tls.certificate: expires at "}},
		"no name":             {on + "certificate = 'nobody.pem'\nkey = 'nobody.key'\n", []string{"c.toml:3: warning: tls.certificate: names no host: "}},
		"an encrypted key":    {on + "certificate = 'a.pem'\nkey = 'locked'\n", []string{"c.toml:4: tls.key: the key is encrypted, "}},
		"an old such key":     {on + "certificate = 'a.pem'\nkey = 'old-locked'\n", []string{"c.toml:4: tls.key: the key is encrypted, "}},
		"a number for a path": {on + "certificate = 1\nkey = 'a.key'\n", []string{"c.toml:3: tls.certificate: want the path of a file"}},
		"the plain address":   {"[server]\nlisten = ['192.0.2.1:853']\n" + on + "certificate = 'a.pem'\nkey = 'a.key'\n", []string{"c.toml:4: tls.listen[0]: \"192.0.2.1\": DNS queries are answered at \"192.0.2.1:853\""}},
		"one address for both": {
			"[tls]\nlisten = ['192.0.2.1:853']\nhttps = ['192.0.2.1:853']\ncertificate = 'a.pem'\nkey = 'a.key'\n",
			[]string{"c.toml:3: tls.https[0]: "},
		},
	}
	for name, c := range tests {
		t.Run(name, func(t *testing.T) {
			cfg, _, problems := loadTLS(t, dir, c.text)
			lines := strings.Split(strings.TrimSuffix(problems, "\n"), "\n")
			if problems == "" {
				lines = nil
			}
			if len(lines) != len(c.want) {
				t.Fatalf("problems:\n%s\nwant %q", problems, c.want)
			}
			for i, want := range c.want {
				if !strings.Contains(lines[i], want) {
					t.Errorf("problem %q, want %q", lines[i], want)
				}
			}
			if fine := len(c.want) == 0 || strings.Contains(c.want[0], "warning"); (cfg != nil) != fine {
				t.Errorf("a configuration: %v, want %v", cfg != nil, fine)
			}
		})
	}
}

func TestKeyThatMayNotBeRead(t *testing.T) {
	dir := t.TempDir()
	writePair(t, dir, "a", -time.Hour, 30*24*time.Hour)
	if err := os.Chmod(filepath.Join(dir, "a.key"), 0); err != nil {
		t.Fatal(err)
	}
	if _, err := os.ReadFile(filepath.Join(dir, "a.key")); err == nil {
		t.Skip("this user may read every file")
	}
	_, _, problems := loadTLS(t, dir, "[tls]\nlisten = ['192.0.2.1']\ncertificate = 'a.pem'\nkey = 'a.key'\n")
	if want := "c.toml:4: tls.key: a.key: permission denied: let the user read it as whom the server runs"; !strings.Contains(problems, want) {
		t.Errorf("%s, want %s", problems, want)
	}
}
