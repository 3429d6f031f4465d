package zones

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"splitdns/matcher"
)

// AppendFile appends z as a zone file. [Parse] reads the same zone from it, but for
// the places of rows in the file. It does not keep z.
func AppendFile(dst []byte, z *Zone) []byte {
	dst = appendText(dst, "title", z.Title)
	dst = appendText(dst, "vendor", z.Vendor)
	dst = appendText(dst, "edition", z.Edition)
	dst = appendText(dst, "source", z.Source)
	if z.CatchAll {
		dst = append(dst, "catch_all = true\n"...)
	}
	for i := range z.Rows {
		if len(dst) > 0 && !bytes.HasSuffix(dst, []byte("\n\n")) {
			dst = append(dst, '\n')
		}
		dst = AppendRow(dst, &z.Rows[i], z.Source)
	}
	return dst
}

// AppendRow appends r as it stands in the file of a zone with that source. It does
// not keep r.
func AppendRow(dst []byte, r *Row, source string) []byte {
	name := r.Name
	if strings.Contains(name, ".") {
		name = quoted(name) // else the dot would open a table within the table
	}
	dst = append(dst, "[row."+name+"]\n"...)
	dst = appendList(dst, "names", slices.Collect(r.Patterns.All()), matcher.Pattern.String)
	dst = appendList(dst, "prefixes", r.Prefixes, PrefixText)
	dst = appendList(dst, "ports", r.Ports, Port.String)
	dst = appendText(dst, "purpose", r.Purpose)
	if !r.Required {
		dst = append(dst, "required = false\n"...)
	}
	if r.CarveOut {
		dst = append(dst, "carve_out = true\n"...)
	}
	if r.Source != source {
		dst = append(dst, "source = "+quoted(r.Source)+"\n"...)
	}
	return appendText(dst, "date", r.Date)
}

// appendText appends a key and its value, unless there is nothing to say.
func appendText(dst []byte, key, value string) []byte {
	if value == "" {
		return dst
	}
	return append(dst, key+" = "+quoted(value)+"\n"...)
}

// longList is from how many values on a list has a line for each of them.
const longList = 4

// appendList appends a key and a list of values, unless it is empty.
func appendList[V any](dst []byte, key string, values []V, text func(V) string) []byte {
	if len(values) == 0 {
		return dst
	}
	before, between, after := "", ", ", ""
	if len(values) >= longList {
		before, between, after = "\n    ", ",\n    ", ",\n"
	}
	dst = append(dst, key+" = ["+before...)
	for i, v := range values {
		if i > 0 {
			dst = append(dst, between...)
		}
		dst = append(dst, quoted(text(v))...)
	}
	return append(dst, after+"]\n"...)
}

// quoted is s as a basic string of TOML.
func quoted(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < ' ' || r == 0x7f:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
