package compare_test

import (
	"testing"

	"splitdns/matcher"
	"splitdns/zones/compare"
)

func TestTakeable(t *testing.T) {
	for text, want := range map[string]string{
		// anybody's
		"*":     "host",
		".":     "host",
		"*.com": "host.com",
		".com":  "host.com",
		// the star's own label is what is registered
		"apple*.com":                         "apple.com",
		"a*.co.uk":                           "a.co.uk",
		"a.*.com":                            "a.host.com",
		"payloadprod*.blob.core.windows.net": "payloadprod.blob.core.windows.net",
		"app{1..9}.azureedge.net":            "app1.azureedge.net",
		"*-files.sharepoint.com":             "-files.sharepoint.com",
		"autodiscover.*.onmicrosoft.com":     "autodiscover.host.onmicrosoft.com",
		".googleusercontent.com":             "host.googleusercontent.com",
		"*.workers.dev":                      "host.workers.dev",
		"*.cloudfront.net":                   "host.cloudfront.net",
		"*.akamaized.net":                    "host.akamaized.net",
		"*.webpubsub.azure.com":              "host.webpubsub.azure.com",
		// behind a region
		"*.westeurope.cloudapp.azure.com":  "host.westeurope.cloudapp.azure.com",
		"mdm*.eu-west-1.elb.amazonaws.com": "mdm.eu-west-1.elb.amazonaws.com",
		// wider than what is given to customers
		"*.windows.net":            "host.blob.core.windows.net",
		".azure.com":               "host.host.cloudapp.azure.com",
		"*.amazonaws.com":          "host.compute-1.amazonaws.com",
		"*.fastly.net":             "host.freetls.fastly.net",
		"*.monitor.azure.com":      "host.host.ingest.monitor.azure.com",
		"*.b*.core.windows.net":    "host.blob.core.windows.net",
		"*.x*.cloudapp.azure.com":  "host.x.cloudapp.azure.com",
		"mdm.*.cloudapp.azure.com": "mdm.host.cloudapp.azure.com",

		// one vendor's, one customer's, or one's own
		"payloadprod1.blob.core.windows.net":          "",
		"*.mine.blob.core.windows.net":                "",
		".mine.azureedge.net":                         "",
		"*.officecdn.microsoft.com.edgesuite.net":     "",
		"b*.core.windows.net":                         "",
		"graph*.windows.net":                          "",
		"{0..50}-courier.push.apple.com":              "",
		"alt{1..8}-mtalk.google.com":                  "",
		"*.manage.microsoft.com":                      "",
		"*.corp":                                      "",
		"*.lan":                                       "",
		".home.arpa":                                  "",
		"*.corp.example":                              "",
		"com":                                         "",
		"*.10.in-addr.arpa":                           "",
		"remoteassistance*.communication.example.com": "",
	} {
		got, ok := compare.Takeable(matcher.MustParsePattern(text))
		switch {
		case ok != (want != "") || ok && got.String() != want:
			t.Errorf("Takeable(%q) = %v, %v, want %q", text, got, ok, want)
		case ok && !matcher.MustParsePattern(text).Matches(got):
			t.Errorf("Takeable(%q) = %v, which it does not match", text, got)
		}
	}
}

func FuzzTakeable(f *testing.F) {
	for _, text := range []string{"*", ".", "*.com", "a.*.com", "*.x{1..2}.windows.net", `\000*.azureedge.net`, "*.*.*.azure.com", ".x.blob.core.windows.net"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := matcher.ParsePattern(text)
		if err != nil {
			return
		}
		if name, ok := compare.Takeable(p); ok && !p.Matches(name) {
			t.Errorf("Takeable(%q) = %q, which it does not match", text, name)
		}
	})
}
