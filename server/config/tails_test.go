package config_test

import (
	"fmt"
	"strings"
	"testing"

	"splitdns/matcher"
	"splitdns/server/config"
)

// TestTooManyTails names more patterns with stars under one suffix than a query can
// be held against.
func TestTooManyTails(t *testing.T) {
	for _, c := range []struct {
		tails int
		want  string
	}{
		{matcher.MaxTails, ""},
		{matcher.MaxTails + 1, `config.toml:1: 10001 patterns with ranges or stars in a label lie under "example": `},
	} {
		var names strings.Builder
		for i := range c.tails {
			fmt.Fprintf(&names, "%q,\n", fmt.Sprintf("*.a%d*.example", i))
		}
		_, problems := config.Parse("config.toml", []byte("[rule.x]\nlog = true\nnames = [\n"+names.String()+"]\n"))
		got := ""
		if len(problems) > 0 {
			got = problems[0].String()
		}
		if !strings.HasPrefix(got, c.want) || (got == "") != (c.want == "") {
			t.Errorf("%d patterns: %q, want %q", c.tails, got, c.want)
		}
	}
}
