package server_test

import (
	"strings"
	"testing"
)

func TestWhereLocalNamesLeadIsExplained(t *testing.T) {
	const rules = "[upstream.corp]\nservers = ['10.0.0.1']\n[rule.r]\nnames = ['www.example.net', '.sub.lab.example']\nupstream = 'corp'\n"
	b := localBench(t, rules, notAsked(t))
	for asked, want := range map[string]string{
		"cdn.lab.example":   "|answered local=lab|answer A cname=www.example.net upstream=corp|answer AAAA cname=www.example.net upstream=corp|",
		"loop.lab.example":  "|answered local=lab|answer A cname=back.example.net upstream=default|",
		"tosub.lab.example": "|answered local=lab|answer A cname=x.sub.lab.example upstream=corp|",
		"here.lab.example":  "|answered local=lab|answer A cname=a.localhost special=localhost|",
		"x.sub.lab.example": "|decision pin=observe upstream=corp|published no-range|delegated local=lab delegation=sub.lab.example|",
		"www.lab.example":   "|answered local=lab|answer A 10.0.0.2|answer AAAA none|",
	} {
		if got := strings.Join(texts(ask(t, b, asked+" CH TXT")), "|"); !strings.Contains(got, want) {
			t.Errorf("%s: %s,\nwant %s", asked, got, want)
		}
	}
}
