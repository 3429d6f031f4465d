package integration_test

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/dop251/goja"
)

// A PAC file of the bundled zones runs in a JavaScript engine, among the functions that
// browsers give such files. Whether it agrees with the matcher is tested beside the code.
func TestExportPAC(t *testing.T) {
	out, err := exec.Command(command, "zones", "export", "--format", "pac", "--proxy", `PROXY "p".example:3128; DIRECT`).Output()
	if err != nil {
		t.Fatal(err)
	}
	vm := goja.New()
	for _, helper := range []string{"dnsResolve", "isResolvable", "isInNet", "myIpAddress"} {
		if err := vm.Set(helper, func() { t.Errorf("%s was called: it would look a name up", helper) }); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := vm.RunString(string(out)); err != nil {
		t.Fatalf("%v in\n%s", err, out)
	}
	var find func(url, host string) string
	if err := vm.ExportTo(vm.Get("FindProxyForURL"), &find); err != nil {
		t.Fatal(err)
	}
	for host, isDirect := range map[string]bool{
		"50-courier.push.apple.com": true, "50-COURIER.Push.Apple.Com.": true, "51-courier.push.apple.com": false,
		"050-courier.push.apple.com": false, "payloadprod7.blob.core.windows.net": true, "payloadprod.7.blob.core.windows.net": false,
		"x.manage.microsoft.com": true, "example.com": false, "17.57.144.23": false, "": false,
	} {
		want := `PROXY "p".example:3128; DIRECT`
		if isDirect {
			want = "DIRECT"
		}
		if got := find("https://"+strings.TrimSuffix(host, ".")+"/", host); got != want {
			t.Errorf("%q: %q, want %q", host, got, want)
		}
	}
}
