package querylog

import (
	"net/netip"
	"strconv"
	"time"
	"unicode"
	"unicode/utf8"
)

// Entry is what became of one query, and one line of the log. An empty string, and an address that is
// not valid, are written as "", an empty list as [].
type Entry struct {
	Time              time.Time
	Client            netip.Addr
	Name, Type, Rcode string
	Rules             []string
	Zone, Row         string
	Tags              []string
	Pin, Verdict      string
	Addresses         []netip.Addr // all that were judged, as the upstream gave them
	Outside           []netip.Addr // of these, outside the published ranges
	Served            []netip.Addr // what the client got
	Upstream          string
	RTT               time.Duration // of the upstream; 0 or less if none was asked, written as null
	Cache             string
	Duration          time.Duration // from query to response
	Shadow            string        // the verdict of the shadow; the key is written only where there is one
	Along             []string      // names that a CNAME chain led to, by which rules applied; the key is written only if there are any
	Sets              []string      // that its rules put addresses into; the key is written only if there are any
	SetFailure        string        // why they are not there; the key is written only if so
	Demo              bool          // the internet was simulated; the key is written only if so
}

// appendEntry appends e as one line of JSON (RFC 8259), with the line's end. The keys and their order
// are part of the product: scripts read them.
func appendEntry(dst []byte, e *Entry) []byte {
	return appendRest(appendHead(dst, e.Time, e.Client), e)
}

// appendHead appends the beginning of a line: when, and who asked.
func appendHead(dst []byte, at time.Time, client netip.Addr) []byte {
	dst = append(dst, `{"time":"`...)
	dst = appendTime(dst, at)
	dst = append(dst, `","client":`...)
	return appendAddr(dst, client)
}

// appendRest appends what follows appendHead in the line of e.
func appendRest(dst []byte, e *Entry) []byte {
	dst = appendMember(dst, `,"name":`, e.Name)
	dst = appendMember(dst, `,"type":`, e.Type)
	dst = appendMember(dst, `,"rcode":`, e.Rcode)
	dst = appendStrings(dst, `,"rule":`, e.Rules)
	dst = appendMember(dst, `,"zone":`, e.Zone)
	dst = appendMember(dst, `,"row":`, e.Row)
	dst = appendStrings(dst, `,"tags":`, e.Tags)
	dst = appendMember(dst, `,"pin":`, e.Pin)
	dst = appendMember(dst, `,"verdict":`, e.Verdict)
	dst = appendAddrs(dst, `,"addresses":`, e.Addresses)
	dst = appendAddrs(dst, `,"outside":`, e.Outside)
	dst = appendAddrs(dst, `,"served":`, e.Served)
	dst = appendMember(dst, `,"upstream":`, e.Upstream)
	dst = appendMillis(append(dst, `,"rtt_ms":`...), e.RTT)
	dst = appendMember(dst, `,"cache":`, e.Cache)
	dst = strconv.AppendInt(append(dst, `,"duration_us":`...), e.Duration.Microseconds(), 10)
	if e.Shadow != "" {
		dst = appendMember(dst, `,"shadow":`, e.Shadow)
	}
	if len(e.Along) > 0 {
		dst = appendStrings(dst, `,"along":`, e.Along)
	}
	if len(e.Sets) > 0 {
		dst = appendStrings(dst, `,"sets":`, e.Sets)
	}
	if e.SetFailure != "" {
		dst = appendMember(dst, `,"set_failure":`, e.SetFailure)
	}
	if e.Demo {
		dst = append(dst, `,"demo":true`...)
	}
	return append(dst, "}\n"...)
}

// appendTime appends t as RFC 3339 has it, in UTC and with milliseconds. Package time
// takes five times as long for a layout that it does not know.
func appendTime(dst []byte, t time.Time) []byte {
	t = t.UTC()
	year, month, day := t.Date()
	hour, minute, second := t.Clock()
	dst = appendDigits(dst, year/100)
	dst = appendDigits(dst, year%100)
	dst = appendDigits(append(dst, '-'), int(month))
	dst = appendDigits(append(dst, '-'), day)
	dst = appendDigits(append(dst, 'T'), hour)
	dst = appendDigits(append(dst, ':'), minute)
	dst = appendDigits(append(dst, ':'), second)
	ms := t.Nanosecond() / int(time.Millisecond)
	return append(appendDigits(append(dst, '.'), ms/10), byte('0'+ms%10), 'Z')
}

