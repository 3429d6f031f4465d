package config

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"splitdns/server/internal/feed"
	"splitdns/zones"
	"splitdns/zones/tomlfile"
)

// Defaults of a subscription.
const (
	defaultEvery       = 24 * time.Hour
	defaultRemoveAfter = 30 * 24 * time.Hour // the notice that vendors usually give
	defaultMaxLoss     = 20                  // percent
)

// Bounds of a subscription.
const (
	minEvery  = time.Minute
	maxEvery  = 30 * 24 * time.Hour
	maxKeep   = 365 * 24 * time.Hour
	maxShadow = 90 * 24 * time.Hour
	maxURL    = 2048 // octets
)

// exampleState is a good folder for what is to survive a restart.
const exampleState = "/var/lib/splitdns"

// state reads server.state. The folder itself is made by the server when it needs it.
func (l *loader) state(t *tomlfile.Table) string {
	text, ok := t.Text("state")
	if !ok || text.Value == "" {
		return ""
	}
	path := absolute(l.resolve(text.Value))
	switch info, err := os.Stat(path); {
	case err == nil && !info.IsDir():
		text.Problem("%q: is no folder; give a folder of the server's own, such as %q", text.Value, exampleState)
	case err == nil && info.Mode().Perm()&0o002 != 0 && runtime.GOOS != "windows": // there the bits say nothing
		text.Problem("%q: everybody may write there, and so put lists in force; give a folder of the server's own, such as %q, or: chmod o-w %s", text.Value, exampleState, path)
	case errors.Is(err, fs.ErrNotExist):
		stateParent(text, path)
	}
	return path
}

// stateParent warns where the folder is not there, nor the one around it: the server would make both.
func stateParent(text tomlfile.Text, path string) {
	if parent := filepath.Dir(path); Stat(parent).Modified == 0 {
		text.Warn("%q: there is no folder %s; the server tries to make it, or the service manager does, as systemd with StateDirectory=", text.Value, parent)
	}
}

// subscribe reads a zone that is published somewhere, and the copy of it on disk. Until there is one, the
// bundled zone of the same name stays, or the zone has no rows.
func (l *loader) subscribe(t *tomlfile.Table) {
	before := l.file.Failed()
	s := feed.Subscription{
		Zone: t.Name(), URLs: l.urls(t), Format: feedFormat(t),
		Every:       t.Duration("every", defaultEvery, minEvery, maxEvery),
		RemoveAfter: t.Duration("remove_after", defaultRemoveAfter, 0, maxKeep),
		Shadow:      t.Duration("shadow", 0, 0, maxShadow),
		MaxLoss:     t.Int("max_loss", defaultMaxLoss, 0, 100),
		Bundled:     l.zones.has[t.Name()],
	}
	for _, key := range []string{"names", "prefixes", "ports", "file"} {
		if t.Has(key) {
			t.Problem(key, "the zone is at a url; leave out one of the two")
		}
	}
	if !l.file.Table("server").Has("state") {
		t.Problem("url", "the last good copy is kept on disk: give [server] state = %q, a folder of the server's own", exampleState)
	}
	if !s.Bundled {
		l.zones.add(t.Name())
	}
	z := l.unfetched(s)
	if l.file.Failed() == before && l.cfg.Server.State != "" && zones.CheckName(s.Zone) == nil {
		l.cfg.Feeds = append(l.cfg.Feeds, s)
		if z = l.inForce(t, s); z == nil {
			return
		}
	}
	l.cfg.Zones = slices.DeleteFunc(l.cfg.Zones, func(have *zones.Zone) bool { return have.Name == t.Name() })
	l.cfg.Zones = append(l.cfg.Zones, z)
	l.own = append(l.own, z)
}

// unfetched is the zone of a subscription without a copy: it has no rows.
func (l *loader) unfetched(s feed.Subscription) *zones.Zone {
	return &zones.Zone{Name: s.Zone, File: l.cfg.Path, Title: "not fetched yet"}
}

// inForce is the zone of a subscription; nil where the bundled one stays.
func (l *loader) inForce(t *tomlfile.Table, s feed.Subscription) *zones.Zone {
	if z := l.copyOf(t, s); z != nil {
		return z
	}
	l.cfg.Missing = append(l.cfg.Missing, s.Zone)
	if s.Bundled {
		return nil
	}
	return l.unfetched(s)
}

// withoutURL records keys of subscriptions where there is none.
func (l *loader) withoutURL(t *tomlfile.Table) {
	for _, key := range []string{"every", "remove_after", "max_loss", "shadow"} {
		if t.Has(key) {
			t.Problem(key, "stands without a url")
		}
	}
}

// feedFormat reads as what the documents of a subscription are read; "" is found out.
func feedFormat(t *tomlfile.Table) string {
	if !t.Has("format") {
		return ""
	}
	before := feed.Formats()
	return before[t.OneOf("format", before...)]
}

