package server_test

import (
	"testing"

	"splitdns/server"
)

// TestNow holds that what is answered without waiting is what is answered with
// it, and that whatever needs an upstream or more work is left alone.
func TestNow(t *testing.T) {
	const config = answers + "[rule.dual]\nnames = [\"*.dual.example\"]\nlog = true\npin = \"enforce\"\n"
	for words, c := range map[string]struct {
		cached bool // it is asked before
		want   bool
	}{
		"x.dual.example":               {true, true},
		"x.dual.example +noedns":       {true, true},
		"x.dual.example +do":           {true, true},
		"y.dual.example":               {false, false},
		"a.nx.example":                 {false, true},
		"null.example AAAA":            {false, true},
		"a.alias.example":              {false, false},
		"a.alias.example CNAME":        {false, true},
		"www.example ANY":              {false, true},
		"www.example AXFR":             {false, true},
		"www.example HS":               {false, true},
		"dual.example CH TXT":          {false, false},
		"version.bind CH TXT":          {false, false},
		"z.dual.example +nord":         {false, true}, // REFUSED, as it is not cached
		"b.alias.example AAAA +noedns": {true, true},
	} {
		b := newBench(t, config, says(t, "x.dual.example. 300 IN A 192.0.2.1\nx.dual.example. 300 IN A 198.51.100.1\n"+
			"www.alias.example. 300 IN AAAA 2001:db8::1"))
		if c.cached {
			ask(t, b, words)
		}
		if ok := isNow(t, b, words); ok != c.want {
			t.Errorf("%s: answered at once: %v, want %v", words, ok, c.want)
		}
	}
}

// isNow asks b to answer at once and says whether it did. If so, it must have
// said what it says otherwise; if not, it must have done nothing.
func isNow(t *testing.T, b *server.Bench, words string) bool {
	t.Helper()
	packet, err := question(words).Pack()
	if err != nil {
		t.Fatal(err)
	}
	const before = "before"
	got, ok := b.Now([]byte(before), packet, client)
	if !ok {
		if string(got) != before || b.CacheLen() != 0 || b.Entries() != "" {
			t.Errorf("%s: something was done: %q, %d entries in the cache", words, got, b.CacheLen())
		}
		return false
	}
	if want := before + string(b.Serve(packet, client, false)); string(got) != want {
		t.Errorf("%s: %q, want %q", words, got, want)
	}
	return true
}