// appendDigits appends n, which is below 100, as two digits.
func appendDigits(dst []byte, n int) []byte { return append(dst, byte('0'+n/10), byte('0'+n%10)) }

// appendMember appends a key, as it stands in the line, and a string.
func appendMember(dst []byte, key, value string) []byte {
	return appendString(append(dst, key...), value)
}

// appendStrings appends a key and a list of strings.
func appendStrings(dst []byte, key string, values []string) []byte {
	dst = append(append(dst, key...), '[')
	for i, v := range values {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendString(dst, v)
	}
	return append(dst, ']')
}

// appendAddrs appends a key and a list of addresses.
func appendAddrs(dst []byte, key string, values []netip.Addr) []byte {
	dst = append(append(dst, key...), '[')
	for i, v := range values {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendAddr(dst, v)
	}
	return append(dst, ']')
}

// appendAddr appends a as a string. The zone of a link-local address is the name of an interface,
// which may hold any octet but a slash and a space.
func appendAddr(dst []byte, a netip.Addr) []byte {
	dst = append(dst, '"')
	if a.IsValid() {
		dst = a.WithZone("").AppendTo(dst)
	}
	if zone := a.Zone(); zone != "" {
		dst = appendEscaped(append(dst, '%'), zone)
	}
	return append(dst, '"')
}

// appendMillis appends d in milliseconds with three decimals, or null.
func appendMillis(dst []byte, d time.Duration) []byte {
	if d <= 0 {
		return append(dst, "null"...)
	}
	us := d.Microseconds()
	dst = strconv.AppendInt(dst, us/1000, 10)
	rest := us % 1000
	return append(dst, '.', byte('0'+rest/100), byte('0'+rest/10%10), byte('0'+rest%10))
}

// appendString appends s as a JSON string.
func appendString(dst []byte, s string) []byte {
	return append(appendEscaped(append(dst, '"'), s), '"')
}

// appendEscaped appends s as it stands between the quotes of a JSON string. Everything that is not
// printable is escaped, more than JSON asks for: control characters of a terminal (C0, C1), line
// separators, and marks that change the direction of text must not reach whoever reads the log.
// Octets that are no UTF-8 become U+FFFD.
func appendEscaped(dst []byte, s string) []byte {
	done := 0 // s[:done] is in dst
	for i := 0; i < len(s); {
		if isPlain(s[i]) {
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		if r >= utf8.RuneSelf && r != utf8.RuneError && unicode.IsPrint(r) {
			i += size
			continue
		}
		dst = appendRune(append(dst, s[done:i]...), r)
		i += size
		done = i
	}
	return append(dst, s[done:]...)
}

// isPlain says whether c is ASCII that stands for itself.
func isPlain(c byte) bool {
	return c >= ' ' && c < 0x7f && c != '"' && c != '\\'
}

// appendRune appends r as an escape: \" and \\, else \uXXXX, twice for what UTF-16 needs two for.
func appendRune(dst []byte, r rune) []byte {
	if r == '"' || r == '\\' {
		return append(dst, '\\', byte(r))
	}
	if r > 0xffff {
		const first, second, base = 0xd800, 0xdc00, 0x10000 // RFC 2781, section 2.1
		dst = appendHex(dst, first+(r-base)>>10)
		r = second + (r-base)&0x3ff
	}
	return appendHex(dst, r)
}

// appendHex appends \u and the four hexadecimal digits of r.
func appendHex(dst []byte, r rune) []byte {
	const digits = "0123456789abcdef"
	return append(dst, '\\', 'u', digits[r>>12&15], digits[r>>8&15], digits[r>>4&15], digits[r&15])
}
