package importer

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"splitdns/matcher"
	"splitdns/zones"
)

// reading is a document while it is read. What a format finds in it is added here,
// and what it leaves out is noted here.
type reading struct {
	document Document
	format   format
	about    zones.Zone // title, vendor, edition and source of zones, where the document says them
	drafts   []draft
	notes    []Note
	tallies  tallies

	minus      []netip.Prefix // to be taken out of what the documents publish together
	changes    []change       // announced for the rows of another document
	isMixed    bool           // it is about many services: their zones have titles of their own
	mayBeEmpty bool           // the document is good without any row: it only changes others
}

// draft is a row on its way into a zone.
type draft struct {
	zone     string // "" where only the names can tell
	name     string // "" : after the first name, or the first prefix
	line     int
	names    []matcher.Pattern
	prefixes []netip.Prefix
	ports    []zones.Port
	purpose  string
	optional bool
	carveOut bool
	catchAll bool   // its zone is to be kept out of "*"
	source   string // "" : the document's
	date     string // "" : the document's
}

// add adds a draft, unless it has neither a name nor a prefix. Names, prefixes and
// ports that it has twice are noted and dropped.
func (r *reading) add(d draft) {
	d.names = unique(r, d.line, d.names, matcher.Pattern.String)
	d.prefixes = unique(r, d.line, d.prefixes, zones.PrefixText)
	d.ports = unique(r, d.line, d.ports, zones.Port.String)
	if len(d.names) > 0 || len(d.prefixes) > 0 {
		r.drafts = append(r.drafts, d)
	}
}

// unique is values without those that come again.
func unique[V any](r *reading, line int, values []V, text func(V) string) []V {
	seen := make(map[string]bool, len(values))
	var kept []V
	for _, v := range values {
		s := text(v)
		if seen[s] {
			r.note(line, Normalised, "%s stands in the row twice", s)
			continue
		}
		seen[s] = true
		kept = append(kept, v)
	}
	return kept
}

// note records what happened to the part of the document at line. Of very many notes of
// one form the last are only counted.
func (r *reading) note(line int, kind Kind, format string, args ...any) {
	if r.tallies.full(kind, format, line, len(r.notes)) {
		return
	}
	r.notes = append(r.notes, Note{File: r.document.Name, Line: line, Kind: kind, Text: fmt.Sprintf(format, args...)})
}

// pattern reads a name as it is printed. What had to be cleaned is noted; what is no
// pattern is noted as skipped, and not ok.
func (r *reading) pattern(line int, printed string) (p matcher.Pattern, ok bool) {
	clean, changes := matcher.Normalise(printed)
	if ending, glued := strings.CutPrefix(clean, "*"); glued && isGlued(ending) {
		changes = append(changes, "a star without a dot behind it means the name and all below")
		clean = "." + ending
	}
	p, err := matcher.ParsePattern(clean)
	if err != nil {
		r.note(line, Skipped, "%v", err)
		return p, false
	}
	if len(changes) > 0 {
		r.note(line, Normalised, `"%s": %s; read as "%s"`, printed, strings.Join(changes, ", "), p)
	}
	r.doubtSuffix(line, p)
	return p, true
}

// isGlued says whether a star before ending was glued to a whole domain, as in
// *cdn.onenote.net, and not to the end of a label below one, as in *-files.sharepoint.com.
func isGlued(ending string) bool {
	return ending != "" && ending[0] != '.' && ending[0] != '-' && !strings.Contains(ending, "*")
}

// prefix reads an address or a prefix as it is printed. Bits behind the length are
// cleared, and noted; what is no prefix is noted as skipped, and not ok, and so is what nobody publishes.
func (r *reading) prefix(line int, printed string) (p netip.Prefix, ok bool) {
	clean := strings.TrimSpace(printed)
	if given, err := netip.ParsePrefix(clean); err == nil && given != given.Masked() {
		r.note(line, Normalised, "%q: bits behind the length; read as %q", clean, given.Masked())
		clean = given.Masked().String()
	}
	p, err := zones.ParsePrefix(clean)
	if err != nil {
		r.note(line, Skipped, "%v", err)
		return p, false
	}
	return p, r.isBelieved(line, p)
}

// ports reads a list of ports of one protocol, such as "80,443, 5228-5230".
func (r *reading) ports(line int, protocol, printed string) []zones.Port {
	var ports []zones.Port
	for _, word := range strings.FieldsFunc(printed, func(c rune) bool { return c == ',' || c == ' ' || c == ';' }) {
		low, high, isRun := strings.Cut(word, "-")
		if !isRun {
			high = low
		}
		first, err1 := strconv.ParseUint(low, 10, 16)
		last, err2 := strconv.ParseUint(high, 10, 16)
		if err1 != nil || err2 != nil || first == 0 || last < first {
			r.note(line, Skipped, "%q: no port, and no run of ports", word)
			continue
		}
		ports = append(ports, zones.Port{Protocol: protocol, First: uint16(first), Last: uint16(last)})
	}
	return ports
}
