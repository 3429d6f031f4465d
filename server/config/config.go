// Package config reads the configuration file as typed, checked values.
//
// A file is named tables ([rule.mdm], [upstream.isp]), so that every problem
// can say its key as well as its line. All problems of a file, and of the zone
// files that it names, are found in one go; a [Config] exists only where every
// problem is a warning, and nothing after it parses text again. What a file does
// not say has a default, and without a file everything has.
//
// What the values do is the business of the packages that take them. This one
// opens no socket and looks up no name; it reads the files and nothing else of
// the machine.
package config

import (
	"crypto/tls"
	"net/netip"
	"time"

	"splitdns/matcher"
	"splitdns/server/internal/feed"
	"splitdns/server/internal/localzone"
	"splitdns/server/policy"
	"splitdns/zones"
)

// Config is a whole configuration. It is not changed after it was loaded.
type Config struct {
	Path   string // of the file; "" without one
	Digest string // 8 hexadecimal digits over everything that was read, and the edition's name

	Server    Server
	Cache     Cache
	Upstreams []Upstream // in the order of the file; without "default" unless the file has it
	Edition   string
	Zones     []*zones.Zone       // all that are loaded: those of the edition and one's own, by name
	Feeds     []feed.Subscription // in the order of the file
	Missing   []string            // the zones of Feeds without a copy on disk that can be used, in the order of the file
	Pending   []*zones.Zone       // new copies of Feeds that wait: Zones would have them in the place of those of the same name
	Local     *localzone.Set      // nil: none
	Log       Log
	HTTP      HTTP
	TLS       TLS
	Rules     []policy.Rule
	Clients   []policy.ClientGroup

	// Tests say what should become of some questions.
	Tests []Test

	// Designated are the encrypted listeners that clients may find by asking this server
	// (RFC 9462), the preferred one first; none: clients learn that there is none.
	Designated []Designated

	// Policy is what Zones, Rules and Clients come to, where those are served whom Server.Allow
	// names. Large lists make it large, so that it is compiled once.
	Policy *policy.Policy

	Shadow *Shadow // nil: none
}

// Server is [server]: where queries are taken from, and from whom.
type Server struct {
	Listen          []netip.AddrPort
	ListenByDefault bool           // nobody gave Listen
	AllowLocal      bool           // "local" is in allow: loopback, private ranges, on-link prefixes
	Allow           []netip.Prefix // who is served besides
	Admins          []netip.Prefix // who may ask as another client and see the cache
	Annotate        Annotate
	StrictFamilies  bool           // pin_families is "strict"
	NAT64           []netip.Prefix // IPv4 addresses are taken out of these (RFC 6052)
	HideIdentity    bool           // no answer to version.bind and the like
	Control         string         // the absolute path of the control socket; "" without one
	State           string         // the absolute path of the folder for what is to survive a restart; "" without one
	KeepClients     bool           // names by which clients look for other resolvers do not exist

	QueriesInFlight int
	TCPConnections  int
	TCPIdle         time.Duration
	UDPHold         time.Duration // how long readers wait inside the system call, on Linux; 0: they do not
	Drain           time.Duration // how long queries under way may take at shutdown
	UDPSize         int           // EDNS UDP payload size that is advertised
	Cookies         bool          // DNS cookies are answered (RFC 7873)
	RateLimit       int           // queries a second that one client may send over UDP; 0: any number

	SetFailure SetFailure    // what a client gets whose addresses are in no set
	SetGrace   time.Duration // addresses stay in sets for so long after their TTL
	SetMin     time.Duration // and never for less
}

// Annotate says which answers carry an extended DNS error that names the rule.
type Annotate uint8

// The values of annotate.
const (
	AnnotateMatched Annotate = iota // answers to names that a rule matches
	AnnotateChanged                 // answers that were changed or made here
	AnnotateOff
)

// annotateWords are the values of annotate as they are written, in their order.
var annotateWords = []string{"matched", "changed", "off"}

// String gives the word in the file.
func (a Annotate) String() string { return annotateWords[a] }

// Cache is [cache].
type Cache struct {
	Entries        int
	Memory         int64 // octets that the answers kept may take
	MaxTTL         time.Duration
	MaxNegativeTTL time.Duration
	FailureTTL     time.Duration // how long it is remembered that there was no answer
	Stale          time.Duration // how long expired answers may be given while there is no other; 0: never
	Prefetch       bool          // what is in use is refreshed before it expires
}

// Upstream is [upstream.NAME], a group of resolvers that queries are forwarded to.
type Upstream struct {
	Name      string
	Servers   []UpstreamServer
	Bootstrap []netip.AddrPort // servers that know the addresses of hosts among Servers
	CA        string           // certificates of further authorities, in PEM
	Timeout   time.Duration    // for all servers together
	Strategy  Strategy
	Private   policy.Private
}

// A Designated is an encrypted listener as clients find it.
type Designated struct {
	Name      matcher.Name // that its certificate is for
	ALPN      []string     // "dot", or "h2" for DNS over HTTPS (RFC 9461)
	Port      uint16
	Path      string       // of DNS over HTTPS, as a template: "/dns-query{?dns}"
	Addresses []netip.Addr // where it listens; none: clients look Name up
}

// DefaultUpstream is the name of the upstream group of rules that name none. It
// is the system's resolvers where the file has no table of this name.
const DefaultUpstream = "default"

// Log is [log].
type Log struct {
	Queries string // "stdout", "off" or an absolute path
}

// The values of Log.Queries that are no path.
const (
	LogStdout = "stdout"
	LogOff    = "off"
)

// TLS is [tls]: where encrypted queries are taken from, over TLS (RFC 7858) and over HTTPS (RFC 8484).
type TLS struct {
	Listen, HTTPS []netip.AddrPort // none: off
	Certificate   *tls.Certificate // with its key; nil where both are off and none is given
	Name          matcher.Name     // by which clients are told of these listeners; the zero value: they are not
}

// Defaults of [server].
const (
	defaultQueriesInFlight = 10_000
	defaultTCPConnections  = 1000
	defaultTCPIdle         = 10 * time.Second
	defaultUDPHold         = time.Millisecond
	defaultDrain           = 5 * time.Second
	// defaultUDPSize fits the minimum IPv6 MTU without fragments (DNS flag day 2020).
	defaultUDPSize = 1232
)

// Defaults of [server] that are lists.
var (
	defaultListen = []string{"127.0.0.1:5300", "[::1]:5300"}
	defaultAllow  = []string{allowLocal}
	defaultAdmins = []string{"127.0.0.0/8", "::1"}
	// defaultNAT64 is the well-known prefix (RFC 6052, section 2.1).
	defaultNAT64 = []string{"64:ff9b::/96"}
)

// Defaults of [cache].
const (
	defaultEntries        = 100_000
	defaultMemory         = 256 // mebibytes
	defaultMaxTTL         = 24 * time.Hour
	defaultMaxNegativeTTL = 3 * time.Hour // RFC 2308, section 5
	defaultFailureTTL     = 5 * time.Second
	defaultStale          = 24 * time.Hour
)

// defaultTimeout is that of an upstream group. Stub resolvers and dig give up
// after five seconds (resolv.conf(5)), and the response that says why there is no
// answer must reach them before.
const defaultTimeout = 4 * time.Second

// defaultQueries is where queries are logged.
const defaultQueries = LogStdout

// defaultRule is the rule that stands where the file has none: everything
// published is logged and judged, and nothing changed.
func defaultRule() policy.Rule {
	return policy.Rule{Name: "published", AllZones: true, Log: true, Pin: policy.Observe}
}
