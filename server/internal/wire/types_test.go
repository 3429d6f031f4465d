package wire_test

import (
	"fmt"
	"testing"

	"splitdns/server/internal/wire"
)

func TestParseType(t *testing.T) {
	for s, want := range map[string]wire.Type{
		"A": 1, "aaaa": 28, "Https": 65, "ANY": 255, "TYPE1": 1, "type65280": 65280, "TYPE65535": 65535, "TYPE0": 0,
	} {
		if got, err := wire.ParseType(s); err != nil || got != want {
			t.Errorf("ParseType(%q) = %v, %v, want %v", s, got, err, want)
		}
	}
	for _, s := range []string{"", "TYPE", "TYPE65536", "TYPE-1", "TYPE+1", "NONE", "RESERVED", "BOGUS", "A A"} {
		if got, err := wire.ParseType(s); err == nil {
			t.Errorf("ParseType(%q) = %v, want an error", s, got)
		}
	}
}

func TestTypeStringRoundTrip(t *testing.T) {
	for n := range 1 << 16 {
		typ := wire.Type(n)
		if got, err := wire.ParseType(typ.String()); err != nil || got != typ {
			t.Errorf("ParseType(%q) = %v, %v, want %d", typ.String(), got, err, n)
		}
	}
}

func TestIsMeta(t *testing.T) {
	for typ, want := range map[wire.Type]bool{
		0: true, wire.TypeA: false, wire.TypeOPT: true, 127: false, wire.TypeNXNAME: true, wire.TypeTSIG: true,
		wire.TypeAXFR: true, wire.TypeANY: true, 256: false, 65280: false,
	} {
		if got := typ.IsMeta(); got != want {
			t.Errorf("%v.IsMeta() = %v, want %v", typ, got, want)
		}
	}
}

func TestStrings(t *testing.T) {
	for _, test := range []struct {
		v    fmt.Stringer
		want string
	}{
		{wire.NoError, "NOERROR"},
		{wire.NXDomain, "NXDOMAIN"},
		{wire.BadVers, "BADVERS"},
		{wire.Rcode(3000), "RCODE3000"},
		{wire.ClassIN, "IN"},
		{wire.ClassCH, "CH"},
		{wire.Class(42), "CLASS42"},
		{wire.TypeHTTPS, "HTTPS"},
		{wire.Type(0), "TYPE0"},
		{wire.Type(65535), "TYPE65535"},
		{question(t, "WWW.example TYPE65280"), "www.example IN TYPE65280"},
	} {
		if got := test.v.String(); got != test.want {
			t.Errorf("String = %q, want %q", got, test.want)
		}
	}
}
