package config

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"splitdns/matcher"
)

// Transport is how an upstream server is asked.
type Transport uint8

// The transports.
const (
	Plain Transport = iota // UDP, and TCP for what is too large
	OverTCP
	OverTLS
	OverHTTPS
)

// transports has each Transport with its scheme and its usual port, in their order.
var transports = []struct {
	scheme string
	port   uint16
}{{"", dnsPort}, {"tcp", dnsPort}, {"tls", 853}, {"https", 443}}

// UpstreamServer is a server to forward to, one element of upstream.NAME.servers. Two are
// the same server, asked in the same way, if they are equal.
type UpstreamServer struct {
	Transport Transport
	Addr      netip.Addr // not valid: Host is known, and its addresses are asked of bootstrap
	Host      string
	Port      uint16
	TLSName   string // whom the certificate must name: a host name or an address; "" without TLS
	Path      string // of HTTPS, from the slash on
}

// PlainServer is a server that is asked over UDP and TCP.
func PlainServer(ap netip.AddrPort) UpstreamServer {
	return UpstreamServer{Addr: ap.Addr(), Port: ap.Port()}
}

// PlainServers are servers that are asked over UDP and TCP.
func PlainServers(addrs []netip.AddrPort) []UpstreamServer {
	servers := make([]UpstreamServer, len(addrs))
	for i, ap := range addrs {
		servers[i] = PlainServer(ap)
	}
	return servers
}

// AddrPort is where s is; its address is not valid if s has a Host.
func (s UpstreamServer) AddrPort() netip.AddrPort { return netip.AddrPortFrom(s.Addr, s.Port) }

// String is s as a configuration has it, without what goes without saying.
func (s UpstreamServer) String() string {
	how := transports[s.Transport]
	host := s.Host
	if host == "" {
		host = s.Addr.String()
	}
	if s.Port != how.port && s.Host == "" {
		host = s.AddrPort().String()
	} else if s.Port != how.port {
		host += ":" + strconv.Itoa(int(s.Port))
	} else if s.Transport != Plain && s.Addr.Is6() {
		host = "[" + host + "]"
	}
	if s.Transport == Plain {
		return host
	}
	text := how.scheme + "://" + host + s.Path
	if s.TLSName != "" && s.TLSName != cmp.Or(s.Host, s.Addr.WithZone("").String()) {
		text += "#" + s.TLSName
	}
	return text
}

// isEncrypted says whether nobody can read on the way what s is asked.
func (s UpstreamServer) isEncrypted() bool { return s.Transport == OverTLS || s.Transport == OverHTTPS }

// ParseUpstream reads a server to forward to, as flags and keys take it: an address, which
// without a port gets port 53, or "tcp://ADDR", "tls://ADDR#NAME", "https://HOST/PATH".
func ParseUpstream(s string) (UpstreamServer, error) {
	server, err := parseUpstream(s)
	if err != nil {
		return UpstreamServer{}, fmt.Errorf("%q: %w", s, err)
	}
	return server, nil
}

// parseUpstream is ParseUpstream; its errors do not quote the whole text.
func parseUpstream(s string) (UpstreamServer, error) {
	scheme, rest, ok := strings.Cut(s, "://")
	if !ok {
		ap, err := parseServerAddr(s, dnsPort)
		return PlainServer(ap), withTLSForm(s, err)
	}
	for i, how := range transports[1:] {
		if scheme == how.scheme {
			return parseURL(Transport(i+1), rest)
		}
	}
	switch strings.ToLower(scheme) {
	case "tcp", "tls", "https":
		return UpstreamServer{}, fmt.Errorf("write the scheme in lower case: %q", strings.ToLower(scheme)+"://")
	case "udp":
		return UpstreamServer{}, fmt.Errorf("UDP goes without saying; write %q", rest)
	case "http":
		return UpstreamServer{}, fmt.Errorf("anybody could read and change that; write %q", "https://"+rest)
	case "dot":
		return UpstreamServer{}, fmt.Errorf("write %q", "tls://"+rest)
	case "doh", "h2":
		return UpstreamServer{}, fmt.Errorf("write %q", "https://"+rest)
	}
	return UpstreamServer{}, fmt.Errorf("unknown scheme %q; want an address, or one behind \"tcp://\", \"tls://\" or \"https://\"", scheme)
}

// withTLSForm adds to what is wrong with a plain server how other resolvers' way to write
// one with TLS is written here.
func withTLSForm(s string, err error) error {
	before, name, named := strings.Cut(s, "#")
	addr, port, _ := strings.Cut(before, "@")
	if err == nil || !named && port != "853" || named && checkHostName(name) != nil {
		return err
	}
	if ap, parseErr := parseServerAddr(addr, 853); parseErr == nil && (port == "" || port == "853") {
		s := UpstreamServer{Transport: OverTLS, Addr: ap.Addr(), Port: ap.Port(), TLSName: name}
		if !named {
			return fmt.Errorf("port 853 is that of TLS; write %q", s)
		}
		return fmt.Errorf("a plain server has no name; for TLS write %q", s)
	}
	return err
}

