package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// pageText is a good page.
const pageText = "---\nms.date: 03/24/2026\n---\n|Domain|IP|\n|---|---|\n|`a.example`|192.0.2.1|\n"

// serving is a web server with good pages and bad ones.
func serving(t *testing.T) string {
	mux := http.NewServeMux()
	mux.HandleFunc("/page.md", func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.UserAgent(), "splitdns/") {
			t.Errorf("User-Agent %q", r.UserAgent())
		}
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		fmt.Fprint(w, pageText)
	})
	mux.HandleFunc("/page.html", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprint(w, pageText)
	})
	mux.HandleFunc("/empty.md", func(http.ResponseWriter, *http.Request) {})
	mux.Handle("/moved.md", http.RedirectHandler("/page.md", http.StatusFound))
	mux.Handle("/around.md", http.RedirectHandler("/around.md", http.StatusFound))
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s.URL
}

// What an address gives is imported, and the address is the source of the rows; what is no
// document is refused, and nothing is written.
func TestImportFromAddresses(t *testing.T) {
	url := serving(t)
	for path, want := range map[string]string{
		"/page.md":   "",
		"/moved.md":  "",
		"/page.html": "a page in HTML, not a list; give the address of the list itself",
		"/empty.md":  "the document is empty",
		"/none.md":   "the server says 404 Not Found; want 200 OK",
		"/around.md": "more than 5 redirects",
	} {
		t.Run(path, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "zone.toml")
			var stderr strings.Builder
			code := run([]string{"zones", "import", url + path, "-o", out, "--quiet"}, &strings.Builder{}, &stderr)
			text, err := os.ReadFile(out)
			if want != "" {
				if code != exitProblem || err == nil || !strings.Contains(stderr.String(), want) {
					t.Errorf("code %d, %v, said %s, want %q", code, err, &stderr, want)
				}
				return
			}
			if code != exitFine || !strings.Contains(string(text), `source = "`+url+path+`"`) {
				t.Errorf("code %d, said %s, wrote %s", code, &stderr, text)
			}
		})
	}
}

// A page of Learn in HTML has an advice of its own.
func TestImportOfLearnInHTML(t *testing.T) {
	request := httptest.NewRequest(http.MethodGet, "https://learn.microsoft.com/intune/fundamentals/endpoints", nil)
	err := refused(&http.Response{StatusCode: http.StatusOK, Request: request, Header: http.Header{"Content-Type": {"text/html"}}})
	if err == nil || !strings.Contains(err.Error(), "https://raw.githubusercontent.com/MicrosoftDocs/") {
		t.Errorf("error %v, want the address of the Markdown", err)
	}
}

// A zone file is replaced whole, and nothing is left beside it.
func TestImportReplacesZoneFiles(t *testing.T) {
	url, folder := serving(t), t.TempDir()
	for range 2 {
		var stderr strings.Builder
		if code := run([]string{"zones", "import", url + "/page.md", "-o", folder}, &strings.Builder{}, &stderr); code != exitFine {
			t.Fatalf("code %d, said %s", code, &stderr)
		}
	}
	entries, err := os.ReadDir(folder)
	if err != nil || len(entries) != 1 || entries[0].Name() != "intune.toml" {
		t.Errorf("%v, %v; want intune.toml alone", entries, err)
	}
}

// TestImportKeepsSecretsOfAddresses has a password and a token in an address: neither gets into the file or the report.
func TestImportKeepsSecretsOfAddresses(t *testing.T) {
	address := strings.Replace(serving(t), "http://", "http://user:pa55word@", 1)
	var stdout, stderr strings.Builder
	for _, path := range []string{"/page.md?token=t0k3n", "/none.md?token=t0k3n"} {
		run([]string{"zones", "import", address + path}, &stdout, &stderr)
	}
	if text := stdout.String() + stderr.String(); strings.Contains(text, "pa55word") || strings.Contains(text, "t0k3n") || !strings.Contains(text, "/page.md: ms-learn") {
		t.Error(text)
	}
}

