package config_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"splitdns/server/config"
)

func TestParseUpstream(t *testing.T) {
	four, six := netip.MustParseAddr("192.0.2.53"), netip.MustParseAddr("2001:db8::53")
	for text, want := range map[string]config.UpstreamServer{
		"192.0.2.53":              {Addr: four, Port: 53},
		"192.0.2.53:5353":         {Addr: four, Port: 5353},
		"2001:db8::53":            {Addr: six, Port: 53},
		"[2001:db8::53]:5353":     {Addr: six, Port: 5353},
		"fe80::1%eth0":            {Addr: netip.MustParseAddr("fe80::1%eth0"), Port: 53},
		"tcp://192.0.2.53":        {Transport: config.OverTCP, Addr: four, Port: 53},
		"tcp://[2001:db8::53]":    {Transport: config.OverTCP, Addr: six, Port: 53},
		"tls://192.0.2.53":        {Transport: config.OverTLS, Addr: four, Port: 853, TLSName: "192.0.2.53"},
		"tls://192.0.2.53#dns.ex": {Transport: config.OverTLS, Addr: four, Port: 853, TLSName: "dns.ex"},
		"tls://[2001:db8::53]:8853#dns.ex": {
			Transport: config.OverTLS, Addr: six, Port: 8853, TLSName: "dns.ex",
		},
		"tls://dns.ex":           {Transport: config.OverTLS, Host: "dns.ex", Port: 853, TLSName: "dns.ex"},
		"tls://dns.ex:8853#a.ex": {Transport: config.OverTLS, Host: "dns.ex", Port: 8853, TLSName: "a.ex"},
		"https://dns.ex/q": {
			Transport: config.OverHTTPS, Host: "dns.ex", Port: 443, TLSName: "dns.ex", Path: "/q",
		},
		"https://192.0.2.53:8443/a/b?c=d#dns.ex": {
			Transport: config.OverHTTPS, Addr: four, Port: 8443, TLSName: "dns.ex", Path: "/a/b?c=d",
		},
		"https://[2001:db8::53]/": {
			Transport: config.OverHTTPS, Addr: six, Port: 443, TLSName: "2001:db8::53", Path: "/",
		},
	} {
		got, err := config.ParseUpstream(text)
		if err != nil || got != want {
			t.Errorf("ParseUpstream(%q) = %#v, %v, want %#v", text, got, err, want)
			continue
		}
		if got.String() != text {
			t.Errorf("%q is written %q", text, got)
		}
	}
}

// What goes without saying is left out, and what may be left out is there.
func TestUpstreamServerIsWrittenShort(t *testing.T) {
	for text, want := range map[string]string{
		"192.0.2.53:53":                    "192.0.2.53",
		"[2001:db8::53]:53":                "2001:db8::53",
		"tls://192.0.2.53:853#192.0.2.53.": "",
		"tls://2001:db8::53":               "tls://[2001:db8::53]",
		"tls://DNS.Ex.:853":                "tls://dns.ex",
		"https://192.0.2.53#DNS.ex":        "https://192.0.2.53/dns-query#dns.ex",
		"https://dns.ex:443#dns.ex":        "https://dns.ex/dns-query",
	} {
		got, err := config.ParseUpstream(text)
		if err == nil && got.String() != want || err != nil && want != "" {
			t.Errorf("ParseUpstream(%q) = %v, %v, want %q", text, got, err, want)
		}
	}
}

