package drift

import (
	"slices"
	"strings"

	"golang.org/x/net/publicsuffix"

	"splitdns/matcher"
	"splitdns/zones"
	"splitdns/zones/compare"
)

// maxPublished is how many patterns a zone may have whose suffixes are watched. A publication
// has some hundred; what has more is a list of what to block.
const maxPublished = 4096

// sharedSuffixes are suffixes of loaded patterns below which others than the vendor have their names:
// certification authorities, and what is wider than the clouds and content delivery networks that
// [compare.IsRented] and the list of public suffixes know.
var sharedSuffixes = []string{
	"azure.cn", "azure.net", "azure.us", "chinacloudapi.us", "cloudflare.com", "digicert.cn", "digicert.com", "entrust.net", "geotrust.com",
	"globalsign.com", "globalsign.net", "identrust.com", "omniroot.com", "public-trust.com", "symcb.com", "symcd.com", "usertrust.com",
	"verisign.com", "verisign.net", "windows.net",
}

// Suffixes are the names below which a vendor's services are, with the zones that say so. They
// never change.
type Suffixes struct {
	zones map[matcher.Name][]string // sorted
}

// NewSuffixes returns the suffixes of what vendors publish: of each pattern the name without its first
// label, up to the last label with a range or a star. Where anybody may have names below that, as below a
// public suffix or one that is shared, it is the pattern's own name.
//
// A zone counts if it is bundled or publishes ranges, and is no catch-all.
func NewSuffixes(loaded []*zones.Zone, edition string) *Suffixes {
	s := &Suffixes{zones: map[matcher.Name][]string{}}
	bundled := zones.BundledNames(edition)
	for _, z := range loaded {
		if z.CatchAll || size(z) > maxPublished || !z.HasRanges() && !slices.Contains(bundled, z.Name) {
			continue
		}
		for i := range z.Rows {
			for p := range z.Rows[i].Patterns.All() {
				s.add(p.String(), z.Name)
			}
		}
	}
	for _, names := range s.zones {
		slices.Sort(names)
	}
	return s
}

// size is how many patterns z has.
func size(z *zones.Zone) (n int) {
	for i := range z.Rows {
		n += z.Rows[i].Patterns.Len()
	}
	return n
}

// add adds the suffix of a pattern.
func (s *Suffixes) add(pattern, zone string) {
	name, ok := suffixOf(pattern)
	if ok && !slices.Contains(s.zones[name], zone) {
		s.zones[name] = append(s.zones[name], zone)
	}
}

// suffixOf is the suffix that the text of a pattern stands for, if there is one.
func suffixOf(pattern string) (matcher.Name, bool) {
	own := strings.TrimPrefix(pattern, "*")
	base, isWide := strings.CutPrefix(own, ".")
	if !isWide {
		_, base, _ = strings.Cut(own, ".")
	}
	if i := strings.LastIndexAny(base, "*}"); i >= 0 {
		_, base, _ = strings.Cut(base[i:], ".")
	}
	for _, text := range []string{base, own} {
		if strings.ContainsAny(text, "*{") || isShared(text) {
			continue
		}
		if name, err := matcher.ParseName(text); err == nil {
			return name, true
		}
	}
	return matcher.Name{}, false
}

// isShared says whether anybody may have names below a suffix.
func isShared(suffix string) bool {
	if slices.Contains(sharedSuffixes, suffix) || compare.IsRented(suffix) {
		return true
	}
	_, err := publicsuffix.EffectiveTLDPlusOne(suffix)
	return err != nil
}

// Of returns the longest suffix that name is, or lies below. It does not allocate for names that are
// below none.
func (s *Suffixes) Of(name matcher.Name) (suffix matcher.Name, ok bool) {
	for n := name; !n.IsZero(); n = n.Parent() {
		if _, ok := s.zones[n]; ok {
			return n, true
		}
	}
	return matcher.Name{}, false
}

// Zones returns the zones because of which suffix is watched, sorted.
func (s *Suffixes) Zones(suffix matcher.Name) []string { return s.zones[suffix] }
