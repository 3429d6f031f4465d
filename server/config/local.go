package config

import (
	"fmt"

	"splitdns/matcher"
	"splitdns/server/internal/localzone"
	"splitdns/zones/tomlfile"
)

// maxLocals is how many local zones there may be.
const maxLocals = 4096

// localZones reads every [local.NAME], with its file.
func (l *loader) localZones() {
	var zones []*localzone.Zone
	var hosts []*localzone.Hosts
	by := make(map[matcher.Name]*tomlfile.Table)
	for _, t := range l.named("local", maxLocals) {
		checkName(t)
		before := l.file.Failed()
		isHosts := t.OneOf("format", "zone", "hosts") == 1
		if l.file.Failed() > before {
			continue // what its other keys should be is not known
		}
		if isHosts {
			if h := l.hostsFile(t); h != nil {
				hosts = append(hosts, h)
			}
			continue
		}
		origin, ok := localOrigin(t)
		if !ok {
			continue
		}
		if other := by[origin]; other != nil {
			t.Problem("zone", "%q is the zone of local.%s%s too; put the records into one file", origin, other.Name(), onLine(other.LineOf("zone")))
			continue
		}
		by[origin] = t
		if z := l.masterFile(t, origin); z != nil {
			zones = append(zones, z)
		}
	}
	if len(zones)+len(hosts) > 0 {
		l.cfg.Local = localzone.NewSet(zones, hosts)
	}
}

// localOrigin reads what a zone file is about.
func localOrigin(t *tomlfile.Table) (origin matcher.Name, ok bool) {
	text, ok := t.Text("zone")
	if !ok {
		if !t.Has("zone") {
			t.Problem("", `a zone file needs the name of its zone, such as zone = "corp.example"; for a hosts file, format = "hosts"`)
		}
		return origin, false
	}
	origin, err := matcher.ParseName(text.Value)
	if err == nil && origin.String() == "." {
		err = fmt.Errorf("%q: the root is no local zone", text.Value)
	}
	if err != nil {
		text.Problem("%v", err)
	}
	return origin, err == nil
}

// masterFile reads a zone file, or gives nil where it has problems.
func (l *loader) masterFile(t *tomlfile.Table, origin matcher.Name) *localzone.Zone {
	path, data, ok := l.localFile(t)
	if !ok {
		return nil
	}
	l.localPaths[t.Name()] = path
	z, problems := localzone.ParseZone(t.Name(), path, origin, data)
	l.addOthers(path, problems)
	return z
}

// hostsFile reads a hosts file, or gives nil where it has problems.
func (l *loader) hostsFile(t *tomlfile.Table) *localzone.Hosts {
	if t.Has("zone") {
		t.Problem("zone", "stands for a hosts file, which has whole names; leave it out")
	}
	path, data, ok := l.localFile(t)
	if !ok {
		return nil
	}
	h, problems := localzone.ParseHosts(t.Name(), path, data)
	l.addOthers(path, problems)
	return h
}

// localFile reads the file of a local zone.
func (l *loader) localFile(t *tomlfile.Table) (path string, data []byte, ok bool) {
	text, ok := t.Text("file")
	if !ok {
		if !t.Has("file") {
			t.Problem("", "a local zone needs a file")
		}
		return "", nil, false
	}
	path = l.resolve(text.Value)
	l.tried(path)
	data, err := readFile(path, localzone.MaxSize)
	switch {
	case err != nil:
		err = fmt.Errorf("reading %s: %w", path, err)
	case len(data) > localzone.MaxSize:
		err = fmt.Errorf("%s is larger than %d MiB", path, localzone.MaxSize>>20)
	default:
		err = l.addOctets(path, int64(len(data)))
	}
	if err != nil {
		text.Problem("%v", err)
		return "", nil, false
	}
	l.hash(data)
	return path, data, true
}

// addOthers keeps the problems of the file at path, those of a file that was read before once.
func (l *loader) addOthers(path string, problems tomlfile.Problems) {
	for _, p := range problems {
		if !l.said[p] {
			l.others.Add(p)
		}
		l.said[p] = true
	}
	l.order = append(l.order, path)
}
