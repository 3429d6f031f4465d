package importer

import (
	"errors"
	"fmt"
	"net/netip"

	"splitdns/zones"
)

// googleFormat is goog.json, all ranges of Google, and cloud.json, those that anybody can
// rent. Given together they are one row: the first without the second. Neither document has
// names. Whoever wants the ranges for a zone that has them names it in [Options.Zone],
// such as fcm, and writes the names beside the row, as the bundled zone does.
var googleFormat = format{
	name: "google",
	what: "goog.json and cloud.json",
	looksLike: func(data []byte) bool {
		return hasKeys(data, false, ".prefixes", "...ipv4Prefix") || hasKeys(data, false, ".prefixes", "...ipv6Prefix")
	},
	read:     readGoogle,
	together: googleTogether,
}

// readGoogle reads either document.
func readGoogle(r *reading) error {
	root, err := parseJSON(r.document.Data)
	if err != nil {
		return err
	}
	list := root.member("prefixes")
	if list.kind != listNode {
		return fmt.Errorf("line %d: want an object with a list of prefixes", list.line)
	}
	r.members(root, "syncToken", "creationTime", "prefixes")
	r.about = zones.Zone{
		Title:   "Google: address ranges",
		Vendor:  "Google",
		Edition: dateOf(root.scalar("creationTime")),
		Source:  sourceOf(r.document, "https://www.gstatic.com/ipranges/goog.json"),
	}
	d := draft{name: "google", line: list.line, purpose: "Ranges of Google, without names"}
	isCloud := false
	for i := range list.items {
		entry := &list.items[i]
		isCloud = isCloud || entry.scalar("service") != "" || entry.scalar("scope") != ""
		r.googleEntry(&d, entry)
	}
	if isCloud {
		r.mayBeEmpty, r.minus = true, unique(r, list.line, d.prefixes, zones.PrefixText)
		return nil
	}
	r.add(d)
	return nil
}

// googleEntry reads one entry, which has one prefix.
func (r *reading) googleEntry(d *draft, entry *node) {
	r.members(entry, "ipv4Prefix", "ipv6Prefix", "service", "scope")
	found := 0
	for i := range entry.items {
		m := &entry.items[i]
		if entry.kind != objectNode || m.key != "ipv4Prefix" && m.key != "ipv6Prefix" {
			continue
		}
		found++
		p, ok := r.prefix(m.line, cut(m.text))
		if !ok {
			continue
		}
		if p.Addr().Is4() != (m.key == "ipv4Prefix") {
			r.note(m.line, Doubted, "%s stands as %s", p, m.key)
		}
		d.prefixes = append(d.prefixes, p)
	}
	if found != 1 {
		r.note(entry.line, Doubted, "an entry with %d prefixes, want one", found)
	}
}

// errCloudAlone is what is wrong with cloud.json without goog.json.
var errCloudAlone = errors.New("these are the ranges that customers of Google's cloud rent, which prove nothing about a name; " +
	"give it together with goog.json, from which it is taken out")

// googleTogether takes what can be rented out of the other ranges.
func googleTogether(all []*reading) error {
	var minus []netip.Prefix
	var whole, cloud []*reading
	for _, r := range all {
		if r.mayBeEmpty {
			cloud, minus = append(cloud, r), append(minus, r.minus...)
			continue
		}
		whole = append(whole, r)
	}
	if len(whole) == 0 {
		return fmt.Errorf("%s: %w", cloud[0].document.Name, errCloudAlone)
	}
	for _, r := range whole {
		if len(cloud) == 0 {
			r.note(0, Doubted, "these ranges contain those that anybody can rent in Google's cloud; give cloud.json as well to take them out")
			continue
		}
		if err := r.takeOut(minus); err != nil {
			return err
		}
	}
	return nil
}

// takeOut takes minus out of all prefixes. Its error refuses what falls into too many.
func (r *reading) takeOut(minus []netip.Prefix) error {
	drafts := r.drafts
	r.drafts = nil
	for _, d := range drafts {
		before := len(d.prefixes)
		left, ok := subtract(d.prefixes, minus)
		if !ok {
			return fmt.Errorf("%s: less those of the cloud: %w", r.document.Name, errPatterns)
		}
		d.prefixes = left
		r.note(d.line, Normalised, "%d prefixes less %d of the cloud make %d", before, len(minus), len(d.prefixes))
		r.add(d)
	}
	return nil
}