// parseURL reads what stands behind the scheme of a transport.
func parseURL(t Transport, rest string) (UpstreamServer, error) {
	s := UpstreamServer{Transport: t}
	rest, name, named := strings.Cut(rest, "#")
	host, path := rest, ""
	if i := strings.IndexByte(rest, '/'); i >= 0 {
		host, path = rest[:i], rest[i:]
	}
	if err := s.parseHost(host); err != nil {
		return s, err
	}
	if err := s.parsePath(path); err != nil {
		return s, err
	}
	switch {
	case !named:
	case t == OverTCP:
		return s, fmt.Errorf("a name in a certificate belongs to TLS; write %q or leave out %q", "tls://"+rest+"#"+name, "#"+name)
	default:
		if err := checkHostName(name); err != nil {
			return s, fmt.Errorf("the name behind #: %w", err)
		}
	}
	if s.isEncrypted() {
		s.TLSName = cmp.Or(strings.ToLower(name), s.Host)
		if s.TLSName == "" {
			s.TLSName = s.Addr.WithZone("").String()
		}
	}
	return s, nil
}

// parseHost reads the address or host name of a server, and its port.
func (s *UpstreamServer) parseHost(text string) error {
	how := transports[s.Transport]
	if strings.Contains(text, "@") {
		return errors.New("users and passwords are not supported; a port stands after a colon")
	}
	ap, err := parseServerAddr(text, how.port)
	if err == nil {
		s.Addr, s.Port = ap.Addr(), ap.Port()
		return nil
	}
	host, portText, hasPort := strings.Cut(text, ":")
	if !isHostName(host) || strings.ContainsAny(text, "[]") {
		return err
	}
	if s.Transport == OverTCP {
		return fmt.Errorf("%q: a host name; write the address, such as \"tcp://192.0.2.1\"", host)
	}
	if s.Port = how.port; hasPort {
		port, err := strconv.ParseUint(portText, 10, 16)
		if err != nil || port == 0 {
			return fmt.Errorf("%q is no port; want a number from 1 to 65535", portText)
		}
		s.Port = uint16(port)
	}
	s.Host = strings.ToLower(strings.TrimSuffix(host, "."))
	return checkHostName(s.Host)
}

// parsePath reads the path of a server, which only HTTPS has. Nearly every server has it
// where RFC 8484 shows it.
func (s *UpstreamServer) parsePath(text string) error {
	switch {
	case s.Transport != OverHTTPS && text != "":
		return fmt.Errorf("%q: only https:// has a path; leave it out", text)
	case s.Transport != OverHTTPS:
		return nil
	case strings.ContainsAny(text, "{}"):
		before, _, _ := strings.Cut(text, "{")
		return fmt.Errorf("%q: queries are sent with POST, which needs no template; leave out what stands in braces: %q", text, before)
	}
	s.Path = cmp.Or(text, "/dns-query")
	isOdd := func(r rune) bool { return r <= ' ' || r > '~' }
	if _, err := url.ParseRequestURI(s.Path); err != nil || strings.HasPrefix(s.Path, "//") || strings.ContainsFunc(s.Path, isOdd) {
		return fmt.Errorf("%q: no path of a URL, such as \"/dns-query\"", text)
	}
	return nil
}

// checkHostName says what is wrong with a host name, as certificates have them.
func checkHostName(name string) error {
	if name == "" {
		return errors.New("the name is empty")
	}
	if !isHostName(name) || strings.Trim(strings.ToLower(name), "abcdefghijklmnopqrstuvwxyz0123456789-_.") != "" {
		return fmt.Errorf("%q is no host name", name)
	}
	if _, err := matcher.ParseName(name); err != nil || strings.HasSuffix(name, ".") {
		return fmt.Errorf("%q is no host name", name)
	}
	return nil
}

// parseServerAddr reads the address of a server, which without a port gets that one.
func parseServerAddr(s string, port uint16) (netip.AddrPort, error) {
	ap, err := parseAddrPort(s, port)
	if err != nil {
		return ap, unquoted(s, err)
	}
	addr := ap.Addr()
	switch {
	case ap.Port() == 0:
		return ap, errors.New("port 0 cannot be asked")
	case addr.IsUnspecified():
		return ap, errors.New("no server has this address")
	case addr.Is6() && addr.IsLinkLocalUnicast() && addr.Zone() == "":
		return ap, fmt.Errorf("a link-local address needs its interface, such as %q", addr.WithZone("eth0"))
	}
	return ap, nil
}

// unquoted is an error of s without s at its beginning.
func unquoted(s string, err error) error {
	return errors.New(strings.TrimPrefix(err.Error(), fmt.Sprintf("%q: ", s)))
}
