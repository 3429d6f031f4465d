package querylog_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"splitdns/server/internal/querylog"
)

// blocks reads all of r, and says where lines were skipped.
func blocks(r io.Reader) (text []byte, lines int64, skipped []int64, err error) {
	in, err := querylog.NewBlocks(r)
	buf := make([]byte, 0, querylog.BlockSize)
	for err == nil {
		var b querylog.Block
		b, err = in.Next(buf)
		if errors.Is(err, querylog.ErrLongLine) {
			skipped, err = append(skipped, b.First), nil
		}
		text, lines = append(text, b.Data...), lines+b.Lines
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return text, lines, skipped, err
}

// TestBlocksSkipLongLines holds that only lines without room are left out, wherever they stand.
func TestBlocksSkipLongLines(t *testing.T) {
	fits, long := strings.Repeat("f", querylog.BlockSize-1)+"\n", strings.Repeat("l", querylog.BlockSize)+"\n"
	for name, test := range map[string]struct {
		in, want string
		skipped  int
	}{
		"none":      {fits + fits, fits + fits, 0},
		"first":     {long + fits + "x", fits + "x", 1},
		"two":       {"a\n" + long + long + "b\n", "a\nb\n", 2},
		"last":      {fits + strings.TrimSpace(long) + "l", fits, 1},
		"in a file": {fits[:9] + long + fits, fits, 1},
	} {
		text, _, skipped, err := blocks(iotest.HalfReader(strings.NewReader(test.in)))
		if err != nil || string(text) != test.want || len(skipped) != test.skipped {
			t.Errorf("%s: %d octets, skipped %v, error %v; want %d octets", name, len(text), skipped, err, len(test.want))
		}
	}
}

// FuzzBlocks holds that blocks are what was read, and that nothing that looks compressed breaks them.
func FuzzBlocks(f *testing.F) {
	for _, seed := range []string{"", "\n", "a\nb", "a\r\n\r\nb\n", "\x1f\x8b", "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff\x03\x00\x00\x00\x00\x00\x00\x00\x00\x00"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		text, lines, _, err := blocks(bytes.NewReader(in))
		if bytes.HasPrefix(in, []byte{0x1f, 0x8b}) || len(in) >= querylog.BlockSize {
			return
		}
		if err != nil || !bytes.Equal(text, in) || lines != int64(bytes.Count(in, []byte("\n"))) {
			t.Errorf("%q is read as %q, error %v", in, text, err)
		}
	})
}
