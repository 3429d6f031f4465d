package importer

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"splitdns/zones"
)

// Shapes of ports. The full-width digits of East Asian text are made plain before.
var (
	// protocolWord is the name of a protocol.
	protocolWord = regexp.MustCompile(`(?i)\b(https?|tcp|udp|quic)\b`)
	// portWord is a protocol with a port behind or before it: TCP: 80, udp/123, 443/tcp.
	portWord = regexp.MustCompile(`(?i)\b(?:https?|tcp|udp|quic)\b[\s*:：/(（=]*\d|\d\s*/\s*(?:tcp|udp)\b`)
	// portPart is a number with its protocol behind it, a protocol, or a number or a run.
	portPart = regexp.MustCompile(`(?i)(\d+)\s*/\s*(tcp|udp)\b|\b(https?|tcp|udp|quic)\b|(\d+)(?:\s*[-–~〜]\s*(\d+))?`)
)

// wideDigits makes full-width digits and number signs plain.
var wideDigits = strings.NewReplacer(
	"０", "0", "１", "1", "２", "2", "３", "3", "４", "4", "５", "5", "６", "6", "７", "7", "８", "8", "９", "9", "＃", "#",
)

// isProtocol says whether a cell has nothing but names of protocols.
func isProtocol(text string) bool {
	rest := protocolWord.ReplaceAllString(text, "")
	return rest != text && strings.Trim(rest, " \t/,*`") == ""
}

// protocolsOf are the protocols that text names, in its order, each once.
func protocolsOf(text string) []string {
	var protocols []string
	for _, word := range protocolWord.FindAllString(text, -1) {
		if word = strings.ToLower(word); !slices.Contains(protocols, word) {
			protocols = append(protocols, word)
		}
	}
	return protocols
}

// portReader reads protocols and numbers in turn.
type portReader struct {
	*learnPage
	line      int
	protocols []string
	isDone    bool // there were numbers behind the protocols
	ports     []zones.Port
}

// readPorts reads the ports in text, of the given protocols or of those that text names.
// Where HTTP and HTTPS have no number, they have their usual ones.
func (p *learnPage) readPorts(line int, protocols []string, text string) []zones.Port {
	r := portReader{learnPage: p, line: line, protocols: protocols}
	for _, m := range portPart.FindAllStringSubmatch(wideDigits.Replace(text), -1) {
		r.part(m)
	}
	if len(r.ports) == 0 {
		r.usual()
	}
	return uniquePorts(r.ports)
}

// part reads one match of portPart.
func (r *portReader) part(m []string) {
	switch {
	case m[1] != "":
		r.add([]string{strings.ToLower(m[2])}, m[1], m[1])
	case m[3] != "" && r.isDone:
		r.protocols, r.isDone = []string{strings.ToLower(m[3])}, false
	case m[3] != "":
		r.protocols = append(slices.Clip(r.protocols), strings.ToLower(m[3]))
	default:
		last := m[5]
		if last == "" {
			last = m[4]
		}
		r.add(r.protocols, m[4], last)
		r.isDone = true
	}
}

// add adds a run of ports for each transport protocol below the given ones.
func (r *portReader) add(protocols []string, first, last string) {
	low, err1 := strconv.ParseUint(first, 10, 16)
	high, err2 := strconv.ParseUint(last, 10, 16)
	if err1 != nil || err2 != nil || low == 0 || high < low {
		r.note(r.line, Skipped, "%q to %q: no port, and no run of ports", first, last)
		return
	}
	for _, protocol := range protocols {
		r.ports = append(r.ports, zones.Port{Protocol: transport(protocol), First: uint16(low), Last: uint16(high)})
	}
}

// usual adds the usual ports of HTTP and HTTPS.
func (r *portReader) usual() {
	for _, protocol := range r.protocols {
		switch protocol {
		case "http":
			r.ports = append(r.ports, zones.Port{Protocol: "tcp", First: 80, Last: 80})
		case "https":
			r.ports = append(r.ports, zones.Port{Protocol: "tcp", First: 443, Last: 443})
		}
	}
}

// transport is the transport protocol that a protocol runs over.
func transport(protocol string) string {
	if protocol == "udp" || protocol == "quic" {
		return "udp"
	}
	return "tcp"
}

// uniquePorts is ports without those that come again: HTTP and HTTPS are one protocol here.
func uniquePorts(ports []zones.Port) []zones.Port {
	seen := make(map[zones.Port]bool, len(ports))
	return slices.DeleteFunc(ports, func(p zones.Port) bool {
		again := seen[p]
		seen[p] = true
		return again
	})
}

// leastPort is the smallest number in a sentence that is taken for a port: smaller ones
// are versions and counts.
const leastPort = 20

// prosePorts reads the ports in a sentence that names a protocol. Ports 80 and 443 hold
// for the rows that print none; others belong to no name, and are noted.
func (p *learnPage) prosePorts(line int, text string) {
	if !protocolWord.MatchString(text) {
		return
	}
	var web []zones.Port
	var others []string
	for _, field := range strings.FieldsFunc(wideDigits.Replace(text), isNoPartOfNumber) {
		field = strings.Trim(field, ".:-")
		n, err := strconv.ParseUint(field, 10, 16)
		switch {
		case err != nil || n < leastPort:
		case n == 80 || n == 443:
			web = append(web, zones.Port{Protocol: "tcp", First: uint16(n), Last: uint16(n)})
		default:
			others = append(others, field)
		}
	}
	if len(others) > 0 {
		p.note(line, Skipped, "ports in a sentence, of no name: %s", strings.Join(others, ", "))
	}
	if len(web) > 0 {
		p.sentence(line, uniquePorts(web))
	}
}

// isNoPartOfNumber says whether c separates numbers from what is around them.
func isNoPartOfNumber(c rune) bool {
	return (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && !strings.ContainsRune("._:-", c)
}

// sentence keeps the ports that a sentence says for its section; those of the first one
// hold for sections that say nothing.
func (p *learnPage) sentence(line int, ports []zones.Port) {
	if _, ok := p.web[p.section]; ok {
		return
	}
	p.web[p.section] = ports
	where := "this section"
	if p.anywhere == nil {
		p.anywhere, where = ports, "the page"
	}
	texts := make([]string, len(ports))
	for i, port := range ports {
		texts[i] = port.String()
	}
	p.note(line, Normalised, "ports in a sentence, for the rows of %s that print none: %s", where, strings.Join(texts, ", "))
}
