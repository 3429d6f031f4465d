package export

import (
	"fmt"
	"regexp"

	"splitdns/zones"
)

// table is a table's family and name, as nft reads them.
var table = regexp.MustCompile(`^(inet|ip|ip6|bridge|netdev) [A-Za-z][A-Za-z0-9._-]{0,63}$`)

// checkTable checks the table of nftables, and that sets have names which nft takes.
func checkTable(o *Options) error {
	if o.Table == "" {
		o.Table = DefaultTable
	}
	if !table.MatchString(o.Table) {
		return &OptionError{"table", fmt.Sprintf("%q: want a family and a name, as in %q", o.Table, DefaultTable)}
	}
	return nil
}

// writeNFT writes a file for `nft -f`. That is one transaction: whoever reads the sets
// sees the old elements or the new ones. A set that is there stays, with the rules that use
// it, and a zone without ranges has empty sets, so that such rules can always be loaded.
//
// Sets are named without quotes. With the number at their end they are no word of nft's own.
func writeNFT(w *writing) error {
	w.noNames(noteNames)
	w.line("add table ", w.o.Table)
	for _, z := range w.zones {
		if w.o.SetPrefix == "" && z.Name[0] <= '9' {
			return fmt.Errorf("zone %s: nft has no sets that begin with a digit; choose a --set-prefix", z.Name)
		}
		w.about("#", z)
		for _, is4 := range w.o.families() {
			w.nftSet(z, is4)
		}
	}
	return nil
}

// nftSet writes one set.
func (w *writing) nftSet(z *zones.Zone, is4 bool) {
	kind := "ipv6_addr"
	if is4 {
		kind = "ipv4_addr"
	}
	name := w.o.Table + " " + w.o.setName(z.Name, is4)
	w.line("add set ", name, " { type ", kind, "; flags interval; }")
	w.line("flush set ", name)
	prefixes := prefixesOf([]*zones.Zone{z}, is4)
	if len(prefixes) == 0 {
		return
	}
	w.line("add element ", name, " {")
	for i, p := range prefixes {
		comma := ","
		if i == len(prefixes)-1 {
			comma = ""
		}
		w.entry("\t", zones.PrefixText(p), comma)
	}
	w.line("}")
}
