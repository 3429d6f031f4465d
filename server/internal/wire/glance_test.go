package wire_test

import (
	"bytes"
	"testing"

	"splitdns/server/internal/wire"
)

// FuzzGlance holds that whatever a glance accepts is a query, and read as the
// strict reading reads it.
func FuzzGlance(f *testing.F) {
	for _, seed := range []string{
		"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x03wWw\x04test\x00\x00\x01\x00\x01",
		"\x12\x34\x01\x30\x00\x01\x00\x00\x00\x00\x00\x01\x03www\x04test\x00\x00\x1c\x00\x01\x00\x00\x29\x04\xd0\x00\x00\x80\x00\x00\x00",
		"\x12\x34\x01\x20\x00\x01\x00\x00\x00\x00\x00\x01\x00\x00\x02\x00\x01\x00\x00\x29\x10\x00\x00\x00\x00\x00\x00\x0c\x00\x0a\x00\x08abcdefgh",
		"\x12\x34\x01\x20\x00\x01\x00\x00\x00\x00\x00\x01\x00\x00\x02\x00\x01\x00\x00\x29\x10\x00\x00\x00\x00\x00\x00\x08\x00\x08\x00\x04\x00\x01\x00\x00",
		"\x12\x34\x01\x20\x00\x01\x00\x00\x00\x00\x00\x01\x00\x00\x02\x00\x01\x00\x00\x29\x10\x00\x00\x00\x00\x00\x00\x14\x00\x0a\x00\x10abcdefghijklmnop",
		"\x12\x34\x01\x20\x00\x01\x00\x00\x00\x00\x00\x01\x00\x00\x02\x00\x01\x00\x00\x29\x10\x00\x00\x00\x00\x00\x00\x0c\x00\x0b\x00\x00\x00\x0c\x00\x04\x00\x00\x00\x00",
		"\x12\x34\x01\x20\x00\x01\x00\x00\x00\x00\x00\x01\x00\x00\x02\x00\x01\x00\x00\x29\x10\x00\x00\x00\x00\x00\x00\x06\x00\x0b\x00\x02\x00\x01",
		"\x12\x34\x01\x20\x00\x01\x00\x00\x00\x00\x00\x01\x00\x00\x02\x00\x01\x00\x00\x29\x10\x00\x00\x00\x00\x00\x00\x0b\x00\x0a\x00\x07abcdefg",
	} {
		f.Add([]byte(seed))
	}
	for _, packet := range corpusQueries(f) {
		f.Add(packet)
	}
	f.Fuzz(func(t *testing.T, packet []byte) {
		g, ok := wire.ReadGlance(packet)
		if !ok {
			return
		}
		q, refusal := wire.ParseQuery(packet)
		if refusal != nil {
			t.Fatalf("% x: a glance accepts what is refused: %s", packet, refusal.Why)
		}
		if g.Type != q.Type || g.Class != q.Class || g.RD != q.RD || g.CD != q.CD || g.AD != q.AD || g.DO != q.DO ||
			g.EDNS != q.EDNS || g.UDPSize != q.UDPSize || g.Sent != q.Sent || string(g.Cookie) != q.Cookie || q.SubnetSent {
			t.Errorf("% x: a glance reads %+v, the strict reading %+v", packet, g, q)
		}
		if got, want := g.AppendKey(nil), q.AppendKey(nil); !bytes.Equal(got, want) || len(got) > wire.MaxKey {
			t.Errorf("% x: key % x, want % x", packet, got, want)
		}
	})
}

// TestKeyOfAnyOctets holds that a key is in lower case whatever octet stands wherever
// in a name.
func TestKeyOfAnyOctets(t *testing.T) {
	for size := range 18 {
		for c := range 256 {
			label := bytes.Repeat([]byte{'Z'}, size+1)
			label[size/2] = byte(c)
			packet := append([]byte("\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00"), byte(len(label)))
			packet = append(append(packet, label...), 0, 0, 1, 0, 1)
			g, ok := wire.ReadGlance(packet)
			q, refusal := wire.ParseQuery(packet)
			if !ok || refusal != nil {
				t.Fatalf("% x is refused", packet)
			}
			if got, want := g.AppendKey(nil), q.AppendKey(nil); !bytes.Equal(got, want) {
				t.Fatalf("% x: key % x, want % x", packet, got, want)
			}
		}
	}
}