func TestParseUpstreamSaysWhatIsWrong(t *testing.T) {
	for text, want := range map[string]string{
		"fe80::1":                     `a link-local address needs its interface, such as "fe80::1%eth0"`,
		"192.0.2.53:0":                `port 0 cannot be asked`,
		"0.0.0.0":                     `no server has this address`,
		"tls://0.0.0.0#dns.ex":        `no server has this address`,
		"dns.example":                 `a host name; write the address, such as "192.0.2.1:53"`,
		"9.9.9.9#dns.quad9.net":       `a plain server has no name; for TLS write "tls://9.9.9.9#dns.quad9.net"`,
		"9.9.9.9@853#dns.quad9.net":   `a plain server has no name; for TLS write "tls://9.9.9.9#dns.quad9.net"`,
		"9.9.9.9@853":                 `port 853 is that of TLS; write "tls://9.9.9.9"`,
		"[2001:db8::1]@853":           `port 853 is that of TLS; write "tls://[2001:db8::1]"`,
		"9.9.9.9@5353":                `a port stands after a colon; write "9.9.9.9:5353"`,
		"udp://9.9.9.9":               `UDP goes without saying; write "9.9.9.9"`,
		"http://9.9.9.9/dns-query":    `anybody could read and change that; write "https://9.9.9.9/dns-query"`,
		"quic://9.9.9.9":              `unknown scheme "quic"; want an address, or one behind "tcp://", "tls://" or "https://"`,
		"TLS://9.9.9.9":               `write the scheme in lower case: "tls://"`,
		"dot://9.9.9.9":               `write "tls://9.9.9.9"`,
		"doh://9.9.9.9/q":             `write "https://9.9.9.9/q"`,
		"tcp://9.9.9.9#dns.quad9.net": `a name in a certificate belongs to TLS; write "tls://9.9.9.9#dns.quad9.net" or leave out "#dns.quad9.net"`,
		"tcp://dns.example":           `"dns.example": a host name; write the address, such as "tcp://192.0.2.1"`,
		"tls://9.9.9.9#":              `the name behind #: the name is empty`,
		"tls://9.9.9.9#a b":           `the name behind #: "a b" is no host name`,
		"tls://9.9.9.9#a..b":          `the name behind #: "a..b" is no host name`,
		"tls://9.9.9.9/dns-query":     `"/dns-query": only https:// has a path; leave it out`,
		"tls://dns.example:domain":    `"domain" is no port; want a number from 1 to 65535`,
		"tls://dns.example:0":         `"0" is no port; want a number from 1 to 65535`,
		"tls://9.9.9.9@853":           `users and passwords are not supported; a port stands after a colon`,
		"https://a:b@dns.example/":    `users and passwords are not supported; a port stands after a colon`,
		"https://dns.ex/q{?dns}":      `"/q{?dns}": queries are sent with POST, which needs no template; leave out what stands in braces: "/q"`,
		"https://dns.ex/a b":          `"/a b": no path of a URL, such as "/dns-query"`,
		"https://dns.ex//b":           `"//b": no path of a URL, such as "/dns-query"`,
		"https://":                    `every address of the machine is "0.0.0.0:443" and "[::]:443"`,
	} {
		s, err := config.ParseUpstream(text)
		if want = `"` + text + `": ` + want; err == nil || err.Error() != want {
			t.Errorf("ParseUpstream(%q) = %v, %v, want the error\n%s", text, s, err, want)
		}
	}
}

func FuzzParseUpstream(f *testing.F) {
	for _, text := range []string{"192.0.2.1", "tls://[2001:db8::1]:8853#dns.example", "https://dns.example:8443/q?a=b", "tcp://192.0.2.1:5353"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := config.ParseUpstream(text)
		if err != nil {
			return
		}
		again, err := config.ParseUpstream(s.String())
		if err != nil || again != s {
			t.Errorf("%q is %#v, written %q, which is %#v, %v", text, s, s, again, err)
		}
		if encrypted := strings.HasPrefix(s.String(), "tls") || strings.HasPrefix(s.String(), "https"); encrypted != (s.TLSName != "") {
			t.Errorf("%q: TLSName %q", text, s.TLSName)
		}
	})
}

