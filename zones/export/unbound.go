package export

// writeUnbound writes an include file for unbound. With upstreams the names are forwarded to
// them. Without, they are let through whatever block lists say of them or of a name above:
// unbound goes by the longest local zone, and an always_transparent one also ignores the
// addresses that a block list put into it. Both kinds cover a name and all below it.
func writeUnbound(w *writing) error {
	w.noPrefixes(notePrefixes)
	if len(w.o.Upstream) == 0 {
		w.line("server:")
	}
	seen := w.newOnce()
	for _, p := range w.patterns {
		w.plains(p, anyOctets, func(p plain) {
			w.suffix(p)
			p.anchor = subtree
			if seen.isNew(p) {
				w.unboundName(p.name + ".")
			}
		})
	}
	return nil
}

// unboundName writes the clause of one absolute name.
func (w *writing) unboundName(name string) {
	if len(w.o.Upstream) == 0 {
		w.entry("    local-zone: \"", name, "\" always_transparent")
		return
	}
	w.entry("forward-zone:")
	w.line("    name: \"", name, "\"")
	for _, upstream := range w.o.Upstream {
		w.line("    forward-addr: ", withPort(upstream, "@"))
	}
}
