package addressfeed

import (
	"slices"
	"strings"

	"splitdns/zones"
)

// The lists of a rule.
const (
	Published = "published" // the prefixes that are published for its names
	Inside    = "inside"    // addresses in answers for its names that are published for them
	Admitted  = "admitted"  // those, and the ones for whose names, or IP version, nothing is published
	Outside   = "outside"   // those that are not published, although something is
)

// Lists are the lists of a rule, as they are shown.
var Lists = []string{Published, Inside, Admitted, Outside}

// Root is where the paths of all feeds begin.
const Root = "/feed/"

// A Path says which list of which rule is asked for, and in which form. Paths are comparable.
type Path struct {
	Rule   string
	List   string // one of Lists
	Family int    // 4 or 6: of that IP version only; 0: of both
	JSON   bool   // or else it is text
}

// ParsePath reads RULE.txt, RULE/LIST.txt, RULE/LIST-4.txt or RULE/LIST-6.txt, or the same with .json:
// what stands behind Root. A rule may be called anything that [zones.CheckName] lets through, also
// "x.txt" or "inside": the end is cut off once, and only the slash makes a list.
func ParsePath(s string) (p Path, ok bool) {
	text, isJSON := strings.CutSuffix(s, ".json")
	if !isJSON {
		var isText bool
		if text, isText = strings.CutSuffix(s, ".txt"); !isText {
			return Path{}, false
		}
	}
	rule, list, isList := strings.Cut(text, "/")
	p = Path{Rule: rule, List: Published, JSON: isJSON}
	if isList {
		p.List, p.Family = cutFamily(list)
	}
	if !slices.Contains(Lists, p.List) || zones.CheckName(rule) != nil {
		return Path{}, false
	}
	return p, true
}

// cutFamily takes the IP version off the name of a list.
func cutFamily(list string) (string, int) {
	if l, ok := strings.CutSuffix(list, "-4"); ok {
		return l, 4
	}
	if l, ok := strings.CutSuffix(list, "-6"); ok {
		return l, 6
	}
	return list, 0
}

// Name is the list with its IP version: "inside-4".
func (p Path) Name() string { return p.List + [...]string{0: "", 4: "-4", 6: "-6"}[p.Family] }

// Format is the end of the path: "txt" or "json".
func (p Path) Format() string {
	if p.JSON {
		return "json"
	}
	return "txt"
}

// String is the whole path of a URL.
func (p Path) String() string { return Root + p.Rule + "/" + p.Name() + "." + p.Format() }