func TestEncryptedUpstreamProblems(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "notes.txt", "no certificate")
	write(t, dir, "key.pem", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
	write(t, dir, "broken.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
	path := write(t, dir, "c.toml", `[upstream.a]
servers = ["tls://dns.example", "https://dns.example:8443/q"]
[upstream.b]
servers = ["tls://dns.example"]
bootstrap = ["tls://192.0.2.1", "dns.example", "127.0.0.1:5300", "192.0.2.1:0"]
ca = "missing.pem"
[upstream.c]
servers = ["tls://192.0.2.1"]
ca = "notes.txt"
[upstream.d]
servers = ["tls://192.0.2.1", "tls://192.0.2.1:853"]
ca = "key.pem"
[upstream.e]
servers = ["tls://127.0.0.1:5300"]
ca = "broken.pem"
`)
	const needs = `: a host name needs servers that know its address; give bootstrap = ["192.0.2.53"], or write the address with the name behind it, such as `
	const circle = `: our own address, server.listen has "127.0.0.1:5300"; queries would go in a circle`
	_, problems := config.Load(path)
	want := []string{
		`c.toml:2: upstream.a.servers[0]: "tls://dns.example"` + needs + `"tls://192.0.2.1#dns.example"`,
		`c.toml:2: upstream.a.servers[1]: "https://dns.example:8443/q"` + needs + `"https://192.0.2.1:8443/q#dns.example"`,
		`c.toml:5: upstream.b.bootstrap[0]: "tls://192.0.2.1": only plain addresses are supported, such as "192.0.2.1" or "192.0.2.1:53"`,
		`c.toml:5: upstream.b.bootstrap[1]: "dns.example": a host name; write the address, such as "192.0.2.1:53"`,
		`c.toml:5: upstream.b.bootstrap[2]: "127.0.0.1:5300"` + circle,
		`c.toml:5: upstream.b.bootstrap[3]: "192.0.2.1:0": port 0 cannot be asked`,
		`c.toml:6: upstream.b.ca: reading missing.pem: no such file or directory`,
		`c.toml:9: upstream.c.ca: reading notes.txt: has no certificate in PEM, which begins with -----BEGIN CERTIFICATE-----`,
		`c.toml:11: warning: upstream.d.servers[1]: "tls://192.0.2.1:853" stands in this list twice, first as upstream.d.servers[0]`,
		`c.toml:12: upstream.d.ca: reading key.pem: has a PRIVATE KEY; want certificates only`,
		`c.toml:14: upstream.e.servers[0]: "tls://127.0.0.1:5300"` + circle,
		`c.toml:15: upstream.e.ca: reading broken.pem: certificate 1: x509: malformed certificate`,
	}
	if diff := cmp.Diff(want, lines(strings.ReplaceAll(problems.String(), dir+"/", ""))); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
}

func TestKeysThatNoServerNeeds(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "ca.pem", authority)
	path := write(t, dir, "c.toml", "[upstream.a]\nservers = ['192.0.2.1', 'tcp://192.0.2.1']\nbootstrap = ['192.0.2.53']\nca = 'ca.pem'\n")
	cfg, problems := config.Load(path)
	want := []string{
		`c.toml:3: warning: upstream.a.bootstrap: not needed: all servers have addresses`,
		`c.toml:4: warning: upstream.a.ca: not needed: no server is asked over TLS or HTTPS`,
	}
	if diff := cmp.Diff(want, lines(strings.ReplaceAll(problems.String(), dir+"/", ""))); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
	if cfg == nil || cfg.Upstreams[0].CA != authority {
		t.Error("the authority is not there")
	}
	_, files, _ := config.LoadFiles(path)
	if len(files) != 2 || !strings.HasSuffix(files[1].Path, "ca.pem") {
		t.Errorf("files %v, want ca.pem among them: a reload follows it", files)
	}
	before := cfg.Digest
	write(t, dir, "ca.pem", authority+"\n")
	if cfg, _ := config.Load(path); cfg == nil || cfg.Digest == before {
		t.Error("another authority has the same digest")
	}
}

func TestFlagsKeepTheRestOfTheGroup(t *testing.T) {
	cfg, _ := config.Parse("", []byte("[upstream.default]\nservers = ['tls://dns.example']\nbootstrap = ['192.0.2.53']\ntimeout = '2s'\n"))
	s, err := config.ParseUpstreamFlag("tls://192.0.2.1#dns.example")
	if err != nil {
		t.Fatal(err)
	}
	got := cfg.WithUpstream([]config.UpstreamServer{s}).Upstreams[0]
	if got.Servers[0] != s || len(got.Bootstrap) != 1 || got.Timeout.String() != "2s" {
		t.Errorf("%+v, want the flag's server and the file's other keys", got)
	}
	if _, err := config.ParseUpstreamFlag("tls://dns.example"); err == nil || !strings.Contains(err.Error(), `such as "tls://192.0.2.1#dns.example"`) {
		t.Errorf("a host name in a flag: %v, want how to write it", err)
	}
}

// authority is a certificate that signs itself.
const authority = `-----BEGIN CERTIFICATE-----
MIIBjjCCATWgAwIBAgIUDQOxrVrQn+lMziiYrwBjgETfHY0wCgYIKoZIzj0EAwIw
HDEaMBgGA1UEAwwRYXV0aG9yaXR5LmV4YW1wbGUwIBcNMjYxMTIyMTUzODIxWhgP
MjEyNjEwMjkxNTM4MjFaMBwxGjAYBgNVBAMMEWF1dGhvcml0eS5leGFtcGxlMFkw
EwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAET2wQxtej13a9Pi8BH8zEylZYtMNoBQjG
Ge9vLKtg66olrTkuAkJtP4tgiptEhpt27UpNPvrmupAyBqLHQpxOZ6NTMFEwHQYD
VR0OBBYEFOLJLdgJE0b9Q+JWpiOW+h0gjgIRMB8GA1UdIwQYMBaAFOLJLdgJE0b9
Q+JWpiOW+h0gjgIRMA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDRwAwRAIg
Yjp8ExhHSPe4yrogv3Ldf4oY63HxNP7Dxnb419NBRpYCIEI2OKbXC/6BlI5cV1ad
8iON1TRw8gborsjUP9tH7lIJ
-----END CERTIFICATE-----
`
