package export

import (
	"encoding/csv"
	"strconv"
	"strings"

	"splitdns/zones"
)

// columns are the columns of a CSV export.
var columns = []string{"zone", "row", "kind", "value", "ports", "required", "carve_out", "purpose", "source", "date", "edition"}

// writeCSV writes a line for each name and prefix of each row (RFC 4180, with the head and
// line ends as there). Ports stand in one field, with spaces between them.
func writeCSV(w *writing) error {
	out := csv.NewWriter(w)
	out.UseCRLF = true
	if err := out.Write(columns); err != nil {
		return err
	}
	for _, z := range w.zones {
		for i := range z.Rows {
			if err := w.csvRow(out, z, &z.Rows[i]); err != nil {
				return err
			}
		}
	}
	out.Flush()
	return out.Error()
}

// csvRow writes the lines of one row.
func (w *writing) csvRow(out *csv.Writer, z *zones.Zone, r *zones.Row) error {
	var ports []string
	for _, p := range r.Ports {
		ports = append(ports, p.String())
	}
	line := []string{
		z.Name, cell(r.Name), "name", "", strings.Join(ports, " "), strconv.FormatBool(r.Required), strconv.FormatBool(r.CarveOut),
		cell(r.Purpose), cell(r.Source), cell(r.Date), cell(z.Edition),
	}
	for p := range r.Patterns.All() {
		w.entries++
		line[3] = p.String()
		if err := out.Write(line); err != nil {
			return err
		}
	}
	line[2] = "prefix"
	for _, p := range r.Prefixes {
		w.entries++
		line[3] = zones.PrefixText(p)
		if err := out.Write(line); err != nil {
			return err
		}
	}
	return nil
}

// cell is a text for a spreadsheet, which would take one that begins like a formula for a
// formula. A quote before it, which the spreadsheet does not show, keeps it a text. Line
// breaks are spaces, since each entry is one line.
func cell(s string) string {
	s = strings.Join(strings.Fields(strings.ToValidUTF8(s, "\uFFFD")), " ")
	if s != "" && strings.ContainsAny(s[:1], "=+-@|%") || strings.IndexAny(s, "＝＋－＠") == 0 {
		return "'" + s
	}
	return s
}
