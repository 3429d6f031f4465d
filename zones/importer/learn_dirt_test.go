package importer_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"splitdns/zones/importer"
)

// Rows of tables as they are printed, and what becomes of them. The zone is left out
// where it is intune.
func TestLearnRows(t *testing.T) {
	for name, c := range map[string]struct {
		row  string
		want []string
	}{
		"breaks in all spellings":   {"| a.example<br>b.example<BR>c.example<br/>d.example<br />e.example</br>f.example | 192.0.2.1 | |", []string{"192.0.2.1 a.example b.example c.example d.example e.example f.example"}},
		"backticks around each":     {"| `a.example`<BR> `b.example`<BR>` | `192.0.2.1` | |", []string{"192.0.2.1 a.example b.example"}},
		"backticks around a list":   {"| `a.example`<BR>`192.0.2.0/28,192.0.2.16/28, 192.0.2.32/28` | | |", []string{"192.0.2.0/28 192.0.2.16/28 192.0.2.32/28 a.example"}},
		"no bar in front":           {"7 | `a.example` | **TCP:** 443 |", []string{"a.example tcp/443"}},
		"remarks glued on":          {"| `a.example`(from March, only in NA, ROW)<BR>`b.example`（全部、すべて） | | |", []string{"a.example b.example"}},
		"a label among addresses":   {"| a.example | 192.0.2.1 <br/><br/>Azure Front Door:<br>192.0.2.64/29 <br> `Front Door Endpoints: 192.0.2.72/29` | |", []string{"192.0.2.1 192.0.2.64/29 192.0.2.72/29 a.example"}},
		"escaped stars":             {`| \*.a.example <br> *.b.example | | |`, []string{"*.a.example *.b.example"}},
		"URLs":                      {`| https:\\//a.example/ <br> 'https://b.example' <br> <https://c.example> | | |`, []string{"a.example b.example c.example"}},
		"dots of East Asian text":   {"| a。example。org<br>b．example．org<br>c｡example｡org | | |", []string{"a.example.org b.example.org c.example.org"}},
		"full-width addresses":      {"| a.example | 52。175。12。209<br>1．2．4．0/24<br>1｡2｡5｡0／24 ２０.1.2.3、2001：db8：：/48 | |", []string{"1.2.4.0/24 1.2.5.0/24 20.1.2.3 2001:db8::/48 52.175.12.209 a.example"}},
		"full-width stars":          {"| ＊.itunes.example.com<br>a１.example.com | | |", []string{"*.itunes.example.com a1.example.com"}},
		"commas of East Asian text": {"| a.example、b.example，c.example | 192.0.2.1 | |", []string{"192.0.2.1 a.example b.example c.example"}},
		"entities":                  {"| a.example&nbsp;<br>&nbsp;b.example | 192.0.2.1 | |", []string{"192.0.2.1 a.example b.example"}},
		"links as names":            {"| [a.example](https://docs.example/a) | | |", []string{"a.example"}},
		"a sentence in a cell":      {"| Consumer Outlook.com, OneDrive, and more | `a.example` | |", []string{"a.example"}},
		"IPv6":                      {"| a.example | 2001:db8::/48, 2001:db8:1::1 | |", []string{"2001:db8:1::1 2001:db8::/48 a.example"}},
		"glued stars":               {"| `*cdn.example.org`<br>`*-files.example.org`<br>`payload*.example.org` | | |", []string{"*-files.example.org .cdn.example.org payload*.example.org"}},
		"optional":                  {"| `a.example` | Default<BR>Optional | |", []string{"a.example optional"}},
		"an escaped bar":            {`| what \| why | a.example | |`, []string{"a.example"}},
		"the end is missing":        {"| `a.example`<BR>`192.0.2.0/24, 13.107.228.0/2", []string{"192.0.2.0/24 a.example"}},
		"storage accounts":          {"| AMSUA0601 | acpri.blob.core.windows.net<br>achotifx.blob.core.windows.net | acpri.azureedge.net<br>achotfix.azureedge.net |", []string{"achotfix.azureedge.net acpri.azureedge.net"}},
		"storage, no network":       {"| a.example | acpri.blob.core.windows.net | acsec.azureedge.net |", []string{"a.example acpri.blob.core.windows.net acsec.azureedge.net"}},
		"too wide to be meant":      {"| `a.example` | 192.0.2.0/24, 16.0.0.0/4 | |", []string{"192.0.2.0/24 a.example"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := rowsOf(read(t, table(c.row)).Zones)
			for i := range got {
				got[i] = strings.TrimPrefix(got[i], "intune: ")
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("want -, got +:\n%s", diff)
			}
		})
	}
}

