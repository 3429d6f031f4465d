package export

// What an EDL holds.
const (
	whatPrefixes = "prefixes"
	whatNames    = "names"
	whatBoth     = "both"
)

// checkEDL checks what is to be listed.
func checkEDL(o *Options) error {
	return oneOf("what", &o.What, whatPrefixes, whatNames, whatBoth)
}

// writeEDL writes a list of one prefix or name a line. There are no comments unless they
// are asked for: PAN-OS takes them only behind an address, and not in lists of names at all.
// Names below a name are *.name, which does not cover the name itself.
func writeEDL(w *writing) error {
	if w.o.What == whatNames {
		w.noPrefixes("left out: --what both has them")
	} else {
		w.prefixLines()
	}
	if w.o.What == whatPrefixes {
		w.noNames("left out: --what names has them")
		return nil
	}
	w.eachWildcard(func(name string) { w.entry(name) })
	return nil
}

// eachWildcard yields the names of all zones, each once, in the form in which *.name is every
// name below name. A pattern for both comes to two names.
func (w *writing) eachWildcard(yield func(name string)) {
	seen := w.newOnce()
	one := func(p plain) {
		switch {
		case !seen.isNew(p):
		case p.anchor == exact:
			yield(p.name)
		case p.name == "":
			yield("*")
		default:
			yield("*." + p.name)
		}
	}
	for _, p := range w.patterns {
		w.plains(p, hostNames, func(p plain) { p.halves(one) })
	}
}

// halves yields p, or the name and the names below it where p is both. The root is no name.
func (p plain) halves(yield func(plain)) {
	if p.anchor != subtree {
		yield(p)
		return
	}
	if p.name != "" {
		yield(plain{exact, p.name})
	}
	yield(plain{below, p.name})
}
