package export

import (
	"encoding/json"
	"fmt"
	"strings"

	"splitdns/zones"
)

// document is the head of a JSON export. Its zones follow, in this order of keys.
type document struct {
	Generated string   `json:"generated_by,omitempty"`
	Editions  []string `json:"editions"`
	Entries   int      `json:"entries"` // patterns and prefixes
}

// zoneHead is a zone without its rows.
type zoneHead struct {
	Name     string `json:"name"`
	Title    string `json:"title"`
	Vendor   string `json:"vendor"`
	Edition  string `json:"edition"` // as 2026-03-24, or empty
	Source   string `json:"source"`
	CatchAll bool   `json:"catch_all"`
}

// rowHead is a row without its names and prefixes.
type rowHead struct {
	Name     string   `json:"name"`
	Purpose  string   `json:"purpose"`
	Ports    []string `json:"ports"` // as tcp/443 or udp/5228-5230
	Required bool     `json:"required"`
	CarveOut bool     `json:"carve_out"`
	Source   string   `json:"source"`
	Date     string   `json:"date"`
}

// writeJSON writes one object: the head, and "zones", each with its head and "rows", each
// with its head, "names" (patterns, as splitdns writes them) and "prefixes" (a single address
// without a length). A row and a list have a line for each element.
func writeJSON(w *writing) error {
	w.open(document{w.o.Command, append([]string{}, editions(w.zones)...), w.total}, "zones")
	for i, z := range w.zones {
		w.comma(i, "  ")
		w.open(zoneHead{z.Name, z.Title, z.Vendor, z.Edition, z.Source, z.CatchAll}, "rows")
		for j := range z.Rows {
			w.comma(j, "    ")
			w.jsonRow(&z.Rows[j])
		}
		_, _ = w.WriteString("]}")
	}
	w.line("]}")
	return nil
}

// jsonRow writes one row.
func (w *writing) jsonRow(r *zones.Row) {
	ports := make([]string, 0, len(r.Ports))
	for _, p := range r.Ports {
		ports = append(ports, p.String())
	}
	w.open(rowHead{r.Name, r.Purpose, ports, r.Required, r.CarveOut, r.Source, r.Date}, "names")
	first := 0
	for p := range r.Patterns.All() {
		w.jsonText(first, p.String())
		first++
	}
	_, _ = w.WriteString(`], "prefixes": [`)
	for i, p := range r.Prefixes {
		w.jsonText(i, zones.PrefixText(p))
	}
	_, _ = w.WriteString("]}")
}

// open writes the keys of head, an object, and begins the list that is the object's last key.
func (w *writing) open(head any, list string) {
	text, err := json.Marshal(head)
	if err != nil {
		panic(fmt.Sprintf("export: %T: %v", head, err)) // it is of strings and numbers
	}
	_, _ = w.Write(text[:len(text)-1])
	_, _ = w.WriteString(`, "` + list + `": [`)
}

// comma separates element i of a list from the one before it.
func (w *writing) comma(i int, indent string) {
	if i > 0 {
		_ = w.WriteByte(',')
	}
	_, _ = w.WriteString("\n" + indent)
}

// jsonText writes element i of a list. Names and prefixes are plain ASCII, with no quotes;
// a pattern may have backslashes.
func (w *writing) jsonText(i int, text string) {
	w.entries++
	w.comma(i, "      ")
	_, _ = w.WriteString(`"` + strings.ReplaceAll(text, `\`, `\\`) + `"`)
}