// Markup around names that Markdown has, or that was meant to be: read, and noted.
func TestLearnNamesInMarkup(t *testing.T) {
	for cell, want := range map[string]string{
		"<sts.example.com>":                      "sts.example.com",
		"<*.example.com>":                        "*.example.com",
		"<#-a.example.com> # = 0..5":             "{0..5}-a.example.com",
		"_a.example.com_":                        "a.example.com",
		"__a.example.com__":                      "a.example.com",
		"*a.example.com*":                        "a.example.com",
		"***a.example.com***":                    "a.example.com",
		"＊.itunes.example.com":                   "*.itunes.example.com",
		"a.example.com&lt;br&gt;b.example.com":   "a.example.com b.example.com",
		"a.example.com&LT;BR /&GT;b.example.com": "a.example.com b.example.com",
		"_dmarc.example.com":                     "_dmarc.example.com",
	} {
		t.Run(cell, func(t *testing.T) {
			result := read(t, table("| "+cell+" | 192.0.2.0/24 | |"))
			words := append(strings.Fields(want), "192.0.2.0/24")
			slices.Sort(words)
			if diff := cmp.Diff([]string{"intune: " + strings.Join(words, " ")}, rowsOf(result.Zones)); diff != "" {
				t.Errorf("want -, got +:\n%s", diff)
			}
			if n := len(said(result, importer.Normalised)); (n > 0) != (cell != want) {
				t.Errorf("notes %q", said(result, importer.Normalised))
			}
		})
	}
}

// Names and addresses in turns in one cell: pairs where each line is one, else doubted.
func TestLearnNamesAndAddressesInTurns(t *testing.T) {
	const doubt = "in turns in one cell"
	for cell, c := range map[string]struct {
		want  []string
		doubt bool
	}{
		"e1.example.com: 192.0.2.10<br>e2.example.com: 192.0.2.11":      {[]string{"192.0.2.10 e1.example.com", "192.0.2.11 e2.example.com"}, false},
		"192.0.2.10, 192.0.2.12 e1.example<br>192.0.2.11 e2.example":    {[]string{"192.0.2.10 192.0.2.12 e1.example", "192.0.2.11 e2.example"}, false},
		"a9.example<br>192.0.2.10<br>b9.example<br>192.0.2.11":          {[]string{"192.0.2.10 192.0.2.11 a9.example b9.example"}, true},
		"e1.example: 192.0.2.10, e2.example: 192.0.2.11":                {[]string{"192.0.2.10 192.0.2.11 e1.example e2.example"}, true},
		"e1.example: 192.0.2.10<br>e2.example: 192.0.2.11<br>c.example": {[]string{"192.0.2.10 192.0.2.11 c.example e1.example e2.example"}, true},
		"a.example<br>b.example<br>192.0.2.10<br>192.0.2.11":            {[]string{"192.0.2.10 192.0.2.11 a.example b.example"}, false},
		"192.0.2.10<br>a.example<br>192.0.2.11":                         {[]string{"192.0.2.10 192.0.2.11 a.example"}, false},
	} {
		t.Run(cell, func(t *testing.T) {
			result := read(t, table("| "+cell+" | TCP: 443 | what |"))
			for i := range c.want {
				words := append(strings.Fields(c.want[i]), "tcp/443")
				slices.Sort(words)
				c.want[i] = "intune: " + strings.Join(words, " ")
			}
			if diff := cmp.Diff(c.want, rowsOf(result.Zones)); diff != "" {
				t.Errorf("want -, got +:\n%s", diff)
			}
			if got := strings.Contains(strings.Join(said(result, importer.Doubted), "\n"), doubt); got != c.doubt {
				t.Errorf("doubts %q, want one: %t", said(result, importer.Doubted), c.doubt)
			}
		})
	}
}

