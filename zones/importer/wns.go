package importer

import (
	"cmp"
	"encoding/xml"
	"fmt"
	"slices"
	"strings"

	"splitdns/zones"
)

// wnsFormat is the XML file of Windows push notifications. The names and the ranges
// of one service, such as ClientDNS and ClientIPsIPv4, are one row.
var wnsFormat = format{
	name: "wns",
	what: "XML of the Windows Push Notification Services",
	looksLike: func(data []byte) bool {
		return strings.Contains(string(data[:min(len(data), 4096)]), "<WNSPublicIpAddresses")
	},
	read: readWNS,
}

// wnsRow is the name of a service's row, and what it is for.
type wnsRow struct{ name, purpose string }

// wnsRows are the services of the file, by the first part of their elements' names.
var wnsRows = map[string]wnsRow{
	"CloudService":    {"cloud-service", "Sending notifications from a service"},
	"Client":          {"client", "Push notifications to Windows devices"},
	"IdentityService": {"identity-service", "Sign-in for notifications"},
}

// readWNS reads the file.
func readWNS(r *reading) error {
	r.about = zones.Zone{Title: "Windows Push Notification Services", Vendor: "Microsoft", Source: sourceOf(r.document, "https://www.microsoft.com/download/details.aspx?id=44238")}
	w := wnsReading{reading: r, rows: make(map[string]*draft)}
	if err := readXML(r.document.Data, true, w.element); err != nil {
		return err
	}
	if w.root != "WNSPublicIpAddresses" {
		return fmt.Errorf("the outer element is %q, want WNSPublicIpAddresses", cut(w.root))
	}
	for _, d := range w.order {
		r.add(*d)
	}
	return nil
}

// wnsReading is the file while it is read.
type wnsReading struct {
	*reading
	rows  map[string]*draft
	order []*draft
	root  string // the last element to end
}

// element takes over one element.
func (w *wnsReading) element(e element) {
	w.root = e.name
	service, known := wnsService(e.parent)
	switch {
	case e.name == "DNS" && known:
		d := w.row(service, e.line)
		if p, ok := wnsValue(w.reading, e, "FQDN", w.pattern); ok {
			d.names = append(d.names, p)
		}
	case e.name == "IpRange" && known:
		d := w.row(service, e.line)
		if p, ok := wnsValue(w.reading, e, "Subnet", w.prefix); ok {
			d.prefixes = append(d.prefixes, p)
		}
	case e.parent != "":
		if _, isGroup := wnsService(e.name); !isGroup {
			w.count(e.line, Skipped, fmt.Sprintf("element %q in %q, which is not known here", cut(e.name), cut(e.parent)))
		}
	}
}

// wnsValue is the attribute of e, read. A blank one is noted: the file has such where
// another document holds the values.
func wnsValue[V any](r *reading, e element, name string, read func(int, string) (V, bool)) (v V, ok bool) {
	at := slices.IndexFunc(e.attrs, func(a xml.Attr) bool { return a.Name.Local == name })
	switch {
	case at < 0:
		r.count(e.line, Skipped, fmt.Sprintf("element %q without the attribute %s", e.name, name))
	case strings.TrimSpace(e.attrs[at].Value) == "":
		r.count(e.line, Skipped, fmt.Sprintf("a blank %s in %s", name, cut(e.parent)))
	case len(e.attrs[at].Value) > maxNote:
		r.note(e.line, Skipped, "%q: %v", cut(e.attrs[at].Value), errPrinted)
	default:
		return read(e.line, e.attrs[at].Value)
	}
	return v, false
}

// wnsService is the service of a group of names or ranges.
func wnsService(group string) (string, bool) {
	for _, end := range []string{"DNS", "IPsIPv4", "IPsIPv6", "IPs"} {
		if service, ok := strings.CutSuffix(group, end); ok && service != "" {
			return service, true
		}
	}
	return "", false
}

// row is the draft of a service.
func (w *wnsReading) row(service string, line int) *draft {
	d, ok := w.rows[service]
	if !ok {
		known := wnsRows[service]
		d = &draft{zone: "wns", name: known.name, line: line, purpose: cmp.Or(known.purpose, tidy(service))}
		w.rows[service] = d
		w.order = append(w.order, d)
	}
	return d
}