// urls reads where a zone is published. Files have their absolute paths.
func (l *loader) urls(t *tomlfile.Table) []string {
	texts := t.TextOrTexts("url")
	if len(texts) > feed.MaxURLs {
		t.Problem("url", "more than %d", feed.MaxURLs)
		return nil
	}
	var all []string
	for _, text := range texts {
		address, err := l.address(text)
		if err == nil && slices.Contains(all, address) {
			err = fmt.Errorf("%q stands there twice", text.Value)
		}
		if err != nil {
			text.Problem("%v", err)
			continue
		}
		all = append(all, address)
	}
	return all
}

// address reads a URL, or the path of a file.
func (l *loader) address(text tomlfile.Text) (string, error) {
	value := text.Value
	switch {
	case value == "":
		return "", errors.New("empty: want a URL, or the path of a file")
	case len(value) > maxURL:
		return "", fmt.Errorf("longer than %d octets", maxURL)
	case !strings.Contains(value, "://"):
		return absolute(l.resolve(value)), nil
	}
	u, err := url.Parse(value)
	if err != nil {
		return "", fmt.Errorf("%q: no URL", feed.Shown(value))
	}
	switch u.Scheme {
	case "file":
		if u.Host != "" && u.Host != "localhost" || !filepath.IsAbs(u.Path) {
			return "", fmt.Errorf("%q: want an absolute path behind file://", value)
		}
		return filepath.Clean(u.Path), nil
	case "https", "http":
		return value, checkURL(text, u)
	}
	return "", fmt.Errorf("%q: want https://, http://, file:// or a path", u.Redacted())
}

// checkURL says what is wrong with a URL of HTTP.
func checkURL(text tomlfile.Text, u *url.URL) error {
	switch {
	case u.Host == "":
		return fmt.Errorf("%q: without a host", u.Redacted())
	case u.Fragment != "":
		return fmt.Errorf("%q: leave out what stands behind #: it is not sent", u.Redacted())
	case u.Scheme == "http" && !isLoopbackHost(u.Hostname()):
		text.Warn("%q: anybody on the way can change what comes over HTTP; https:// is verified", u.Redacted())
	}
	return nil
}

// isLoopbackHost says whether what is asked of host stays on this machine.
func isLoopbackHost(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}

// copyOf reads the copy of a subscription on disk; nil where there is none that can be used. Only a candidate has
// problems for that: the server must start with what is there. What it should be told besides are warnings.
func (l *loader) copyOf(t *tomlfile.Table, s feed.Subscription) *zones.Zone {
	isCandidate := s.Zone == l.instead.candidate
	found, err := feed.Open(l.cfg.Server.State, s.Zone, isCandidate)
	if found.Damage != "" {
		t.Warn("url", "%s; the copy before it, of %s, is in force until it has been fetched again", found.Damage, found.Fetched.UTC().Format(time.DateTime))
	}
	var z *zones.Zone
	if err == nil {
		if z, err = found.ReadZone(); err == nil {
			err = l.count(s, found.Copy, z)
		}
	}
	switch {
	case err == nil:
		l.hash(found.Digest())
		if s.Bundled {
			t.Warn("", "replaces the bundled zone of this name, with all its rows")
		}
		l.pending(s)
		return z
	case isCandidate:
		t.Problem("url", "%v", err)
	case errors.Is(err, fs.ErrPermission): // who checks may not look everywhere where the server may
		t.Warn("url", "%v: what is in force cannot be told; look as the user that the server runs as", err)
	case !errors.Is(err, fs.ErrNotExist):
		t.Warn("url", "%v; %s until it has been fetched again", err, meanwhile(s))
	}
	l.pending(s)
	return nil
}

// meanwhile says what is in force where there is no copy.
func meanwhile(s feed.Subscription) string {
	if s.Bundled {
		return "the bundled zone is in force"
	}
	return "the zone has no rows"
}

// count counts a copy among what all zones may take up.
func (l *loader) count(s feed.Subscription, c *feed.Copy, z *zones.Zone) error {
	if err := l.addOctets(s.URLs[0], c.Octets()); err != nil {
		return err
	}
	return l.addPatterns(s.URLs[0], z)
}

// pending reads the copy of a subscription that waits in the shadow, if there is one. It is good, or
// would not wait; one that cannot be read the server drops.
func (l *loader) pending(s feed.Subscription) {
	c, err := feed.OpenPending(l.cfg.Server.State, s.Zone)
	if err != nil {
		return
	}
	if z, err := c.ReadZone(); err == nil && l.count(s, c, z) == nil {
		l.hash(c.Digest())
		l.cfg.Pending = append(l.cfg.Pending, z)
	}
}