// Where -o names nothing yet, its ending and the number of zones say what it is to be.
func TestImportIntoWhatIsNew(t *testing.T) {
	folder := t.TempDir()
	one, several := filepath.Join(folder, "one.md"), filepath.Join(folder, "several.md")
	for path, text := range map[string]string{one: pageText, several: pageText + "|`login.microsoftonline.com`| |\n"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range map[string]struct{ document, out, flag, want string }{
		"several zones":           {several, "new", "", "new/intune.toml"},
		"several, with an ending": {several, "all.toml", "", "all.toml"},
		"several, one wanted":     {several, "lists", "--zone=lists", "lists"},
		"one zone":                {one, "mine", "", "mine"},
		"a directory":             {one, "some/", "", "some/intune.toml"},
	} {
		t.Run(name, func(t *testing.T) {
			out := t.TempDir() + "/"
			args := []string{"zones", "import", c.document, "-o", out + c.out, "--quiet"}
			if c.flag != "" {
				args = append(args, c.flag)
			}
			var stderr strings.Builder
			code := run(args, &strings.Builder{}, &stderr)
			info, err := os.Stat(filepath.Join(out, c.want))
			if code != exitFine || err != nil || info.IsDir() || !strings.Contains(filepath.ToSlash(stderr.String()), ", to "+filepath.ToSlash(out+c.want)) {
				t.Errorf("code %d, %v, said %s; want %s", code, err, &stderr, c.want)
			}
		})
	}
}

// Where nothing was found, the report says what was read, and then that it was nothing.
func TestImportOfNothingIsReported(t *testing.T) {
	path := filepath.Join(t.TempDir(), "page.md")
	text := "---\nms.date: 03/24/2026\n---\n|Domain|IP|\n|---|---|\n|`#-c.example.org`| |\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, quiet := range []bool{false, true} {
		args := []string{"zones", "import", path}
		if quiet {
			args = append(args, "--quiet")
		}
		var stdout, stderr strings.Builder
		code := run(args, &stdout, &stderr)
		_, behind, isNoted := strings.Cut(stderr.String(), path+`:6: doubted: "#-c.example.org"`)
		if code != exitProblem || stdout.Len() > 0 || isNoted == quiet || !quiet && !strings.Contains(behind, "no name and no prefix was found") {
			t.Errorf("quiet %t: code %d, wrote %s, said %s", quiet, code, &stdout, &stderr)
		}
	}
}

// A file may be named by a URL; one of another machine is none.
func TestImportOfFileURLs(t *testing.T) {
	path := filepath.ToSlash(filepath.Join(t.TempDir(), "a page.md"))
	if err := os.WriteFile(path, []byte(pageText), 0o600); err != nil {
		t.Fatal(err)
	}
	slashed := "/" + strings.TrimPrefix(strings.ReplaceAll(path, " ", "%20"), "/")
	for name, want := range map[string]string{
		"file://" + slashed:          "page.md: ms-learn",
		"FILE://localhost" + slashed: "page.md: ms-learn",
		"file:" + slashed:            "page.md: ms-learn",
		"file://host" + slashed:      "no file of this machine; want file:///PATH",
		"file://page.md":             "no file of this machine; want file:///PATH",
		"file:///":                   "no file of this machine; want file:///PATH",
		"ftp://host/page.md":         "cannot fetch over ftp",
	} {
		var stderr strings.Builder
		code := run([]string{"zones", "import", name}, &strings.Builder{}, &stderr)
		isGood := strings.HasSuffix(want, "ms-learn")
		if (code == exitFine) != isGood || !strings.Contains(stderr.String(), want) {
			t.Errorf("%s: code %d, said %s, want %s", name, code, &stderr, want)
		}
	}
}

// What is no format is refused with the one that was meant.
func TestImportSuggestsFormats(t *testing.T) {
	for format, want := range map[string]string{
		"o365": "m365", "goog": "google", "service-tags": "servicetags", "plain": "names", "Markdown": "ms-learn", "adgaurd": "adguard", "Names": "names",
	} {
		var stderr strings.Builder
		code := run([]string{"zones", "import", "--format", format, "-"}, &strings.Builder{}, &stderr)
		if code != exitUsage || !strings.Contains(stderr.String(), fmt.Sprintf("no format %q; did you mean %q?", format, want)) {
			t.Errorf("code %d, said %s, want %q", code, &stderr, want)
		}
	}
	for word, format := range formatWords {
		if checkFormat(format) != nil || checkFormat(word) == nil {
			t.Errorf("%s for %s: want another word for a format", word, format)
		}
	}
	if err := checkFormat("quite-something-else"); err == nil || !strings.Contains(err.Error(), "have m365, ") {
		t.Errorf("error %v, want all formats", err)
	}
}
