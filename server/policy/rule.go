package policy

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"splitdns/matcher"
	"splitdns/zones"
)

// A Rule says which names, for which clients, get which actions. The zero
// value of an action means that the rule says nothing about it.
type Rule struct {
	Name     string
	Zones    []string          // zones taken by name
	AllZones bool              // "*": every loaded zone but the catch-alls
	Names    []matcher.Pattern // patterns of the rule's own
	Clients  []string          // client groups; none: all clients

	Log      bool
	Tags     []string
	Sets     []Set // that addresses of answers go into
	SetsAll  bool  // addresses outside the published ranges as well
	Pin      Pin
	Upstream string
	Answer   Answer
	MaxTTL   time.Duration
	Private  Private
}

// via says how r comes to the patterns of z, and whether it does.
func (r *Rule) via(z *zones.Zone) (Via, bool) {
	if slices.Contains(r.Zones, z.Name) {
		return ViaZone, true
	}
	return ViaAll, r.AllZones && !z.CatchAll
}

// Via is how a rule came to match a name, the closest way first.
type Via uint8

// The ways from a rule to a name, most specific first.
const (
	ViaNames Via = iota // by a pattern of its own
	ViaZone             // by a zone that it names
	ViaAll              // by "*"
)

// String is the word that explain prints.
func (v Via) String() string {
	return [...]string{"names", "zone", "*"}[v]
}

// A Pin says what happens to addresses outside the published ranges, from safe
// to strict.
type Pin uint8

// The pins. PinUnset is a rule that says nothing; a Decision never holds it.
const (
	PinUnset   Pin = iota
	Observe        // nothing: the verdict is logged, counted, shown
	Prefer         // removed while an address inside remains
	Enforce        // removed; an empty A or AAAA answer becomes NODATA
	Substitute     // as Enforce, but single published addresses replace an empty answer
)

// pinWords are the pins as they stand in the configuration, in order.
var pinWords = []string{"", "observe", "prefer", "enforce", "substitute"}

// String is the word of the configuration.
func (p Pin) String() string { return pinWords[p] }

// ParsePin reads the word of the configuration.
func ParsePin(s string) (Pin, error) {
	i := slices.Index(pinWords[1:], s)
	if i < 0 {
		return PinUnset, fmt.Errorf("%q: want one of %s", s, strings.Join(pinWords[1:], ", "))
	}
	return Pin(i + 1), nil
}

// AnswerKind is the form of an Answer.
type AnswerKind uint8

// The forms of an answer of our own. AnswerForward is `answer = ""` spelt out:
// the rule says that there is none, which lifts a block of a wider rule.
const (
	AnswerUnset AnswerKind = iota
	AnswerForward
	AnswerNXDomain
	AnswerNoData
	AnswerRefused
	AnswerNull
	AnswerAddresses
	AnswerCNAME
)

// answerWords are the answers that are a single word.
var answerWords = map[string]AnswerKind{
	"":         AnswerForward,
	"nxdomain": AnswerNXDomain,
	"nodata":   AnswerNoData,
	"refused":  AnswerRefused,
	"null":     AnswerNull,
}

// An Answer is what a rule says instead of asking an upstream.
type Answer struct {
	Kind      AnswerKind
	Addresses []netip.Addr // AnswerAddresses, both families, in the order given
	Target    matcher.Name // AnswerCNAME
}

// Given reports whether a is an answer of our own; a CNAME is one, although its
// target is resolved.
func (a Answer) Given() bool { return a.Kind > AnswerForward }

// Blocks reports whether a keeps the client from what it asked for.
func (a Answer) Blocks() bool {
	return a.Kind >= AnswerNXDomain && a.Kind <= AnswerNull
}

// Equal reports whether a and b say the same.
func (a Answer) Equal(b Answer) bool {
	return a.Kind == b.Kind && a.Target == b.Target && slices.Equal(a.Addresses, b.Addresses)
}

// String is what the configuration says, addresses with commas between.
func (a Answer) String() string {
	switch a.Kind {
	case AnswerAddresses:
		words := make([]string, len(a.Addresses))
		for i, addr := range a.Addresses {
			words[i] = addr.String()
		}
		return strings.Join(words, ",")
	case AnswerCNAME:
		return a.Target.String()
	}
	for word, kind := range answerWords {
		if kind == a.Kind {
			return word
		}
	}
	return ""
}

// errAnswer says what `answer` takes.
var errAnswer = errors.New(`want "nxdomain", "nodata", "refused", "null", addresses or a CNAME target`)

// ParseAnswer reads the value of `answer`: one word, one CNAME target, or one
// or more addresses, of which each counts once.
func ParseAnswer(values []string) (Answer, error) {
	if len(values) == 0 {
		return Answer{}, errAnswer
	}
	if len(values) == 1 {
		if kind, ok := answerWords[values[0]]; ok {
			return Answer{Kind: kind}, nil
		}
		if _, err := netip.ParseAddr(values[0]); err != nil {
			return parseTarget(values[0])
		}
	}
	a := Answer{Kind: AnswerAddresses}
	for _, v := range values {
		addr, err := netip.ParseAddr(v)
		if err != nil {
			return Answer{}, fmt.Errorf("%q: want only addresses in a list", v)
		}
		if addr.Zone() != "" {
			return Answer{}, fmt.Errorf("%q: an interface has no place here; write %q", v, addr.WithZone(""))
		}
		if addr = addr.Unmap(); !slices.Contains(a.Addresses, addr) {
			a.Addresses = append(a.Addresses, addr)
		}
	}
	return a, nil
}

// parseTarget reads a CNAME target. One label alone is taken for a misspelt
// word. What ends in a number or has an octet of prefixes, ports and patterns is
// taken for a misspelt address or pattern: no top-level label is a number
// (RFC 3696, section 2).
func parseTarget(s string) (Answer, error) {
	errNeither := fmt.Errorf("%q: neither an address nor a name", s)
	const odd = "/:*{}"
	if strings.ContainsAny(s, odd) {
		return Answer{}, errNeither
	}
	n, err := matcher.ParseName(s)
	if err != nil {
		return Answer{}, err
	}
	if wire := n.Wire(); len(wire) <= 1+int(wire[0])+1 { // a label and the root's
		return Answer{}, fmt.Errorf("%q: %w", s, errAnswer)
	}
	text := n.String() // without escapes
	if strings.ContainsAny(text, odd) {
		return Answer{}, errNeither
	}
	last := text[strings.LastIndexByte(text, '.')+1:]
	if strings.Trim(last, "0123456789") == "" {
		return Answer{}, errNeither
	}
	return Answer{Kind: AnswerCNAME, Target: n}, nil
}