// Addresses with ports, lengths that stand apart, and names with letters of their own.
func TestLearnOddEndpoints(t *testing.T) {
	for name, c := range map[string]struct{ cells, want, note string }{
		"a port":             {"z.example | 192.0.2.23:443", "192.0.2.23 z.example", `"192.0.2.23:443": read as "192.0.2.23", without the port 443`},
		"a port of IPv6":     {"z.example | [2001:db8::1]:443", "2001:db8::1 z.example", `without the port 443`},
		"a length apart":     {"z.example | 192.0.2.0 / 24, 198.51.100.7", "192.0.2.0/24 198.51.100.7 z.example", `"192.0.2.0 / 24": an address and its length`},
		"bits behind it":     {"z.example | 192.0.2.5 /24", "192.0.2.0/24 z.example", `"192.0.2.5/24": bits behind the length`},
		"as code":            {"z.example | `192.0.2.0`/`24`", "192.0.2.0/24 z.example", "an address and its length"},
		"two addresses":      {"z.example | 192.0.2.0 / 192.0.2.9", "192.0.2.0 192.0.2.9 z.example", ""},
		"wide":               {"z.example | 192。0。2。0 ／ 24", "192.0.2.0/24 z.example", "an address and its length"},
		"too long":           {"z.example | 192.0.2.5 / 99", "z.example", "192.0.2.5/99"},
		"a name with umlaut": {"bücher.example.com | 192.0.2.1", "192.0.2.1", "in a sentence, and in no row: bücher.example.com"},
		"glued to words":     {"z.example: 192.0.2.1, 中文１92.0.2.4。文, 192.0.2.3 | ", "192.0.2.1 192.0.2.3 z.example", "in a sentence, and in no row: １92.0.2.4"},
		"a mark on a letter": {"bu\u0308cher.example.com | 192.0.2.1", "192.0.2.1", "in no row: bu\u0308cher.example.com"},
		"Cyrillic":           {"сайт.example.com | 192.0.2.1", "192.0.2.1", "in no row: сайт.example.com"},
	} {
		t.Run(name, func(t *testing.T) {
			result := read(t, table("| "+c.cells+" | |"))
			if diff := cmp.Diff([]string{"intune: " + c.want}, rowsOf(result.Zones)); diff != "" {
				t.Errorf("want -, got +:\n%s", diff)
			}
			if !isQuoted(result, c.note) {
				t.Errorf("notes %v, want %s", result.Notes, c.note)
			}
			if isQuoted(result, ": cher") {
				t.Errorf("notes %v, with half a name", result.Notes)
			}
		})
	}
}

// Words beside the names of a cell leave them in the row, with its prefixes. What is
// taken over so is noted, and doubted where words stand before it or no column tells.
func TestLearnNamesWithWords(t *testing.T) {
	const column = "| z.example | 198.51.100.9 | |\n" // says which column has names
	for name, c := range map[string]struct {
		cell  string
		want  string
		doubt bool
	}{
		"a range behind":       {"#-c.example.com “#”是 0 到 50 范围内的一个随机数字", "{0..50}-c.example.com", false},
		"behind a semicolon":   {"#-c.example.com; “#”是 0 到 50", "{0..50}-c.example.com", false},
		"behind a comma":       {"#-c.example.com, “#”是 0 到 50", "{0..50}-c.example.com", false},
		"behind a paragraph":   {"#-c.example.com<p>“#”是 0 到 50", "{0..50}-c.example.com", false},
		"behind a break":       {`#-c.example.com<br clear="all">“#”是 0 到 50`, "{0..50}-c.example.com", false},
		"behind a wrong break": {`#-c.example.com<br\>“#”是 0 到 50`, "{0..50}-c.example.com", false},
		"a sentence":           {"sts.example.com is used by some", "sts.example.com", false},
		"what it is for":       {"a1.example.com for sign-in", "a1.example.com", false},
		"a dash":               {"a2.example.com – x", "a2.example.com", false},
		"a comma":              {"a3.example.com, see note", "a3.example.com", false},
		"another name behind":  {"a4.example.com is used by b.example.org and others here", "a4.example.com", true},
		"words before":         {"登录使用 a16.example.com", "a16.example.com", true},
		"a star behind":        {"a10.example.com*", "a10.example.com", false},
		"a dagger behind":      {"a10.example.com†", "a10.example.com", false},
		"a raised number":      {"a11.example.com<sup>1</sup>", "a11.example.com", false},
		"a raised digit":       {"a12.example.com¹", "a12.example.com", false},
	} {
		t.Run(name, func(t *testing.T) {
			result := read(t, table(column+"| "+c.cell+" | 192.0.2.0/24 | |"))
			rows := rowsOf(result.Zones)
			if want := "intune: 192.0.2.0/24 " + c.want; !slices.Contains(rows, want) {
				t.Errorf("rows %q, want %q among them", rows, want)
			}
			if diff := slices.ContainsFunc(said(result, importer.Doubted), func(s string) bool {
				return strings.Contains(s, "taken over for the row") || strings.Contains(s, "in a sentence")
			}); diff != c.doubt {
				t.Errorf("doubts %q, want one: %t", said(result, importer.Doubted), c.doubt)
			}
			if notes := said(result, importer.Normalised); len(notes) == 0 {
				t.Error("nothing is noted")
			}
		})
	}
}

