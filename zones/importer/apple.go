package importer

import (
	"errors"
	"fmt"

	"splitdns/zones"
)

// appleFormat is Apple's list of hosts for enterprise networks, which exists as a page
// only. It comes as text in lines: a heading, then rows of hosts, ports, protocols and what
// they are for, as in
//
//	Device setup
//	albert.apple.com   443        TCP       Device activation
//	time.apple.com     123        UDP       Date and time
//
// The columns have tabs or vertical bars between them, as when the page's tables are
// copied or written as Markdown, or spaces. A row of the zone is a row of the table;
// a table may begin with the names of its columns. The other form is the JSON of
// programs that read the page: entries with a type and a value, without ports.
var appleFormat = format{
	name:      "apple",
	what:      "Apple's list of hosts",
	looksLike: func(data []byte) bool { return isAppleJSON(data) || isAppleText(data) },
	read:      readApple,
}

// isAppleJSON says whether data is the JSON form.
func isAppleJSON(data []byte) bool { return hasKeys(data, false, ".entries", "...type", "...value") }

// readApple reads either form.
func readApple(r *reading) error {
	r.about = zones.Zone{
		Title:   "Apple products on enterprise networks",
		Vendor:  "Apple",
		Edition: dateInName(r.document.Name),
		Source:  sourceOf(r.document, "https://support.apple.com/101555"),
	}
	if looksJSON(r.document.Data) {
		return readAppleJSON(r)
	}
	return readAppleText(r)
}

// errEntries is what is wrong with JSON that is not of the form.
var errEntries = errors.New("want an object with a list of entries, each with a type and a value")

// readAppleJSON reads entries.
func readAppleJSON(r *reading) error {
	root, err := parseJSON(r.document.Data)
	if err != nil {
		return err
	}
	list := root.member("entries")
	if list.kind != listNode {
		return fmt.Errorf("line %d: %w", list.line, errEntries)
	}
	r.members(root, "service", "updated_at", "schema_version", "entries")
	if service := root.scalar("service"); service != "apple" && service != "" {
		r.note(root.member("service").line, Doubted, "the service is %q, not apple", cut(service))
	}
	if date := dateOf(root.scalar("updated_at")); date != "" {
		r.about.Edition = date
	}
	names := draft{name: listName, line: list.line, purpose: "Hosts of the page; it has ports for each"}
	ranges := draft{name: listRanges, line: list.line}
	for i := range list.items {
		r.appleEntry(&list.items[i], &names, &ranges)
	}
	r.add(names)
	r.add(ranges)
	return nil
}

// appleEntry reads one entry.
func (r *reading) appleEntry(entry *node, names, ranges *draft) {
	r.members(entry, "type", "value", "action")
	switch kind, value := entry.scalar("type"), cut(entry.scalar("value")); kind {
	case "fqdn", "url", "domain", "wildcard", "host":
		if p, ok := r.pattern(entry.line, value); ok {
			names.names = append(names.names, p)
		}
	case "ip", "cidr", "ipv4", "ipv6", "subnet":
		if p, ok := r.prefix(entry.line, value); ok {
			ranges.prefixes = append(ranges.prefixes, p)
		}
	default:
		r.note(entry.line, Skipped, "%q of type %q, which is not known here", value, cut(kind))
	}
}
