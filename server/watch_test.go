package server_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestFollowsFiles changes the configuration in the ways that editors and
// configuration management do.
func TestFollowsFiles(t *testing.T) {
	t.Parallel()
	upstream := upstreamOf(t, mixed)
	for name, c := range map[string]struct {
		prepare, change func(t *testing.T, file, text string)
	}{
		"written in place": {write, write},
		"replaced": {write, func(t *testing.T, file, text string) {
			write(t, file+".new", text)
			rename(t, file+".new", file)
		}},
		"moved away, then written": {write, func(t *testing.T, file, text string) {
			rename(t, file, file+"~")
			write(t, file, text)
		}},
		"a link that is swapped": {linked("one.toml"), func(t *testing.T, file, text string) {
			dir := filepath.Dir(file)
			write(t, filepath.Join(dir, "two.toml"), text)
			link(t, "two.toml", file+".new")
			rename(t, file+".new", file)
		}},
		"a folder's link that is swapped": { // as in volumes of Kubernetes
			func(t *testing.T, file, text string) {
				dir := filepath.Dir(file)
				folder(t, filepath.Join(dir, "..one"), text)
				link(t, "..one", filepath.Join(dir, "..data"))
				link(t, "..data/config.toml", file)
			},
			func(t *testing.T, file, text string) {
				dir := filepath.Dir(file)
				folder(t, filepath.Join(dir, "..two"), text)
				link(t, "..two", filepath.Join(dir, "..new"))
				rename(t, filepath.Join(dir, "..new"), filepath.Join(dir, "..data"))
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "config.toml")
			c.prepare(t, file, runConfig(upstream, "observe", ""))
			r := start(t, file)
			if got := addresses(r.asks(t, "dual.example", "udp")); len(got) != 2 {
				t.Fatalf("at first: %v", got)
			}
			c.change(t, file, runConfig(upstream, "enforce", ""))
			r.hears(t, "reloaded: edition")
			if got := addresses(r.asks(t, "dual.example", "udp")); !slices.Equal(got, []string{"192.0.2.1"}) {
				t.Errorf("after the change: %v", got)
			}
		})
	}
}

// rename is os.Rename.
func rename(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}

// link makes a symbolic link.
func link(t *testing.T, target, at string) {
	t.Helper()
	if err := os.Symlink(target, at); err != nil {
		t.Fatal(err)
	}
}

// linked writes to target and makes the file a link to it.
func linked(target string) func(t *testing.T, file, text string) {
	return func(t *testing.T, file, text string) {
		write(t, filepath.Join(filepath.Dir(file), target), text)
		link(t, target, file)
	}
}

// folder makes a folder with a configuration in it.
func folder(t *testing.T, dir, text string) {
	t.Helper()
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "config.toml"), text)
}

// TestFollowsZoneFiles changes a file that the configuration names, in another
// folder.
func TestFollowsZoneFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	zone := filepath.Join(dir, "zones", "own.txt")
	if err := os.Mkdir(filepath.Dir(zone), 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, zone, "other.example\n")
	write(t, filepath.Join(dir, "config.toml"), runConfig(upstreamOf(t, mixed), "observe",
		"[zone.own]\nfile = \"zones/own.txt\"\nformat = \"list\"\n[rule.own]\nzones = [\"own\"]\nanswer = \"nxdomain\"\n"))
	r := start(t, filepath.Join(dir, "config.toml"))
	write(t, zone, "www.example\n")
	r.hears(t, "reloaded: edition")
	if m := r.asks(t, "www.example", "udp"); m.Rcode != 3 {
		t.Errorf("response %v, want NXDOMAIN", m)
	}
}

// TestSameContentIsNoReload touches the file, then really changes it: only that
// is a reload.
func TestSameContentIsNoReload(t *testing.T) {
	t.Parallel()
	upstream := upstreamOf(t, mixed)
	file := filepath.Join(t.TempDir(), "config.toml")
	write(t, file, runConfig(upstream, "observe", ""))
	r := start(t, file)
	<-r.loads // at the start
	write(t, file, runConfig(upstream, "observe", ""))
	<-r.loads // it was looked at
	write(t, file, runConfig(upstream, "enforce", ""))
	if said := r.hears(t, "reloaded: edition"); len(said) != 1+strings.Count(strings.Join(said, "\n"), "level=WARN") {
		t.Errorf("it said\n%s\nwant one reload", strings.Join(said, "\n"))
	}
}

// TestUnchangedFilesAreNotReadAgain holds that the files are read at the start and at
// each change, not to find out that nothing has changed: a list may be large.
func TestUnchangedFilesAreNotReadAgain(t *testing.T) {
	t.Parallel()
	upstream, dir := upstreamOf(t, mixed), t.TempDir()
	const list = "[zone.own]\nfile = \"own.txt\"\nformat = \"list\"\n[rule.own]\nzones = [\"own\"]\nlog = true\n"
	write(t, filepath.Join(dir, "own.txt"), "own.example\n")
	file := filepath.Join(dir, "config.toml")
	write(t, file, runConfig(upstream, "observe", ""))
	r := start(t, file)
	write(t, filepath.Join(dir, "beside.toml"), "of no concern")
	for i, text := range []string{runConfig(upstream, "enforce", ""), runConfig(upstream, "enforce", list), runConfig(upstream, "prefer", list)} {
		write(t, file, text)
		r.hears(t, "reloaded: edition")
		if loads, want := len(r.loads), 2+i; loads != want {
			t.Errorf("after change %d the configuration was read %d times, want %d", 1+i, loads, want)
		}
	}
}

