package export

import (
	"net"
	"net/netip"
	"strconv"
	"strings"

	"splitdns/zones"
)

const (
	// maxObject is how long the name of an object may be in FortiOS.
	maxObject = 79

	// maxMembers is how many objects a group gets: small models take 300. A larger group is
	// one of groups.
	maxMembers = 250

	// maxFQDN is how long a name may be in an object.
	maxFQDN = 255
)

// writeFortiGate writes a script for the command line of FortiOS: address objects, a group of
// them for each zone, and the same for IPv6 prefixes. Run again, it changes what is there into
// what it says; objects that an earlier one made and nothing names any more stay.
//
// A zone has objects of its own, with ports in their comments: the ports of another zone for
// the same name may be others.
func writeFortiGate(w *writing) error {
	for _, z := range w.zones {
		w.about("#", z)
		w.fortiZone(z, true)
		w.fortiZone(z, false)
	}
	return nil
}

// object is one address object.
type object struct {
	name  string
	set   []string // the lines that say what it is
	where []string // rows with their ports, for the comment
}

// objects are those of a zone for one of the two tables, in the order of the file.
type objects struct {
	list  []object
	named map[string]int
}

// add adds an object, or the row to one that is there.
func (o *objects) add(name, where string, set ...string) {
	i, ok := o.named[name]
	if !ok {
		i = len(o.list)
		o.named[name] = i
		o.list = append(o.list, object{name: name, set: set})
	}
	o.list[i].where = append(o.list[i].where, where)
}

// fortiZone writes the objects and the group of a zone: names and IPv4 prefixes, or IPv6 prefixes.
func (w *writing) fortiZone(z *zones.Zone, is4 bool) {
	o := objects{named: map[string]int{}}
	for i := range z.Rows {
		r := &z.Rows[i]
		where := rowPorts(r)
		for _, p := range r.Prefixes {
			if p.Addr().Is4() == is4 {
				o.add(w.objectName(z.Name, zones.PrefixText(p)), where, ipObject(p)...)
			}
		}
		if is4 {
			w.fortiNames(&o, z.Name, r)
		}
	}
	if len(o.list) > 0 {
		w.fortiObjects(z, o.list, is4)
	}
}

// fortiNames adds the objects of a row's names.
func (w *writing) fortiNames(o *objects, zone string, r *zones.Row) {
	where := rowPorts(r)
	for p := range r.Patterns.All() {
		w.plains(p, hostNames, func(p plain) {
			p.halves(func(p plain) {
				fqdn, name := p.name, p.name
				if p.anchor == below {
					fqdn, name = "*."+p.name, "below/"+p.name
				}
				if p.name == "" || len(fqdn) > maxFQDN {
					w.notes.add("names", "left out: an object has no such name", fqdn)
					return
				}
				o.add(w.objectName(zone, name), where, "set type fqdn", `set fqdn "`+fqdn+`"`)
			})
		})
	}
}

// objectName is what an object is called. Zones and names have no slash, so that no two are
// called the same.
func (w *writing) objectName(zone, value string) string {
	return shortened(w.o.SetPrefix+zone+"/"+value, maxObject)
}

// ipObject says that an object is a prefix.
func ipObject(p netip.Prefix) []string {
	if !p.Addr().Is4() {
		return []string{"set ip6 " + p.String()}
	}
	mask := net.IP(net.CIDRMask(p.Bits(), 32)).String()
	return []string{"set type ipmask", "set subnet " + p.Addr().String() + " " + mask}
}

// rowPorts is a row and its ports, for a comment.
func rowPorts(r *zones.Row) string {
	text := r.Name
	for _, p := range r.Ports {
		text += " " + p.String()
	}
	return text
}

// fortiObjects writes objects and their group.
func (w *writing) fortiObjects(z *zones.Zone, list []object, is4 bool) {
	tableOf, groupOf, group := "address6", "addrgrp6", w.o.SetPrefix+z.Name+"/ipv6"
	if is4 {
		tableOf, groupOf, group = "address", "addrgrp", w.o.SetPrefix+z.Name
	}
	names := make([]string, 0, len(list))
	w.line("config firewall ", tableOf)
	for _, o := range list {
		names = append(names, o.name)
		w.entry(`    edit "`, o.name, `"`)
		for _, set := range o.set {
			w.line("        ", set)
		}
		w.line(`        set comment "`, fortiComment(strings.Join(o.where, "; ")), `"`)
		w.line("    next")
	}
	w.line("end")
	w.line("config firewall ", groupOf)
	w.fortiGroup(group, names, fortiComment(z.Title))
	w.line("end")
}

// fortiComment is s for the comment of an object: FortiOS refuses some characters in strings.
func fortiComment(s string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune("()#'", r) {
			return '_'
		}
		return r
	}, comment(s))
}

// fortiGroup writes a group, and first its parts where it is large.
func (w *writing) fortiGroup(name string, members []string, about string) {
	if len(members) > maxMembers {
		var parts []string
		for len(members) > 0 {
			n := min(len(members), maxMembers)
			part := shortened(name+"/part/"+strconv.Itoa(len(parts)+1), maxObject)
			w.fortiGroup(part, members[:n], about)
			parts, members = append(parts, part), members[n:]
		}
		w.fortiGroup(name, parts, about)
		return
	}
	w.line(`    edit "`, shortened(name, maxObject), `"`)
	w.line(`        set member "`, strings.Join(members, `" "`), `"`)
	w.line(`        set comment "`, about, `"`)
	w.line("    next")
}
