package sim

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"splitdns/matcher"
)

// row is one resource record of the tables below. A # in the owner stands for
// each number from 0 to 50, as vendors print it, and in the data for the same one.
// Of several CNAME rows of an owner the last one counts.
type row struct {
	owner string
	ttl   uint32
	typ   string // A, AAAA, CNAME or HTTPS
	data  string
}

// couriers is the highest number that # stands for.
const couriers = 50

// recorded are chains from public captures, with the TTLs seen there. Where only
// a part of the addresses, or of one address, was written down, the rest is made up
// within the same published range.
var recorded = []row{
	// Apple Push: three hops, the first one long-lived, the last ones not. There
	// is nothing but A records at the end.
	{"#-courier.push.apple.com", 4636, "CNAME", "#.courier-push-apple.com.akadns.net"},
	{"#.courier-push-apple.com.akadns.net", 8, "CNAME", "pop-eur-central-courier.push-apple.com.akadns.net"},
	{"pop-eur-central-courier.push-apple.com.akadns.net", 59, "A", "17.252.28.22"},
	{"pop-eur-central-courier.push-apple.com.akadns.net", 59, "A", "17.252.28.23"},
	{"pop-eur-central-courier.push-apple.com.akadns.net", 59, "A", "17.252.28.24"},
	{"pop-eur-central-courier.push-apple.com.akadns.net", 59, "A", "17.252.28.25"},
	{"pop-eur-central-courier.push-apple.com.akadns.net", 59, "A", "17.252.28.26"},
	{"pop-eur-central-courier.push-apple.com.akadns.net", 59, "A", "17.252.28.27"},
	{"pop-eur-central-courier.push-apple.com.akadns.net", 59, "A", "17.252.28.28"},
	{"pop-eur-central-courier.push-apple.com.akadns.net", 59, "A", "17.252.28.29"},

	// China has points of presence of its own.
	{"35.courier-push-apple.com.akadns.net", 8, "CNAME", "china-courier.push-apple.com.akadns.net"},
	{"china-courier.push-apple.com.akadns.net", 59, "A", "17.252.156.10"},
	{"china-courier.push-apple.com.akadns.net", 59, "A", "17.252.157.10"},

	// Asked for HTTPS: the chain, and no record at its end.
	{"47-courier.push.apple.com", 7107, "CNAME", "47.courier-push-apple.com.akadns.net"},
	{"47.courier-push-apple.com.akadns.net", 60, "CNAME", "apac-asia-courier-4.push-apple.com.akadns.net"},
	{"apac-asia-courier-4.push-apple.com.akadns.net", 59, "A", "17.252.84.10"},

	// A placeholder without addresses: the device puts a number in front.
	{"courier.push.apple.com", 4636, "CNAME", "courier-push-apple.com.akadns.net"},
	{"courier-push-apple.com.akadns.net", 60, "", ""},

	{"client.wns.windows.com", 97, "CNAME", "wns.notify.trafficmanager.net"},
	{"wns.notify.trafficmanager.net", 97, "A", "4.207.247.138"},

	// Leaves the published names and comes back to them.
	{"geo.prod.do.dsp.mp.microsoft.com", 110, "CNAME", "geo.prod.do.dsp.trafficmanager.net"},
	{"geo.prod.do.dsp.trafficmanager.net", 110, "CNAME", "array509.prod.do.dsp.mp.microsoft.com"},
	{"array509.prod.do.dsp.mp.microsoft.com", 110, "A", "52.167.160.173"},

	{"login.live.com", 43, "CNAME", "login.msa.msidentity.com"},
	{"login.msa.msidentity.com", 43, "CNAME", "www.tm.lg.prod.aadmsa.akadns.net"},
	{"www.tm.lg.prod.aadmsa.akadns.net", 43, "CNAME", "www.a.lg.prod.aadmsa.akadns.net"},
	{"www.a.lg.prod.aadmsa.akadns.net", 43, "CNAME", "default.a.lg.prod.aadmsa.akadns.net"},
	{"default.a.lg.prod.aadmsa.akadns.net", 43, "CNAME", "prdv4a.aadg.msidentity.com"},
	{"prdv4a.aadg.msidentity.com", 43, "CNAME", "www.tm.v4.a.prd.aadg.akadns.net"},
	{"www.tm.v4.a.prd.aadg.akadns.net", 43, "A", "20.190.181.0"},
	{"www.tm.v4.a.prd.aadg.akadns.net", 43, "A", "20.190.181.1"},
	{"www.tm.v4.a.prd.aadg.akadns.net", 43, "A", "20.190.181.2"},
	{"www.tm.v4.a.prd.aadg.akadns.net", 43, "A", "20.190.181.3"},
	{"www.tm.v4.a.prd.aadg.akadns.net", 43, "A", "20.190.181.4"},
	{"www.tm.v4.a.prd.aadg.akadns.net", 43, "A", "20.190.181.5"},
	{"www.tm.v4.a.prd.aadg.akadns.net", 43, "A", "20.190.181.6"},
	{"www.tm.v4.a.prd.aadg.akadns.net", 43, "A", "20.190.181.23"},

	// Captured without TTLs. The address is in no range that Microsoft publishes;
	// swda02-mscdn is what the name is called today.
	{"swda02.manage.microsoft.com", linkTTL, "CNAME", "sni1gl.wpc.kappacdn.net"},
	{"swda02-mscdn.manage.microsoft.com", linkTTL, "CNAME", "sni1gl.wpc.kappacdn.net"},
	{"sni1gl.wpc.kappacdn.net", edgeTTL, "A", "152.195.19.97"},
	{"alt3-mtalk.google.com", linkTTL, "CNAME", "alt3.mobile-gtalk.l.google.com"},
	{"alt3.mobile-gtalk.l.google.com", hostTTL, "A", "74.125.137.188"},
}

