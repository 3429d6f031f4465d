package zones

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"splitdns/matcher"
	"splitdns/zones/tomlfile"
)

// What the elements of lists are, as messages say it.
const (
	WantPattern = `a pattern such as "*.example"`
	WantPrefix  = "an address or a prefix"
	WantPort    = `a port such as "tcp/443"`
)

// Patterns reads a list of patterns. It records what is wrong with each, and
// warns of every change that it made and of patterns given twice.
func Patterns(texts []tomlfile.Text) []matcher.Pattern {
	return tomlfile.Each(texts, func(text tomlfile.Text) (matcher.Pattern, error) {
		clean, changes := matcher.Normalise(text.Value)
		p, err := matcher.ParsePattern(clean)
		if err == nil && len(changes) > 0 {
			text.Warn("%q: %s; read as %q", text.Value, strings.Join(changes, ", "), p)
		}
		return p, err
	})
}

// Prefixes reads a list of prefixes and single addresses.
func Prefixes(texts []tomlfile.Text) []netip.Prefix {
	return tomlfile.Each(texts, func(text tomlfile.Text) (netip.Prefix, error) { return ParsePrefix(text.Value) })
}

// Ports reads a list of ports.
func Ports(texts []tomlfile.Text) []Port {
	return tomlfile.Each(texts, func(text tomlfile.Text) (Port, error) { return ParsePort(text.Value) })
}

// errPort is the right form of a port.
var errPort = errors.New(`want ports such as "tcp/443" or "udp/5228-5230"`)

// ParsePort reads "tcp/443" or "udp/5228-5230".
func ParsePort(s string) (Port, error) {
	protocol, numbers, ok := strings.Cut(s, "/")
	if !ok || protocol != "tcp" && protocol != "udp" {
		return Port{}, fmt.Errorf("%q: %w", s, errPort)
	}
	low, high, isRun := strings.Cut(numbers, "-")
	if !isRun {
		high = low
	}
	first, err := strconv.ParseUint(low, 10, 16)
	if err != nil || first == 0 {
		return Port{}, fmt.Errorf("%q: %w", s, errPort)
	}
	last, err := strconv.ParseUint(high, 10, 16)
	if err != nil || last < first {
		return Port{}, fmt.Errorf("%q: %w", s, errPort)
	}
	return Port{Protocol: protocol, First: uint16(first), Last: uint16(last)}, nil
}
