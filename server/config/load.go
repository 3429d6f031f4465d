package config

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"splitdns/matcher"
	"splitdns/server/policy"
	"splitdns/zones"
	"splitdns/zones/tomlfile"
)

// Default is the configuration without a file.
func Default() *Config {
	cfg, problems := Parse("", nil)
	if cfg == nil {
		panic("config: the defaults have problems:\n" + problems.String())
	}
	return cfg
}

// Load reads the configuration file at path, and the zone files that it names.
// The Config is nil where any problem is more than a warning.
func Load(path string) (*Config, tomlfile.Problems) {
	cfg, _, problems := LoadFiles(path)
	return cfg, problems
}

// LoadEdition is Load with another bundled edition than the file says, unless edition is "".
// Without a path it gives the defaults.
func LoadEdition(path, edition string) (*Config, tomlfile.Problems) {
	switch {
	case path == "":
		cfg, _, problems := parse("", nil, instead{edition: edition})
		return cfg, problems
	case edition == "":
		return Load(path)
	}
	data, err := readFile(path, tomlfile.MaxSize)
	if err != nil {
		return nil, tomlfile.Problems{{File: path, Text: err.Error()}}
	}
	cfg, _, problems := parse(path, data, instead{edition: edition})
	return cfg, problems
}

// LoadFiles is Load for whoever waits for the files to change. It gives every file
// that it read or tried to read, without a Config too: the repair of a missing or
// broken file may be all that is needed.
func LoadFiles(path string) (cfg *Config, files []File, problems tomlfile.Problems) {
	return LoadCandidate(path, "")
}

// LoadCandidate is LoadFiles with the candidate for the copy of a zone in the place of the copy that is in force; see
// package feed.
func LoadCandidate(path, zone string) (cfg *Config, files []File, problems tomlfile.Problems) {
	own := Stat(path)
	data, err := readFile(path, tomlfile.MaxSize)
	if err != nil {
		return nil, []File{own}, tomlfile.Problems{{File: path, Text: err.Error()}}
	}
	cfg, files, problems = parse(path, data, instead{candidate: zone})
	files = slices.DeleteFunc(files, func(f File) bool { return f.Path == own.Path })
	return cfg, slices.Insert(files, 0, own), problems
}

// A File is a file as it was at some time. Files are comparable: whoever finds the same
// again need not read it again. One that was put in its place with the same size and time
// passes for the same.
type File struct {
	Path     string // absolute
	Size     int64
	Modified int64 // in nanoseconds; 0 where there was no such file
}

// Stat gives the file at path as it is now, without reading it.
func Stat(path string) File {
	f := File{Path: absolute(path)}
	if info, err := os.Stat(path); err == nil {
		f.Size, f.Modified = info.Size(), info.ModTime().UnixNano()
	}
	return f
}

// Parse is Load for a configuration whose content is given. Path is what
// problems say and what relative paths are relative to; it may be empty.
func Parse(path string, data []byte) (*Config, tomlfile.Problems) {
	cfg, _, problems := parse(path, data, instead{})
	return cfg, problems
}

// instead is what is read in the place of what would be. The zero value is nothing.
type instead struct {
	edition   string // the bundled edition, whatever the file says
	candidate string // the zone whose candidate is read in the place of its copy; see package feed
}

// parse is Parse with something else in its place, and gives the zone files that were tried.
func parse(path string, data []byte, other instead) (cfg *Config, files []File, problems tomlfile.Problems) {
	file, ok := tomlfile.Parse(path, data, schema)
	if !ok {
		return nil, nil, file.Problems()
	}
	l := &loader{
		cfg: &Config{Path: path}, file: file, dir: filepath.Dir(path), digest: sha256.New(), instead: other,
		said: make(map[tomlfile.Problem]bool), elsewhere: make(map[string][]string),
		localPaths: make(map[string]string), sets: make(map[policy.Set]bool), takeable: make(map[*zones.Zone][]takeable),
	}
	l.hash(data)
	l.load()
	if path != "" && file.Empty() {
		file.Root().Warn("", "empty: every key has its default")
	}
	problems = slices.Concat(file.Problems(), l.others)
	problems.Sort(append([]string{path}, l.order...)...)
	if problems.Errors() {
		return nil, l.files, problems
	}
	l.cfg.Digest = hex.EncodeToString(l.digest.Sum(nil)[:4])
	return l.cfg, l.files, problems
}

