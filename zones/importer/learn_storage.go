package importer

import (
	"slices"
	"strings"

	"splitdns/matcher"
)

// Learn has tables that print the storage accounts behind a content delivery network
// beside the names of the network. Devices ask for the latter only, and the accounts are
// not served from where the network is. Their column is told by its content: the same
// first labels, below the domain of storage.

// The domains of storage accounts in Azure and its national clouds, and of the network.
var (
	storageDomains = []string{".core.windows.net", ".core.chinacloudapi.cn", ".core.usgovcloudapi.net"}
	networkDomains = []string{".azureedge.net", ".azureedge.cn", ".azureedge.us"}
)

// leaveStorage takes the names of storage accounts out of a row whose cells are texts,
// where another cell has the names of the network for most of them, and notes it.
func (p *learnPage) leaveStorage(line int, texts []string, into *printed) {
	if !slices.ContainsFunc(texts, isStorageColumn) {
		return
	}
	networks := make(map[string]bool)
	var storage []string
	known := 0
	for _, n := range into.names {
		if first, ok := firstBelow(n.value, networkDomains); ok {
			networks[first] = true
		}
	}
	for _, n := range into.names {
		if first, ok := firstBelow(n.value, storageDomains); ok {
			storage = append(storage, n.value.String())
			if networks[first] {
				known++
			}
		}
	}
	if known == 0 || 2*known < len(storage) {
		return
	}
	into.names = slices.DeleteFunc(into.names, func(n spot[matcher.Pattern]) bool {
		_, ok := firstBelow(n.value, storageDomains)
		return ok
	})
	p.note(line, Skipped, "storage accounts behind the names of a content delivery network: %s", strings.Join(storage, ", "))
}

// isStorageColumn says whether a cell may be one of storage accounts, and has no names of
// the network.
func isStorageColumn(text string) bool {
	text = strings.ToLower(eastDots.Replace(text))
	isIn := func(domain string) bool { return strings.Contains(text, domain) }
	return slices.ContainsFunc(storageDomains, isIn) && !slices.ContainsFunc(networkDomains, isIn)
}

// firstBelow is the first label of a name below one of the domains; not ok if it is a
// pattern for several, or elsewhere.
func firstBelow(name matcher.Pattern, domains []string) (first string, ok bool) {
	text := name.String()
	first, _, _ = strings.Cut(text, ".")
	isBelow := func(domain string) bool { return strings.HasSuffix(text, domain) }
	return first, first != "" && !strings.Contains(text, "*") && slices.ContainsFunc(domains, isBelow)
}
