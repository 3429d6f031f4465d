package config

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"splitdns/zones/tomlfile"
)

// folder records that the folder of path, which text names, is not there: nothing can be made in it at the start.
// Service managers make folders in /run and /var/log for the service that they start, so that is a warning there.
func folder(text tomlfile.Text, path string) {
	dir := filepath.Dir(path)
	info, err := os.Stat(dir)
	switch {
	case err == nil && info.IsDir():
	case err == nil:
		text.Problem("%q: %s is no folder; give a path in one", text.Value, dir)
	case os.IsNotExist(err) && madeAtStart(dir):
		text.Warn("%q: there is no folder %s: make it, or have the service manager do so, as systemd with RuntimeDirectory= or LogsDirectory=", text.Value, dir)
	case os.IsNotExist(err):
		text.Problem("%q: there is no folder %s; make it, or give a path in another", text.Value, dir)
	case !os.IsPermission(err): // who checks may not look everywhere where the server may
		text.Problem("%q: %v; give a path in another folder", text.Value, fmt.Errorf("%s: %w", dir, reason(err)))
	}
}

// madeAtStart says whether dir is one that service managers make.
func madeAtStart(dir string) bool {
	return strings.HasPrefix(dir, "/run/") || strings.HasPrefix(dir, "/var/log/")
}
