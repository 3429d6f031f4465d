package importer

import (
	"regexp"
	"strings"
)

// applePorts and appleProtocols are what the columns hold.
var (
	applePorts     = regexp.MustCompile(`^\d{1,5}(?:\s*[-–]\s*\d{1,5})?(?:(?:\s*[,;/]\s*|\s+and\s+|\s+)\d{1,5}(?:\s*[-–]\s*\d{1,5})?)*$`)
	appleProtocols = regexp.MustCompile(`^(?i:tcp|udp)(?:(?:\s*[,;/]\s*|\s+and\s+|\s+)(?i:tcp|udp))*$`)
)

// appleRow is a row of a table in its columns.
type appleRow struct {
	hosts, ports, protocols string
	purpose                 []string
}

// appleColumns splits a line into columns: at vertical bars, at tabs, or at spaces. Of
// the last, hosts are what stands before the first port.
func appleColumns(line string) []string {
	for _, mark := range []string{"|", "\t"} {
		if !strings.Contains(line, mark) {
			continue
		}
		columns := strings.Split(strings.Trim(strings.TrimSpace(line), mark), mark)
		for i := range columns {
			columns[i] = strings.TrimSpace(columns[i])
		}
		return columns
	}
	return appleWords(strings.Fields(line))
}

// appleWords sorts words into the columns of hosts, ports, protocols and the rest.
func appleWords(words []string) []string {
	fits := []func(string) bool{isHost, applePorts.MatchString, appleProtocols.MatchString}
	var columns []string
	for _, isOf := range fits {
		n := 0
		for n < len(words) && (isOf(strings.Trim(words[n], ",;/")) || n > 0 && words[n] == "and") {
			n++
		}
		columns = append(columns, strings.Trim(strings.Join(words[:n], " "), ",;/"))
		words = words[n:]
	}
	return append(columns, strings.Join(words, " "))
}

// parseAppleRow sorts a line into columns; not ok if it has no hosts with ports.
func parseAppleRow(line string) (row appleRow, ok bool) {
	columns := appleColumns(line)
	if len(columns) < 3 || !applePorts.MatchString(columns[1]) || !appleProtocols.MatchString(columns[2]) {
		return row, false
	}
	for _, host := range appleHosts(columns[0]) {
		if !isHost(host) {
			return row, false
		}
	}
	return appleRow{columns[0], columns[1], columns[2], columns[3:]}, columns[0] != ""
}

// isHost says whether text may stand in the column of hosts.
func isHost(text string) bool { return isNameLike(text) || isPrefixLike(text) }

// appleHosts are the hosts of a column.
func appleHosts(column string) []string {
	return strings.FieldsFunc(column, func(c rune) bool { return strings.ContainsRune(" ,;\t`", c) })
}

// isAppleText says whether data is the text form: two lines of five are rows.
func isAppleText(data []byte) bool {
	if looksJSON(data) {
		return false
	}
	total, rows := 0, 0
	for line := range headOf(data) {
		if strings.TrimSpace(line) == "" || isRuler(line) {
			continue
		}
		if _, ok := parseAppleRow(line); ok {
			rows++
		}
		if total++; total == headLines {
			break
		}
	}
	return rows > 0 && 5*rows >= 2*total
}

// isRuler says whether a line only draws one, such as |---|---|.
func isRuler(line string) bool { return strings.Trim(line, " \t|-:=_+\r\n") == "" }

// appleText is the text form while it is read.
type appleText struct {
	*listing
	section string
	columns []string // what the table says they are; nil where it does not
}

// readAppleText reads the text form.
func readAppleText(r *reading) error {
	about := r.about
	a := appleText{listing: newListing(r)}
	r.about = about
	return a.rawLines(a.line)
}

// line reads a row, the names of columns, or a heading.
func (a *appleText) line(line int, text string) {
	if isRuler(text) {
		return
	}
	columns := appleColumns(text)
	row, ok := parseAppleRow(text)
	switch {
	case ok:
		a.appleRow(line, row)
	case isAppleHeader(columns):
		a.columns = columns
	case len(appleHosts(columns[0])) > 0 && isNameLike(appleHosts(columns[0])[0]):
		a.note(line, Skipped, "%q: want hosts, ports, then TCP or UDP", cut(strings.TrimSpace(text)))
	default:
		a.section, a.columns = tidy(strings.Trim(text, " \t#=-–—*[]:|")), nil
	}
}

// isAppleHeader says whether columns are their names.
func isAppleHeader(columns []string) bool {
	all := strings.ToLower(strings.Join(columns, " "))
	return len(columns) > 2 && strings.Contains(all, "host") && strings.Contains(all, "port") && strings.Contains(all, "protocol")
}

// appleRow takes over a row.
func (a *appleText) appleRow(line int, row appleRow) {
	d := draft{line: line, purpose: a.purpose(line, row.purpose)}
	for _, host := range appleHosts(row.hosts) {
		if isPrefixLike(host) {
			if p, ok := a.prefix(line, host); ok {
				d.prefixes = append(d.prefixes, p)
			}
			continue
		}
		if p, ok := a.pattern(line, host); ok {
			d.names = append(d.names, p)
		}
	}
	ports := strings.NewReplacer("and", ",", "/", ",", "–", "-", " - ", "-").Replace(row.ports)
	for _, protocol := range []string{"tcp", "udp"} {
		if strings.Contains(strings.ToLower(row.protocols), protocol) {
			d.ports = append(d.ports, a.ports(line, protocol, ports)...)
		}
	}
	a.size += len(d.names) + len(d.prefixes)
	a.add(d)
}

// purpose is the section and what a row says of itself. Columns whose names say
// that they are of proxies or of versions are left out.
func (a *appleText) purpose(line int, columns []string) string {
	parts := []string{a.section}
	for i, text := range columns {
		title := ""
		if i+3 < len(a.columns) {
			title = strings.ToLower(a.columns[i+3])
		}
		switch {
		case strings.Contains(title, "prox"):
			a.count(line, Normalised, "left out what stands in the column "+tidy(a.columns[i+3]))
		case strings.Trim(text, "-–— ") == "":
		default:
			parts = append(parts, text)
		}
	}
	return tidy(strings.Trim(strings.Join(parts, ": "), ": "))
}