// Without a column that tells, a row must leave no choice; and a column of words is none.
func TestLearnMentionsAreNoNames(t *testing.T) {
	for name, c := range map[string]struct {
		rows string
		want []string
	}{
		"the only name":    {"| use of a.example.com | 192.0.2.1 | |", []string{"intune: 192.0.2.1 a.example.com"}},
		"two cells":        {"| use of a.example.com | 192.0.2.1 | as b.example.com does |", []string{"intune: 192.0.2.1"}},
		"another column":   {"| a.example | 192.0.2.1 | |\n| what | 192.0.2.2 | as b.example.com does |", []string{"intune: 192.0.2.1 a.example", "intune: 192.0.2.2"}},
		"a name beside it": {"| a.example | 192.0.2.1 | b.example.com has more |", []string{"intune: 192.0.2.1 a.example"}},
		"two names":        {"| from a.example.com to b.example.com or so and on | 192.0.2.1 | |", []string{"intune: 192.0.2.1"}},
		"a product":        {"| Example.com or more | yes | |\n| c.example | | |", []string{"intune: c.example"}},
	} {
		t.Run(name, func(t *testing.T) {
			result := read(t, table(c.rows))
			if diff := cmp.Diff(c.want, rowsOf(result.Zones)); diff != "" {
				t.Errorf("want -, got +:\n%s", diff)
			}
			if len(said(result, importer.Doubted)) == 0 {
				t.Error("nothing is doubted")
			}
		})
	}
}

// Ports as tables print them, in any language.
func TestLearnPorts(t *testing.T) {
	for cells, want := range map[string]string{
		"**TCP:** 80, 443 | ":           "tcp/443 tcp/80",
		"**UDP:** 123 |":                "udp/123",
		"TCP: 443<br>UDP: 3478-3481 |":  "tcp/443 udp/3478-3481",
		"TCP/UDP: 443 |":                "tcp/443 udp/443",
		"443/TCP, 123/udp |":            "tcp/443 udp/123",
		"TCP 443、5228–5230 |":           "tcp/443 tcp/5228-5230",
		"HTTP | 80":                     "tcp/80",
		"HTTP/HTTPS | 80 または 443":       "tcp/443 tcp/80",
		"TCP | 5223 および 443":            "tcp/443 tcp/5223",
		"TCP | 5223 和 443":              "tcp/443 tcp/5223",
		"TCP | ５２２３ 和 ４４３":              "tcp/443 tcp/5223",
		"HTTPS | ":                      "tcp/443",
		"80 | HTTP":                     "tcp/80",
		"163 | nothing":                 "",
		"TCP: 443, 99999 |":             "tcp/443",
		"**TCP:** 443 (TCP: 443) | UDP": "tcp/443",
	} {
		t.Run(cells, func(t *testing.T) {
			rows := rowsOf(read(t, table("| a.example | "+cells+" |")).Zones)
			if got := strings.TrimSpace(strings.TrimPrefix(rows[0], "intune: a.example")); got != want {
				t.Errorf("ports %q, want %q", got, want)
			}
		})
	}
}

