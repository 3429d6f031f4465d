package localzone

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/miekg/dns"

	"splitdns/zones/tomlfile"
)

// maxFaults is how many faults of syntax one file is read on after.
const maxFaults = 20

// fault records err, because of which an entry cannot be read, and moves to the entry after it. The entry is
// among those that begin at from. It reports whether there is anything to read on with: after a fault the zone
// is not used any more, and what follows is read only to find what else is wrong.
func (p *zoneParser) fault(err error, from int) bool {
	l := &p.lines
	off := l.off
	if errors.Is(err, errGenerate) {
		off++ // it was looked at and not read
	}
	text, line := p.place(err)
	off = min(off, lineStart(l.data, line)+1) // behind an open quote much was read
	begin, end := entryAt(l.data, from, off)
	entry := string(l.data[begin:end])
	problem := tomlfile.Problem{File: p.problems.File, Line: line, Text: plain(text, entry)}
	p.problems.Add(problem)
	p.faults++
	isOrigin := len(entry) > 7 && strings.EqualFold(entry[:7], "$ORIGIN") // the names that follow are not known
	switch {
	case errors.Is(err, errLine) || isOrigin || end == len(l.data):
		return false
	case p.faults == maxFaults:
		p.problem(problem.Line, "the rest of the file is not read: so many problems are enough for once")
		return false
	}
	p.resume(begin, end, entry)
	return true
}

// entryAt is where the entry begins and ends in which the octet before off stands: lines that parentheses hold
// together (RFC 1035, section 5.1). An entry begins at from.
func entryAt(data []byte, from, off int) (begin, end int) {
	for begin = from; ; begin = end {
		if end = entryEnd(data, begin); end >= off || end == len(data) {
			return begin, end
		}
	}
}

// entryEnd is the end of the entry that begins at i, with its newline.
func entryEnd(data []byte, i int) int {
	depth, quoted := 0, false
	for ; i < len(data); i++ {
		switch c := data[i]; {
		case c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case c == '\n' && (depth <= 0 || quoted): // a quote that does not end is one of the faults
			return i + 1
		case quoted:
		case c == ';':
			i = lineEnd(data, i) - 1
		default:
			depth += nesting(c)
		}
	}
	return len(data)
}

// nesting is by how much c changes how deep in parentheses what follows stands.
func nesting(c byte) int {
	switch c {
	case '(':
		return 1
	case ')':
		return -1
	}
	return 0
}

// lineEnd is where the line of octet i ends, without its newline.
func lineEnd(data []byte, i int) int {
	if n := bytes.IndexByte(data[i:], '\n'); n >= 0 {
		return i + n
	}
	return len(data)
}

// resume goes on at end, with a parser that has heard of the directives before begin, and of the owner name of
// the entry, which the next one may have left out.
func (p *zoneParser) resume(begin, end int, entry string) {
	owner := cmp.Or(p.owner, "@")
	if word := strings.Fields(entry); len(word) > 0 && strings.HasPrefix(entry, word[0]) && isOwner(word[0]) {
		owner = word[0]
	}
	prefix := directives(p.lines.data[:begin])
	prefix = append(prefix, owner+" 0 IN A 192.0.2.1\n"...)
	line := 1 + bytes.Count(p.lines.data[:end], []byte("\n"))
	p.lines = lines{data: p.lines.data, off: end, line: line, before: prefix}
	p.shift = line - 1 - bytes.Count(prefix, []byte("\n"))
	p.parser = p.newParser()
	p.parser.Next()
}

// isOwner reports whether word can stand as an owner name.
func isOwner(word string) bool {
	_, ok := dns.IsDomainName(word)
	return ok && strings.Trim(strings.ToLower(word), "abcdefghijklmnopqrstuvwxyz0123456789-_.*@") == ""
}

// directives are the lines of data that say what names are relative to.
func directives(data []byte) []byte {
	var all []byte
	for line := range bytes.Lines(data) {
		if len(line) > 8 && line[0] == '$' && bytes.EqualFold(line[:7], []byte("$ORIGIN")) {
			all = append(all, line...)
		}
	}
	return all
}

// place is what err says, and of which line. The library has that at the end of its text.
func (p *zoneParser) place(err error) (text string, line int) {
	text, place, ok := cutLast(strings.TrimPrefix(err.Error(), "dns: "), " at line: ")
	number, _, _ := strings.Cut(place, ":")
	n, bad := strconv.Atoi(number)
	if !ok || bad != nil || errors.Is(err, errLine) || errors.Is(err, errGenerate) {
		return err.Error(), bytes.Count(p.lines.data[:p.lines.off], []byte("\n")) + 1
	}
	return text, n + p.shift
}

// lineStart is where a line of data begins.
func lineStart(data []byte, line int) int {
	start := 0
	for ; line > 1; line-- {
		start = min(lineEnd(data, start)+1, len(data))
	}
	return start
}