// TestDeletedFile takes the file away, then brings it back changed.
func TestDeletedFile(t *testing.T) {
	t.Parallel()
	upstream := upstreamOf(t, mixed)
	file := filepath.Join(t.TempDir(), "config.toml")
	write(t, file, runConfig(upstream, "enforce", ""))
	r := start(t, file)
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	r.hears(t, "the old configuration stays in force")
	if got := addresses(r.asks(t, "dual.example", "udp")); !slices.Equal(got, []string{"192.0.2.1"}) {
		t.Errorf("%v, want the old configuration enforced", got)
	}
	write(t, file, runConfig(upstream, "observe", ""))
	r.hears(t, "reloaded: edition")
}

// TestBadFileIsRefused writes a bad file, then a good one.
func TestBadFileIsRefused(t *testing.T) {
	t.Parallel()
	upstream := upstreamOf(t, mixed)
	file := filepath.Join(t.TempDir(), "config.toml")
	write(t, file, runConfig(upstream, "enforce", ""))
	r := start(t, file)
	write(t, file, "\n[rule.held]\npin = \"loose\"\n")
	said := strings.Join(r.hears(t, "the old configuration stays in force"), "\n")
	if !strings.Contains(said, file+":3: rule.held.pin") {
		t.Errorf("it said\n%s\nwant the problem with its line", said)
	}
	if got := addresses(r.asks(t, "dual.example", "udp")); !slices.Equal(got, []string{"192.0.2.1"}) {
		t.Errorf("%v, want the old configuration enforced", got)
	}
	write(t, file, runConfig(upstream, "observe", ""))
	r.hears(t, "reloaded: edition")
	if got := addresses(r.asks(t, "dual.example", "udp")); len(got) != 2 {
		t.Errorf("%v after the repair", got)
	}
}

// TestRepairedZoneFile names a zone file that cannot be used in a reload, then
// repairs that file only.
func TestRepairedZoneFile(t *testing.T) {
	t.Parallel()
	const list = "[zone.own]\nfile = \"lists/new/own.txt\"\nformat = \"list\"\n[rule.own]\nzones = [\"own\"]\nanswer = \"nxdomain\"\n"
	for name, broken := range map[string]func(t *testing.T, file string){
		"missing":             func(t *testing.T, file string) { mkdir(t, filepath.Dir(file)) },
		"in a missing folder": func(*testing.T, string) {},
		"wrong": func(t *testing.T, file string) {
			mkdir(t, filepath.Dir(file))
			write(t, file, "www..example\n")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			upstream, dir := upstreamOf(t, mixed), t.TempDir()
			file, zone := filepath.Join(dir, "config.toml"), filepath.Join(dir, "lists", "new", "own.txt")
			write(t, file, runConfig(upstream, "observe", ""))
			broken(t, zone)
			r := start(t, file)
			write(t, file, runConfig(upstream, "observe", list))
			r.hears(t, "reload refused")
			mkdir(t, filepath.Dir(zone))
			write(t, zone, "www.example\n")
			said := r.hears(t, "reloaded: edition")
			if strings.Contains(strings.Join(said, "\n"), "reload refused") {
				t.Errorf("it said again\n%s", strings.Join(said, "\n"))
			}
			if m := r.asks(t, "www.example", "udp"); m.Rcode != 3 {
				t.Errorf("response %v, want NXDOMAIN", m)
			}
		})
	}
}

// mkdir makes a folder and those around it.
func mkdir(t *testing.T, path string) {
	t.Helper()
	if err := os.MkdirAll(path, 0o700); err != nil {
		t.Fatal(err)
	}
}

// TestRevertedFile holds that taking a refused configuration back is said, and said
// once.
func TestRevertedFile(t *testing.T) {
	t.Parallel()
	good := runConfig(upstreamOf(t, mixed), "enforce", "")
	file := filepath.Join(t.TempDir(), "config.toml")
	write(t, file, good)
	r := start(t, file)
	write(t, file, "[rule.held]\npin = \"loose\"\n")
	r.hears(t, "reload refused")
	write(t, file, good)
	r.hears(t, "is again the one in force")
	for len(r.loads) > 0 {
		<-r.loads
	}
	write(t, file, good)
	<-r.loads // it was looked at
	write(t, file, strings.Replace(good, "enforce", "observe", 1))
	if said := strings.Join(r.hears(t, "reloaded: edition"), "\n"); strings.Contains(said, "again the one in force") || strings.Contains(said, "refused") {
		t.Errorf("it said again\n%s", said)
	}
}

// TestReloadRefusesWhatItListensOn makes the server its own upstream by an address
// that only the sockets know.
func TestReloadRefusesWhatItListensOn(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "config.toml")
	write(t, file, runConfig(upstreamOf(t, mixed), "enforce", ""))
	r := start(t, file)
	write(t, file, runConfig(r.Addrs()[0], "observe", ""))
	r.hears(t, "is this server itself")
	if got := addresses(r.asks(t, "dual.example", "udp")); !slices.Equal(got, []string{"192.0.2.1"}) {
		t.Errorf("%v, want the old configuration enforced", got)
	}
}
