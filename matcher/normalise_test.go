package matcher_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"splitdns/matcher"
)

func TestNormalise(t *testing.T) {
	const (
		spaces = "removed spaces around"
		upper  = "made upper case lower case"
		final  = "removed the final dot"
		star   = `replaced \* by *`
		stop   = "replaced an ideographic full stop (U+3002) by a dot"
		wide   = "replaced a full-width full stop (U+FF0E) by a dot"
		half   = "replaced a half-width ideographic full stop (U+FF61) by a dot"
	)
	tests := map[string]struct {
		in, clean string
		changes   []string
	}{
		"clean":                   {"login.example", "login.example", nil},
		"root":                    {".", ".", nil},
		"subtree":                 {".example", ".example", nil},
		"range":                   {"{0..50}-courier.example", "{0..50}-courier.example", nil},
		"spaces":                  {" \ta.example\r\n", "a.example", []string{spaces}},
		"no-break space":          {"\u00a0a.example\u3000", "a.example", []string{spaces}},
		"zero width space":        {"\ufeffa.example\u200b", "a.example", []string{spaces}},
		"upper case":              {"EnterpriseEnrollment.manage.microsoft.com", "enterpriseenrollment.manage.microsoft.com", []string{upper}},
		"final dot":               {"a.example.", "a.example", []string{final}},
		"final dot and space":     {"a.example. ", "a.example", []string{spaces, final}},
		"markdown star":           {`\*.dl.delivery.mp.microsoft.com`, "*.dl.delivery.mp.microsoft.com", []string{star}},
		"ideographic stops":       {"enterpriseregistration。windows。net", "enterpriseregistration.windows.net", []string{stop}},
		"full-width stop":         {"a．example", "a.example", []string{wide}},
		"half-width stop":         {"a｡example", "a.example", []string{half}},
		"final ideographic stop":  {"a.example。", "a.example", []string{stop, final}},
		"everything":              {` \*.A。b．c｡Example. `, "*.a.b.c.example", []string{spaces, stop, wide, half, star, final, upper}},
		"space before final dot":  {"1.2.3.4 .", "1.2.3.4", []string{final}},
		"final dots apart stay":   {"a . .", "a . .", nil},
		"a final dot alone":       {" .", ".", []string{spaces}},
		"escaped space, dot stay": {`a\ .`, `a\ .`, nil},
		"escaped backslash, star": {`a\\*.example`, `a\\*.example`, nil},
		"three backslashes":       {`\\\*.example`, `\\*.example`, []string{star}},
		"two final dots stay":     {"a.example..", "a.example..", nil},
		"two dots stay":           {"..", "..", nil},
		"escaped final dot stays": {`a\.`, `a\.`, nil},
		"other letters stay":      {"BÜCHER.example", "bÜcher.example", []string{upper}},
		"nothing":                 {"  ", "", []string{spaces}},
		"not UTF-8 stays":         {"\xff.example", "\xff.example", nil},
	}
	for what, tt := range tests {
		t.Run(what, func(t *testing.T) {
			clean, changes := matcher.Normalise(tt.in)
			if clean != tt.clean {
				t.Errorf("Normalise(%q) = %q, want %q", tt.in, clean, tt.clean)
			}
			if diff := cmp.Diff(tt.changes, changes); diff != "" {
				t.Errorf("Normalise(%q) changes (-want +got):\n%s", tt.in, diff)
			}
			if again, more := matcher.Normalise(clean); again != clean || more != nil {
				t.Errorf("Normalise(%q) = %q, %q, want no change", clean, again, more)
			}
		})
	}
}

func FuzzNormalise(f *testing.F) {
	for _, s := range []string{" \\*.A。b．c｡Example. ", "1.2.3.4 .", `\\\*`, "a . .", `a\ .`, `\。`, "\ufeff.\u200b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		clean, changes := matcher.Normalise(s)
		if (clean != s) != (len(changes) > 0) {
			t.Errorf("Normalise(%q) = %q, and says %q", s, clean, changes)
		}
		if again, more := matcher.Normalise(clean); again != clean || more != nil {
			t.Errorf("Normalise(%q) = %q, and of that %q, %q, want no change", s, clean, again, more)
		}
	})
}
