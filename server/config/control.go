package config

import (
	"fmt"
	"path/filepath"

	"splitdns/zones/tomlfile"
)

// maxControl is the longest path of a control socket, in octets: on Linux the system has room
// for 108, the last of which is no part of the path.
const maxControl = 107

// control reads server.control.
func (l *loader) control(t *tomlfile.Table) string {
	text, ok := t.Text("control")
	if !ok || text.Value == "" {
		return ""
	}
	path, err := ParseControl(l.resolve(text.Value))
	if err != nil {
		text.Problem("%v", err)
	}
	return path
}

// ParseControl gives the absolute path of a control socket.
func ParseControl(path string) (string, error) {
	path = absolute(path)
	if len(path) > maxControl {
		return "", fmt.Errorf("%q: %d octets, and a socket's path has %d at most; give a shorter one, such as \"/run/splitdns/control.sock\"",
			path, len(path), maxControl)
	}
	return path, nil
}

// LoadControl reads where the control socket is from the file at path, and nothing else: who
// wants to ask a server about its configuration may have one with problems. The path is "" where
// the file says nothing, and where it cannot be read; then there are problems.
func LoadControl(path string) (string, tomlfile.Problems) {
	data, err := readFile(path, tomlfile.MaxSize)
	if err != nil {
		return "", tomlfile.Problems{{File: path, Text: err.Error()}}
	}
	file, ok := tomlfile.Parse(path, data, schema)
	if !ok {
		return "", file.Problems()
	}
	before := file.Failed()
	l := &loader{cfg: &Config{}, file: file, dir: filepath.Dir(path)}
	control := l.control(file.Table("server"))
	if file.Failed() > before {
		return "", file.Problems()
	}
	return control, nil
}

// WithControl returns c with its control socket at path; none if that is "".
func (c Config) WithControl(path string) *Config {
	c.Server.Control = path
	return &c
}
