package export

import "splitdns/zones"

// writePF writes a table file for pfctl: one prefix a line. A file is one table, so that
// several zones come to one.
func writePF(w *writing) error {
	w.noNames(noteNames)
	w.prefixLines()
	return nil
}

// prefixLines writes the prefixes of all zones, one a line.
func (w *writing) prefixLines() {
	for _, is4 := range w.o.families() {
		for _, p := range prefixesOf(w.zones, is4) {
			w.entry(zones.PrefixText(p))
		}
	}
}
