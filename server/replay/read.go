package replay

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
)

// blockSize is how many octets are taken apart at a time, and the longest line that is read.
const blockSize = 1 << 20

// block is whole lines of a log.
type block struct {
	log  string
	line int64 // the number of the first, from 1
	data []byte
}

// reader cuts logs into blocks.
type reader struct {
	blocks   chan<- block
	free     chan []byte // buffers that are done with, empty
	room     int         // how many buffers may be made
	progress func(entries int64)
	tally    *tally // of lines that are in no block
	lines    int64  // of all logs so far
}

// all reads logs one after the other.
func (r *reader) all(ctx context.Context, logs []Log) error {
	for _, l := range logs {
		text, err := plain(l.Reader)
		if err == nil {
			err = r.log(ctx, l.Name, text)
		}
		if err != nil {
			return fmt.Errorf("reading %s: %w", l.Name, err)
		}
	}
	return nil
}

// plain is the text of what r gives, which may be compressed by gzip (RFC 1952, section 2.3.1).
func plain(r io.Reader) (io.Reader, error) {
	b := bufio.NewReaderSize(r, blockSize)
	if magic, err := b.Peek(2); err != nil || !bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		return b, nil // what is wrong with r is found when it is read
	}
	return gzip.NewReader(b)
}

// buffer gives an empty buffer of blockSize.
func (r *reader) buffer() []byte {
	if r.room > 0 {
		r.room--
		return make([]byte, 0, blockSize)
	}
	return <-r.free
}

// log reads one log.
func (r *reader) log(ctx context.Context, name string, text io.Reader) error {
	line, rest := int64(1), []byte(nil)
	for {
		b := block{log: name, line: line, data: append(r.buffer(), rest...)}
		n, err := io.ReadFull(text, b.data[len(b.data):blockSize])
		b.data = b.data[:len(b.data)+n]
		ended := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
		if err != nil && !ended {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		end := bytes.LastIndexByte(b.data, '\n') + 1
		switch {
		case ended:
			end = len(b.data)
		case end == 0:
			r.tally.unreadable(name, line, errTooLong)
			r.free <- b.data[:0]
			if rest, err = skipLine(text); err != nil {
				return err
			}
			line++
			continue
		}
		rest = bytes.Clone(b.data[end:])
		b.data = b.data[:end]
		line += int64(bytes.Count(b.data, []byte("\n")))
		r.send(b, line)
		if ended {
			return nil
		}
	}
}

// errTooLong is a line that does not fit into a block.
var errTooLong = fmt.Errorf("a line of more than %d octets", blockSize)

// send hands on a block, behind which the log has the given line.
func (r *reader) send(b block, next int64) {
	r.lines += next - b.line
	r.blocks <- b
	if r.progress != nil {
		r.progress(r.lines)
	}
}

// skipLine reads to the end of a line, and gives what it has read behind that.
func skipLine(text io.Reader) (rest []byte, err error) {
	buf := make([]byte, 64<<10)
	for {
		n, err := text.Read(buf)
		if i := bytes.IndexByte(buf[:n], '\n'); i >= 0 {
			return buf[i+1 : n], nil
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil, nil
		case err != nil:
			return nil, err
		}
	}
}
