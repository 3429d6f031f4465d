package replay

import (
	"context"
	"errors"
	"fmt"
	"io"

	"splitdns/server/internal/querylog"
)

// block is a block of a log.
type block struct {
	querylog.Block
	log string
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
		if err := r.log(ctx, l); err != nil {
			return fmt.Errorf("reading %s: %w", l.Name, err)
		}
	}
	return nil
}

// buffer gives an empty buffer.
func (r *reader) buffer() []byte {
	if r.room > 0 {
		r.room--
		return make([]byte, 0, querylog.BlockSize)
	}
	return <-r.free
}

// log reads one log.
func (r *reader) log(ctx context.Context, l Log) error {
	in, err := querylog.NewBlocks(l.Reader)
	for err == nil {
		if err = ctx.Err(); err == nil {
			err = r.next(in, l.Name)
		}
	}
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// next hands on the next block of a log.
func (r *reader) next(in *querylog.Blocks, log string) error {
	buf := r.buffer()
	b, err := in.Next(buf)
	switch {
	case err == nil:
		r.blocks <- block{b, log}
	case errors.Is(err, querylog.ErrLongLine):
		r.tally.unreadable(log, b.First, err)
		r.free <- buf
	default:
		r.free <- buf
		return err
	}
	r.read(b.Lines)
	return nil
}

// read says how far reading is.
func (r *reader) read(lines int64) {
	if r.lines += lines; r.progress != nil {
		r.progress(r.lines)
	}
}
