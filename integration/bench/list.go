//go:build linux

package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// listSize is how many names the list holds.
const listSize = 1_000_000

// A listFormat is how a server takes a list of names that do not exist.
type listFormat struct {
	File   string
	Header string
	Line   string // with %s for the name
}

// The formats of the list.
var (
	plainList   = listFormat{File: "list.txt", Line: "%s\n"}
	unboundList = listFormat{File: "list.unbound", Line: "local-zone: \"%s.\" always_nxdomain\n"}
	dnsmasqList = listFormat{File: "list.dnsmasq", Line: "local=/%s/\n"}
	rpzList     = listFormat{
		File:   "list.rpz",
		Header: "$TTL 60\n@ SOA localhost. nobody.localhost. 1 3600 600 86400 60\n@ NS localhost.\n",
		Line:   "%s CNAME .\n",
	}
)

// listed is the i-th name of the list: mostly registered names, and hosts below
// other such, in no order.
func listed(i int) string {
	// Multiplying by an odd number permutes the 32-bit numbers: no name twice.
	word := fmt.Sprintf("%08x", uint32(i)*2654435761)
	domain := fmt.Sprintf("t%s.%s", word, [...]string{"example", "example.com", "example.net", "example.org"}[i%4])
	switch i % 5 {
	case 0:
		return "ads." + domain
	case 1:
		return "metrics-" + word[6:] + "." + domain
	}
	return domain
}

// write writes the first n names of the list to a file in dir, unless it is there
// already, and returns its path.
func (f listFormat) write(dir string, n int) (string, error) {
	path := filepath.Join(dir, f.File)
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	out, err := os.Create(path)
	if err != nil {
		return "", err
	}
	w := bufio.NewWriterSize(out, 1<<20)
	_, _ = io.WriteString(w, f.Header) // Flush returns what went wrong
	for i := range n {
		fmt.Fprintf(w, f.Line, listed(i))
	}
	if err := w.Flush(); err != nil {
		out.Close()
		return "", fmt.Errorf("writing the list: %w", err)
	}
	return path, out.Close()
}
