package importer

import (
	"cmp"
	"fmt"
	"strings"

	"splitdns/zones"
)

// serviceTagsFormat is the weekly file of Azure's service tags: each tag is a row of
// prefixes, called as the tag is in lower case ("azureattestation.westus"). The whole
// file has some 3,000 of them, and a tag's regions lie in it again:
// [Options.Only] takes those that are wanted. No tag has names.
var serviceTagsFormat = format{
	name:      "servicetags",
	what:      "Azure service tags",
	looksLike: func(data []byte) bool { return hasKeys(data, false, ".values", "....addressPrefixes") },
	read:      readServiceTags,
}

// readServiceTags reads the file.
func readServiceTags(r *reading) error {
	root, err := parseJSON(r.document.Data)
	if err != nil {
		return err
	}
	values := root.member("values")
	if values.kind != listNode {
		return fmt.Errorf("line %d: want an object with a list of values", values.line)
	}
	r.members(root, "changeNumber", "cloud", "values")
	r.about = zones.Zone{
		Title:   tidy(fmt.Sprintf("Azure service tags (%s), change %s", root.scalar("cloud"), root.scalar("changeNumber"))),
		Vendor:  "Microsoft",
		Edition: dateInName(r.document.Name),
		Source:  sourceOf(r.document, "https://www.microsoft.com/download/details.aspx?id=56519"),
	}
	for i := range values.items {
		if err := r.serviceTag(&values.items[i]); err != nil {
			return err
		}
	}
	return nil
}

// serviceTag reads one tag.
func (r *reading) serviceTag(tag *node) error {
	properties := tag.member("properties")
	name := cmp.Or(tag.scalar("name"), tag.scalar("id"))
	if name == "" || properties.kind != objectNode {
		return fmt.Errorf("line %d: want a tag with a name and properties", tag.line)
	}
	r.members(tag, "name", "id", "properties")
	r.members(properties, "changeNumber", "region", "regionId", "platform", "systemService", "addressPrefixes", "networkFeatures")
	d := draft{name: r.tagName(tag.line, name), line: tag.line, purpose: tidy(tagPurpose(name, properties))}
	r.prefixesOf(&d, properties.member("addressPrefixes"))
	if len(d.prefixes) == 0 {
		r.note(tag.line, Skipped, "tag %s, which has no prefixes", cut(name))
		return nil
	}
	r.add(d)
	return nil
}

// tagName is the name of a tag's row; "" where nothing of it can be one.
func (r *reading) tagName(line int, printed string) string {
	name := strings.Map(func(c rune) rune {
		switch {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '.', c == '_', c == '-':
			return c
		}
		return '-'
	}, strings.ToLower(cut(printed)))
	name = strings.Trim(name, "-._")
	name = name[:min(len(name), maxRowName)]
	if !strings.EqualFold(name, printed) {
		r.note(line, Normalised, "tag %q: its row is called %q", cut(printed), name)
	}
	return name
}

// tagPurpose says which tag this is, and in which state.
func tagPurpose(name string, properties *node) string {
	purpose := "Service tag " + cut(name)
	if service := properties.scalar("systemService"); service != "" && service != name {
		purpose += " of " + cut(service)
	}
	if region := properties.scalar("region"); region != "" {
		purpose += " in " + cut(region)
	}
	if change := properties.scalar("changeNumber"); change != "" {
		purpose += ", change " + cut(change)
	}
	return purpose
}
