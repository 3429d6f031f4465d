package compare

import (
	"slices"
	"strings"
	"sync"

	"golang.org/x/net/publicsuffix"

	"splitdns/matcher"
)

// rented are suffixes of clouds and content delivery networks below which whoever pays, or just
// asks, gets a name of his choice. Behind `*.` the name stands below a region. The private section
// of the public suffix list has many more; what stands here it lacks, or it lies below a suffix
// that a vendor may well be listed with as a whole, such as *.windows.net: the list can say what a
// suffix is, and not which ones lie below another. Sources: the naming rules of Azure's and AWS's
// resources, the help pages of the others.
var rented = []string{
	"azure-devices.net", "azurecr.io", "azuredatabricks.net", "blob.core.windows.net", "*.cloudapp.azure.com", "*.communication.azure.com",
	"communication.azure.com", "database.windows.net", "dfs.core.windows.net", "documents.azure.com", "file.core.windows.net",
	"*.ingest.monitor.azure.com", "msecnd.net", "onmicrosoft.com", "queue.core.windows.net", "redis.cache.windows.net",
	"search.windows.net", "service.signalr.net", "servicebus.windows.net", "sharepoint.com", "table.core.windows.net",
	"vault.azure.net", "vo.msecnd.net", "web.core.windows.net", "webpubsub.azure.com",

	"blob.core.chinacloudapi.cn", "chinacloudapi.cn", "*.cloudapp.chinacloudapi.cn", "partner.onmschina.cn",
	"sharepoint.cn", "trafficmanager.cn", "blob.core.usgovcloudapi.net", "*.cloudapp.usgovcloudapi.net", "onmicrosoft.us", "sharepoint.us",

	"compute-1.amazonaws.com", "*.compute.amazonaws.com", "*.elb.amazonaws.com", "*.rds.amazonaws.com", "s3.amazonaws.com",
	"bc.googleusercontent.com", "googleusercontent.com", "storage.googleapis.com",

	"akamaitechnologies.com", "b-cdn.net", "cdn77.org", "edgecastcdn.net", "footprint.net", "freetls.fastly.net", "global.fastly.net",
	"hwcdn.net", "llnwd.net", "map.fastly.net",
	"backblazeb2.com", "force.com", "service-now.com", "wpengine.com", "zendesk.com",
}

// rentedNames are the names below rented, as patterns.
var rentedNames = sync.OnceValue(func() (all []matcher.Pattern) {
	for _, suffix := range rented {
		all = append(all, matcher.MustParsePattern("*."+suffix))
	}
	return all
})

// IsRented says whether customers of a cloud or a content delivery network have the names of their
// choice below a suffix, as the table of these has it; of the public suffix list it knows nothing.
func IsRented(suffix string) bool {
	_, parent, _ := strings.Cut(suffix, ".")
	return slices.Contains(rented, suffix) || slices.Contains(rented, "*."+parent)
}

// Takeable gives a name that p matches and that anybody could get: below a suffix under which
// names are sold, such as .com, or given to customers, such as blob.core.windows.net. A pattern
// for one name matches none, whoever may have it once it is given up; nor does one in the hands of
// one customer, such as *.mine.blob.core.windows.net.
func Takeable(p matcher.Pattern) (matcher.Name, bool) {
	if _, isLiteral := p.Literal(); isLiteral {
		return matcher.Name{}, false
	}
	suffix, isLoose := looseSuffix(p.String())
	if !isLoose {
		return matcher.Name{}, false
	}
	if isAnybodys(suffix) {
		return example(p, suffix), true
	}
	for i, below := range rented {
		if strings.HasSuffix(below, "."+suffix) && p.Overlaps(rentedNames()[i]) {
			return example(p, strings.Replace(below, "*", "host", 1)), true
		}
	}
	return matcher.Name{}, false
}

// isAnybodys says whether anybody can get a name below suffix; "" is the root.
func isAnybodys(suffix string) bool {
	switch {
	case suffix == "":
		return true
	case suffix == "home.arpa": // for everybody at home, RFC 8375
		return false
	case IsRented(suffix):
		return true
	}
	// What the list does not have at all it takes for a suffix of one label: those are of one's own.
	ending, icann := publicsuffix.PublicSuffix(suffix)
	return ending == suffix && (icann || strings.Contains(suffix, "."))
}

// example is a name that p matches, if possible one below suffix.
func example(p matcher.Pattern, suffix string) matcher.Name {
	name, err := matcher.ParseName(strings.TrimSuffix("host."+suffix, "."))
	if err == nil && p.Matches(name) {
		return name
	}
	return p.Example()
}
