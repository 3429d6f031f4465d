package main

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"splitdns/zones/importer"
	"splitdns/zones/tomlfile"
)

// formatWords are other words for formats of the importer.
var formatWords = map[string]string{
	"o365": "m365", "office365": "m365", "microsoft365": "m365", "endpoints": "m365",
	"goog": "google", "cloud": "google", "gstatic": "google",
	"service-tags": "servicetags", "azure": "servicetags",
	"plain": "names", "list": "names", "text": "names", "txt": "names", "domains": "names",
	"markdown": "ms-learn", "md": "ms-learn", "learn": "ms-learn", "microsoft": "ms-learn",
	"adblock": "adguard", "clash": "v2fly", "surge": "v2fly", "geosite": "v2fly", "bind": "rpz",
}

// checkFormat refuses what is no format, and says which one may have been meant; "" is
// none, which is fine.
func checkFormat(format string) error {
	have := importer.Formats()
	if format == "" || slices.Contains(have, format) {
		return nil
	}
	if near := cmp.Or(formatWords[strings.ToLower(format)], tomlfile.Nearest(format, have)); near != "" {
		return fmt.Errorf("no format %q; did you mean %q?", format, near)
	}
	return fmt.Errorf("no format %q; have %s", format, strings.Join(have, ", "))
}

// errFileURL is what is wrong with the URL of a file elsewhere.
var errFileURL = errors.New("no file of this machine; want file:///PATH, or the path alone")

// localName is the path of a file that is named by a URL; another name is as it was.
func localName(name string) (string, error) {
	if len(name) < len("file:") || !strings.EqualFold(name[:len("file:")], "file:") {
		return name, nil
	}
	u, err := url.Parse(name)
	if err != nil || !slices.Contains([]string{"", "localhost"}, u.Host) || len(u.Path) < len("/x") || u.Path[0] != '/' {
		return "", fmt.Errorf("%s: %w", printable(name), errFileURL)
	}
	return pathOf(u), nil
}

// pathOf is the path in the URL of a file; on Windows that of /C:/lists begins behind the
// slash.
func pathOf(u *url.URL) string {
	path := u.Path
	if runtime.GOOS == "windows" && len(path) > 2 && path[2] == ':' {
		path = path[1:]
	}
	return filepath.FromSlash(path)
}