// loader turns the tables of a file into a Config. Each of its steps may use
// what the steps before it made.
type loader struct {
	cfg     *Config
	file    *tomlfile.File
	dir     string // that relative paths are relative to
	digest  hash.Hash
	instead instead
	files   []File            // of the zones and the certificate, as they were before they were read
	others  tomlfile.Problems // of the zone files
	order   []string          // of the zone files, as problems name them

	said     map[tomlfile.Problem]bool // what is in others: zones may have the same file
	octets   int64                     // of all zone files
	patterns int                       // of all zone files

	zones     nameSet
	upstreams nameSet
	clients   nameSet
	elsewhere map[string][]string // the editions that have a zone
	own       []*zones.Zone       // those of [zone.NAME]

	sets       map[policy.Set]bool // that the rules so far name
	localPaths map[string]string   // the files of the local zones, by the names of their tables

	effort   effort                     // spent on looking for what is to be warned of
	known    []classOf                  // once a rule needed it
	ranged   []rangedZone               // likewise
	pinnable []matcher.Pattern          // of the loaded zones, those with ranges; made with ranged
	takeable map[*zones.Zone][]takeable // of the zones that rules with sets take
}

// load takes the steps. Their order matters: upstreams are held against the
// addresses that we listen on, and rules name all the rest.
func (l *loader) load() {
	l.server()
	l.tls()
	l.cache()
	l.http()
	l.log()
	l.upstreamGroups()
	l.clientGroups()
	l.edition()
	l.ownZones()
	l.localZones()
	l.rules()
	l.shadow()
	l.tests()
}

// hash adds content to the digest. Its length goes first, so that two contents
// are not taken for one.
func (l *loader) hash(data []byte) {
	l.digest.Write(binary.BigEndian.AppendUint64(nil, uint64(len(data))))
	l.digest.Write(data)
}

// resolve gives a path in the file as one that can be opened.
func (l *loader) resolve(path string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(l.dir, path)
}

// absolute gives the absolute form of a path, or the path itself where the
// working directory cannot be told.
func absolute(path string) string {
	abs, err := filepath.Abs(path)
	if err != nil {
		return path
	}
	return abs
}

// What is no file to be read.
var (
	errDirectory  = errors.New("is a directory")
	errNotRegular = errors.New("not a regular file")
)

// readFile reads a file of at most limit octets, and one octet more where it is
// larger, so that its parser sees and says that. Its errors do not name the file.
func readFile(path string, limit int64) ([]byte, error) {
	f, _, err := openFile(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	return data, reason(err)
}

// openFile opens a file to read it, and says how large it is. Its errors do not name the
// file. What is not a regular file is refused: reading a named pipe or a device may never end.
func openFile(path string) (f *os.File, size int64, err error) {
	if f, err = os.OpenFile(path, openFlags, 0); err != nil {
		return nil, 0, reason(err)
	}
	info, err := f.Stat()
	switch {
	case err != nil:
		err = reason(err)
	case info.IsDir():
		err = errDirectory
	case !info.Mode().IsRegular():
		err = errNotRegular
	default:
		return f, info.Size(), nil
	}
	f.Close()
	return nil, 0, err
}

// reason gives what the system said, without the path.
func reason(err error) error {
	if pe, ok := errors.AsType[*fs.PathError](err); ok {
		return pe.Err
	}
	return err
}
