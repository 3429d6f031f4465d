package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"

	"github.com/spf13/cobra"
)

// queryLogs are query logs that are being read, with a bar that shows how far that is.
type queryLogs struct {
	names   []string
	readers []io.Reader
	// progress shows how many entries have been read; it does nothing where nobody looks.
	progress func(entries int64)

	files []*os.File
	bar   *progressBar // nil: none
}

// logsFlag adds the flags of whoever reads query logs.
func logsFlag(c *cobra.Command, names *[]string, progress *bool, usage string) {
	c.Flags().StringArrayVar(names, "log", nil, usage)
	c.Flags().BoolVar(progress, "progress", false, "show the progress although standard error is no terminal")
}

// openLogs opens query logs; "-" is standard input. The bar is shown on a terminal, or always. The caller closes them.
func openLogs(c *cobra.Command, names []string, always bool) (*queryLogs, error) {
	l := &queryLogs{names: names, progress: func(int64) {}}
	var total int64
	read := new(atomic.Int64)
	for _, name := range names {
		in, size, err := l.open(c.InOrStdin(), name)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("reading the query log: %w", err), l.close())
		}
		total += size
		l.readers = append(l.readers, &countingReader{in, read})
	}
	if stderr := c.ErrOrStderr(); always || isTerminal(stderr) {
		l.bar = &progressBar{w: stderr, total: total, read: read}
		l.progress = l.bar.show
	}
	return l, nil
}

// open opens one log, and says how large it is, 0 where that is not known.
func (l *queryLogs) open(stdin io.Reader, name string) (in io.Reader, size int64, err error) {
	if name == "-" {
		return stdin, 0, nil
	}
	file, err := os.Open(name)
	if err != nil {
		return nil, 0, err
	}
	l.files = append(l.files, file)
	info, err := file.Stat()
	if err == nil && info.IsDir() {
		err = fmt.Errorf("%s is a directory", name)
	}
	if err != nil {
		return nil, 0, err
	}
	return file, info.Size(), nil
}

// close closes the logs and takes the bar away.
func (l *queryLogs) close() error {
	if l.bar != nil {
		l.bar.clear()
	}
	var err error
	for _, f := range l.files {
		err = errors.Join(err, f.Close())
	}
	return err
}