// The range of a number is read from the sentence beside it, whatever the language; and
// where it cannot be read, nothing is guessed.
func TestLearnNumbers(t *testing.T) {
	for name, c := range map[string]struct{ row, want string }{
		"English":            {"| #-c.example.org<br># is a random number from 0 to 50. | | |", "{0..50}-c.example.org"},
		"Japanese":           {"| #-c.example.org<br>'#' は、0 から 50 の乱数です。 | | |", "{0..50}-c.example.org"},
		"Chinese":            {"| #-c.example.org<br>“#”是 0 到 50 范围内的一个随机数字。 | | |", "{0..50}-c.example.org"},
		"full width":         {"| ＃-c.example.org<br>＃は０から５０までの数 | | |", "{0..50}-c.example.org"},
		"Greek, in a cell":   {"| #-c.example.org | «#» είναι τυχαίος αριθμός 1–8 | |", "{1..8}-c.example.org"},
		"in parentheses":     {"| `#-c.example.org`(# = 0..9) | | |", "{0..9}-c.example.org"},
		"an entity":          {"| &#35;-c.example.org<br>&#35; : 0-50 | | |", "{0..50}-c.example.org"},
		"below the table":    {"| #-c.example.org | | |\n\n(# ist eine Zahl von 0 bis 50)", "{0..50}-c.example.org"},
		"another's range":    {"| #-c.example.org | | |\n| b.example | | |\n| alt#-m.example.org (# is 1 to 8) | | |", ""},
		"one without range":  {"| #-c.example.org<br># is a number | | |\n| b.example | | |\n\n'#' is 1 to 8", ""},
		"two, and below":     {"| #-c.example.org | | |\n| alt#-m.example.org | | |\n| b.example | | |\n\n'#' is 1 to 8", ""},
		"two in a row":       {"| `alt#-m.example.org` (# is 1 to 8)<br>`#-c.example.org` | | |", ""},
		"two, each its own":  {"| `alt#-m.example.org` (# is 1 to 8)<br>`#-c.example.org` (# is 0 to 50) | | |", "{0..50}-c.example.org"},
		"two, one sentence":  {"| `#-c.example.org`<br>`alt#-m.example.org`<br># is 1 to 8 | | |", "{1..8}-c.example.org"},
		"two sentences":      {"| #-c.example.org<br># is 0 to 9<br># is 1 to 8<br>b.example | | |", ""},
		"before the name":    {"| # is 1 to 8:<br>#-c.example.org | | |", "{1..8}-c.example.org"},
		"behind the name":    {"| `#-c.example.org`, where # ranges from 2 through 6 | | |", "{2..6}-c.example.org"},
		"in the last cell":   {"| #-c.example.org | 192.0.2.0/24 | # runs from 1 to 8 |", "{1..8}-c.example.org"},
		"a list of names":    {"\n\n- `#-c.example.org`\n- `b.example`\n\n'#' is 0-9", "{0..9}-c.example.org"},
		"an item":            {"\n\n- `#-c.example.org` ('#' is 0-9)\n- `b.example`\n", "{0..9}-c.example.org"},
		"over two lines":     {"| #-c.example.org | | |\n\nIn the names above '#'\nis a number from 0 to 9.", "{0..9}-c.example.org"},
		"about another":      {"| #-c.example.org<br>b.example | | |\n\nIn alt#-m.example.org '#' is a number from 0 to 9.", ""},
		"too far away":       {"| #-c.example.org | | |\n| b.example | | |\n\n## Other\n\n'#' is 0-9", ""},
		"no sentence":        {"| #-c.example.org<br>b.example | | |", ""},
		"and how many":       {"| #-c.example.org<br># is one of 51 numbers, from 0 to 50. | | |", "{0..50}-c.example.org"},
		"and how many else":  {"| #-c.example.org<br># is one of 12 numbers, from 0 to 50<br>b.example | | |", ""},
		"Arabic digits":      {"| #-c.example.org<br># هو رقم من ٠ إلى ٥٠ | | |", "{0..50}-c.example.org"},
		"Devanagari digits":  {"| #-c.example.org<br># ० से ५० तक की संख्या है। | | |", "{0..50}-c.example.org"},
		"# at the end":       {"| #-c.example.org<br>De 0 a 50 es el intervalo de «#». | | |", "{0..50}-c.example.org"},
		"ports in a clause":  {"| #-c.example.org<br>\"#\" is a number from 0 to 50; TCP 5223. | | |", "{0..50}-c.example.org"},
		"ports behind":       {"| #-c.example.org<br># = 0-50, TCP 443 | | |", "{0..50}-c.example.org"},
		"dots":               {"| #-c.example.org<br># is 0, 1, ... 50 | | |", "{0..50}-c.example.org"},
		"dots with steps":    {"| #-c.example.org<br># is 0, 5, ... 50<br>b.example | | |", ""},
		"between":            {"| #-c.example.org<br># ist eine Zahl zwischen 1 und 8 | | |", "{1..8}-c.example.org"},
		"another language":   {"| #-c.example.org<br># arab 0 dango 50 | | |", "{0..50}-c.example.org"},
		"markup and code":    {"| `#-c.example.org`<br>**`#`** is `0`&ndash;`50` | | |", "{0..50}-c.example.org"},
		"two, not a range":   {"| #-c.example.org<br># is 1 or 5<br>b.example | | |", ""},
		"two, and":           {"| #-c.example.org<br># is 1 and 5<br>b.example | | |", ""},
		"a list":             {"| #-c.example.org<br># is 1, 5<br>b.example | | |", ""},
		"a number more":      {"| #-c.example.org<br># is 0 to 50 or 100<br>b.example | | |", ""},
		"two ranges":         {"| #-c.example.org<br># is 0-9 or 20-29<br>b.example | | |", ""},
		"ports only":         {"| #-c.example.org<br># is a number, TCP 443 and 5223<br>b.example | | |", ""},
		"the end excluded":   {"| #-c.example.org<br># is 0 to 50 (exclusive)<br>b.example | | |", ""},
		"leading zeros":      {"| #-c.example.org<br># is 00 to 50<br>b.example | | |", ""},
		"backwards":          {"| #-c.example.org<br># runs from 50 to 0<br>b.example | | |", ""},
		"numbers without #":  {"| #-c.example.org<br>between 0 and 50<br>b.example | | |", ""},
		"in words":           {"| #-c.example.org<br># is zero to fifty<br>b.example | | |", ""},
		"heading with a num": {"| #-c.example.org<br>b.example | | |\n\n# From 0 to 50", ""},
	} {
		t.Run(name, func(t *testing.T) {
			result := read(t, table(c.row))
			got := strings.Join(rowsOf(result.Zones), "; ")
			doubts := strings.Join(said(result, importer.Doubted), "\n")
			if c.want == "" && (strings.Contains(got, "c.example.org") || !strings.Contains(doubts, `"#-c.example.org"`)) {
				t.Errorf("rows %s, doubts %s; want the name doubted and left out", got, doubts)
			}
			if c.want != "" && !strings.Contains(got, c.want) {
				t.Errorf("rows %s, doubts %s; want %s", got, doubts, c.want)
			}
		})
	}
}