// cutLast is strings.Cut at the last sep.
func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

// otherFormats are what lines of other files look like, with what to do about them.
var otherFormats = []struct {
	line *regexp.Regexp
	text string
}{
	{
		regexp.MustCompile(`^(address|host-record|cname|local|server|domain|txt-record|srv-host|mx-host|ptr-record|dhcp-host|addn-hosts)=`),
		"a line of dnsmasq's configuration, and this is a zone file; write records such as %s, or list addresses with names and set format = \"hosts\"",
	},
	{
		regexp.MustCompile(`^(\d{1,3}(\.\d{1,3}){3}|[0-9A-Fa-f]*:[0-9A-Fa-f:.]+)\s+[A-Za-z]`),
		"looks like a line of a hosts file, and this is a zone file; set format = \"hosts\", or write records such as %s",
	},
	{regexp.MustCompile(`^(local-data|local-zone|server|zone|options)\b.*[:{]`), "a line of another server's configuration, and this is a zone file; write records such as %s"},
}

// form is what a record looks like.
const form = `"www 3600 IN A 192.0.2.1"`

// plain says in plain words what is wrong with entry, for which the library says text.
func plain(text, entry string) string {
	for _, other := range otherFormats {
		if other.line.MatchString(entry) {
			return fmt.Sprintf("%.60q: "+other.text, strings.TrimSpace(entry), form)
		}
	}
	what, quoted, _ := cutLast(text, ": ")
	token, err := strconv.Unquote(quoted)
	if err != nil {
		return text
	}
	if words := strings.Fields(what); len(words) > 1 && words[0] == "bad" && words[1] == strings.ToUpper(words[1]) {
		return badData(words[1], token)
	}
	if token == what { // of the lexer, which does not quote
		token = strings.TrimSpace(entry)
	}
	for _, k := range known {
		if strings.HasPrefix(what, k.text) {
			return fmt.Sprintf(k.plain, token)
		}
	}
	return text
}

// known are texts of the library's, in plain words about the word that is quoted.
var known = []struct{ text, plain string }{
	{"not a TTL", "%.60q is neither a record type nor a TTL; want a line such as " + form},
	{"unknown RR type", "%.60q: the record type is not known; want a line such as " + form},
	{"expecting RR type", "%.60q stands where the record type should; want a line such as " + form},
	{"expecting $TTL value", "%.60q is no TTL; want a line such as \"$TTL 3600\""},
	{"expecting $ORIGIN value", "%.60q is no name; want a line such as \"$ORIGIN corp.example.\""},
	{"garbage after rdata", "%.60q stands behind the end of the record; leave it out, or put a ; before it if it is a comment"},
	{"garbage after directive", "%.60q stands behind the end of the line"},
	{"bad owner name", "%.60q is no name"},
	{"bad origin name", "%.60q is no name"},
	{"$INCLUDE", "$INCLUDE is not supported; put the records into this file, or into a local zone of their own%.0s"},
	{"unexpected newline", "the line ends where a record should go on; want one such as " + form + "%.0s"},
	{"no blank after owner", "the line ends behind the name; want one such as " + form + "%.0s"},
	{"unbalanced brace", "a parenthesis is opened and not closed%.0s"},
	{"extra closing brace", "a parenthesis is closed that was not opened%.0s"},
}

// examples are the data of records as they should be.
var examples = map[string]string{
	"A": "192.0.2.1", "AAAA": "2001:db8::1", "MX": "10 mail", "SRV": "10 5 5060 sip", "CNAME": "www", "NS": "ns1", "PTR": "www.corp.example.",
	"DNAME": "other.example.", "SOA": "ns hostmaster 1 3600 1200 604800 300", "TXT": `"some text"`, "CAA": `0 issue "ca.example"`,
	"SSHFP": "4 2 0123456789abcdef", "TLSA": "3 1 1 0123456789abcdef", "NAPTR": `100 10 "s" "SIP+D2U" "" _sip._udp`, "HTTPS": "1 . alpn=h2",
}

// badData says that token is not what records of type t have at its place.
func badData(t, token string) string {
	article := "a"
	if strings.ContainsRune("AHLMNRSX", rune(t[0])) { // as the letter is said
		article = "an"
	}
	want := ""
	if example := examples[t]; example != "" {
		want = fmt.Sprintf("; want data such as %q", example)
	}
	if strings.TrimSpace(token) == "" && t != "TXT" {
		return fmt.Sprintf("%s %s record ends too early%s", article, t, want)
	}
	switch t {
	case "A":
		return fmt.Sprintf("%.60q is no IPv4 address%s", token, want)
	case "TXT":
		return fmt.Sprintf("the text of %s %s record is more than one can have, or in quotes that do not end%s", article, t, want)
	case "AAAA":
		return fmt.Sprintf("%.60q is no IPv6 address%s", token, want)
	}
	return fmt.Sprintf("%.60q is out of place in %s %s record%s", token, article, t, want)
}