// staged are records that a demonstration needs: an answer half inside and half
// outside what Apple publishes, and an HTTPS record with hints of the same kind
// for a name that has ranges of both families.
var staged = []row{
	{"12.courier-push-apple.com.akadns.net", 300, "CNAME", "pop-mixed-courier.push-apple.com.akadns.net"},
	{"pop-mixed-courier.push-apple.com.akadns.net", 300, "A", "17.57.144.23"},
	{"pop-mixed-courier.push-apple.com.akadns.net", 300, "A", "198.51.100.9"},

	{"login.microsoftonline.com", 300, "A", "20.190.128.10"},
	{"login.microsoftonline.com", 300, "A", "198.51.100.44"},
	{"login.microsoftonline.com", 300, "AAAA", "2603:1026:3000::10"},
	{
		"login.microsoftonline.com", 300, "HTTPS",
		"1 . alpn=h2,h3 ipv4hint=20.190.128.10,198.51.100.44 ipv6hint=2603:1026:3000::10",
	},
}

// tabled is the hosts of the tables.
func tabled() map[matcher.Name]host {
	hosts := make(map[matcher.Name]host)
	for _, table := range [][]row{recorded, staged} {
		for _, r := range table {
			r.addTo(hosts)
		}
	}
	return hosts
}

// addTo adds r to hosts, once for each number if it has a #.
func (r row) addTo(hosts map[matcher.Name]host) {
	if !strings.Contains(r.owner, "#") {
		name := mustName(r.owner)
		hosts[name] = r.addedTo(hosts[name])
		return
	}
	for n := range couriers + 1 {
		one := r
		one.owner = strings.ReplaceAll(r.owner, "#", strconv.Itoa(n))
		one.data = strings.ReplaceAll(r.data, "#", strconv.Itoa(n))
		one.addTo(hosts)
	}
}

// addedTo is h with the record of r; a row without a type only makes the name
// exist.
func (r row) addedTo(h host) host {
	h.ttl = r.ttl
	switch r.typ {
	case "A", "AAAA":
		h.addresses = append(h.addresses, netip.MustParseAddr(r.data))
	case "CNAME":
		h.alias = mustName(r.data)
	case "HTTPS":
		h.https = fmt.Sprintf("%s. %d IN HTTPS %s", r.owner, r.ttl, r.data)
	}
	return h
}
