package querylog

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
)

// BlockSize is how many octets of a log are read at a time, and the longest line that is read.
const BlockSize = 1 << 20

// ErrLongLine is a line that does not fit into a block.
var ErrLongLine = fmt.Errorf("a line of more than %d octets", BlockSize)

// A Block is whole lines of a log, the last of which may have no end.
type Block struct {
	First int64 // the number of the first line, from 1
	Lines int64 // ends of lines
	Data  []byte
}

// Blocks cuts a log into blocks. It is for one goroutine.
type Blocks struct {
	text  io.Reader
	line  int64  // the number of the next
	rest  []byte // read already
	ended bool
}

// NewBlocks returns what cuts r: the text of a log, or the text compressed by gzip
// (RFC 1952, section 2.3.1).
func NewBlocks(r io.Reader) (*Blocks, error) {
	b := &Blocks{text: bufio.NewReaderSize(r, BlockSize), line: 1}
	if magic, err := b.text.(*bufio.Reader).Peek(2); err != nil || !bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		return b, nil // what is wrong with r is found when it is read
	}
	var err error
	b.text, err = gzip.NewReader(b.text)
	return b, err
}

// Next reads a block into buf, which has room for BlockSize octets and is the caller's again with the block. The
// error is [io.EOF] behind the last block. It is [ErrLongLine] where the line that is the block's First is
// skipped; reading goes on behind it.
func (b *Blocks) Next(buf []byte) (Block, error) {
	if b.ended {
		return Block{}, io.EOF
	}
	data := append(buf[:0], b.rest...)
	n, err := fill(b.text, data[len(data):BlockSize])
	data = data[:len(data)+n]
	if b.ended = errors.Is(err, io.EOF); err != nil && !b.ended {
		return Block{}, err
	}
	end := bytes.LastIndexByte(data, '\n') + 1
	switch {
	case b.ended:
		end = len(data)
	case end == 0:
		return b.skip()
	}
	b.rest = append(b.rest[:0], data[end:]...)
	block := Block{First: b.line, Data: data[:end]}
	block.Lines = int64(bytes.Count(block.Data, []byte("\n")))
	b.line += block.Lines
	return block, nil
}

// fill reads until buf is full, or there is an error. [io.ReadFull] does not tell the end of r from that of a gzip
// file that was cut off.
func fill(r io.Reader, buf []byte) (n int, err error) {
	for n < len(buf) && err == nil {
		var more int
		more, err = r.Read(buf[n:])
		n += more
	}
	return n, err
}

// skip reads to the end of the line that is too long.
func (b *Blocks) skip() (Block, error) {
	block := Block{First: b.line, Lines: 1}
	b.line++
	buf := make([]byte, 64<<10)
	for {
		n, err := b.text.Read(buf)
		if i := bytes.IndexByte(buf[:n], '\n'); i >= 0 {
			b.rest = append(b.rest[:0], buf[i+1:n]...)
			return block, ErrLongLine
		}
		if b.ended = errors.Is(err, io.EOF); b.ended {
			return block, ErrLongLine
		}
		if err != nil {
			return block, err
		}
	}
}