// The page in its present form is sorted as the bundled edition is, and its copies are
// compared.
func TestLearnInItsPresentForm(t *testing.T) {
	result := read(t, page(t, "present.md"))
	rows := rowsOf(result.Zones)
	for _, want := range []string{
		"attestation: intunemaape13.jpe.attest.azure.net intunemaape17.jpe.attest.azure.net intunemaape18.jpe.attest.azure.net intunemaape19.jpe.attest.azure.net tcp/443",
		"autopilot: time.windows.com udp/123",
		"intune-cdn: carved-out imeswda-afd-hotfix.manage.microsoft.com imeswda-afd-primary.manage.microsoft.com imeswda-afd-secondary.manage.microsoft.com tcp/443",
		"intune-cdn: naprodimedatahotfix.azureedge.net naprodimedatapri.azureedge.net naprodimedatasec.azureedge.net tcp/443",
		"intune-cdn: carved-out intunecdnpeasd.manage.microsoft.com tcp/443",
		"intune: *.powershellgallery.com aka.ms cdn.oneget.org optional tcp/443 tcp/80",
		"m365-auth: account.live.com login.live.com tcp/443",
		"microsoft-store: displaycatalog.mp.microsoft.com licensing.mp.microsoft.com purchase.md.mp.microsoft.com storeedgefd.dsx.mp.microsoft.com tcp/443 tcp/80",
		"office-customization: *.officeconfig.msocdn.com config.office.com optional tcp/443",
		"windows-update: *.delivery.mp.microsoft.com *.dl.delivery.mp.microsoft.com *.prod.do.dsp.mp.microsoft.com *.update.microsoft.com *.windowsupdate.com adl.windows.com tcp/443 tcp/80 tsfe.trafficshaping.dsp.mp.microsoft.com",
	} {
		if !slices.Contains(rows, want) {
			t.Errorf("no row %s", want)
		}
	}
	doubts := strings.Join(said(result, importer.Doubted), "\n")
	for _, want := range []string{
		"31: 74.241.231.0/25 stands here, but not in the list of line 303",
		"337: 20.189.172.160/27 stands only in the list of line 303, not in the row of line 31: taken over for that row",
		`34: "account.live.com" stands here, but not in the list of line 204`,
		`274: "aka.ms" stands only in the list of line 204, not in what it repeats; taken over as not required`,
		"128: in a sentence, and in no row: has.spserv.microsoft.com",
		"19: in a sentence, and in no row: *.azureedge.net",
	} {
		if !strings.Contains(doubts, want) {
			t.Errorf("no doubt %s in\n%s", want, doubts)
		}
	}
	if n := strings.Count(doubts, `" stands here, but not in the list of line 204`); n != 10 {
		t.Errorf("%d names are said to be missing in the list, want 10", n)
	}
	if got := result.Read[0]; got.Prefixes != 91 || got.Edition != "2026-03-24" {
		t.Errorf("read %+v, want 91 prefixes of 2026-03-24", got)
	}
}

// The page of another cloud: labels among addresses, URLs with labels, escaped slashes.
func TestLearnOfAGovernment(t *testing.T) {
	result := read(t, page(t, "usgov.md"))
	var names []string
	for _, z := range result.Zones {
		names = append(names, z.Name)
	}
	if diff := cmp.Diff([]string{"intune-21vianet", "intune-usgov"}, names); diff != "" {
		t.Errorf("zones: want -, got +:\n%s", diff)
	}
	for _, row := range rowsOf(result.Zones) {
		if strings.Contains(row, "*.manage.microsoft.us") && (!strings.Contains(row, "62.11.173.176/29") || !strings.Contains(row, "tcp/443 tcp/80")) {
			t.Errorf("row %s; want the prefix behind the label, and the ports of the sentence", row)
		}
	}
	kept := keptTexts(result)
	for _, want := range []string{
		"portal.azure.us", "portal.manage.microsoft.us", "intune.microsoft.us", "imeswdsc-afd-pri.manage.microsoft.com", "graph.microsoft.us",
		"syncservice.gov.us.microsoftonline.com", "directory.microsoftazure.us", "graph.microsoftazure.us", "*.ecs.gov.teams.microsoft.us",
	} {
		if !kept[want] {
			t.Errorf("%s is in no row", want)
		}
	}
}

// Names that nothing is known of are put somewhere, and that is doubted.
func TestLearnDoubtsNewNames(t *testing.T) {
	result := read(t, table("| `new.example`<br>`*.support.services.microsoft.com` | | |"))
	if diff := cmp.Diff([]string{"remote-help: *.support.services.microsoft.com new.example"}, rowsOf(result.Zones)); diff != "" {
		t.Errorf("want -, got +:\n%s", diff)
	}
	doubts := said(result, importer.Doubted)
	if diff := cmp.Diff([]string{`7: "new.example": no zone is known to have it; look where it was put`}, doubts); diff != "" {
		t.Errorf("doubts: want -, got +:\n%s", diff)
	}
}

// A comment without end, and one within a row.
func TestLearnComments(t *testing.T) {
	result := read(t, table("| a.example <!-- b.example, 192.0.2.7 --> | 192.0.2.1 | |\n\n<!-- c.example\n| d.example | 192.0.2.2 | |"))
	if diff := cmp.Diff([]string{"intune: 192.0.2.1 a.example"}, rowsOf(result.Zones)); diff != "" {
		t.Errorf("want -, got +:\n%s", diff)
	}
	skipped := said(result, importer.Skipped)
	for _, want := range []string{"7: in a comment: b.example, 192.0.2.7", "9: in a comment: c.example", "10: in a comment: d.example, 192.0.2.2"} {
		if !slices.Contains(skipped, want) {
			t.Errorf("skipped %q, want %q among them", skipped, want)
		}
	}
	if !slices.Contains(said(result, importer.Doubted), "9: a comment without end: everything behind it is skipped") {
		t.Errorf("doubts %q, want one of the comment", said(result, importer.Doubted))
	}
}
