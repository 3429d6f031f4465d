package cookie

import (
	"encoding/binary"
	"math/bits"
)

// sip is SipHash-2-4 of in under the key k0, k1: two rounds for each eight octets, four at the end. The
// state is four variables and no struct, so that it stays in registers: that takes half the time.
func sip(k0, k1 uint64, in []byte) uint64 {
	v0, v1, v2, v3 := k0^0x736f6d6570736575, k1^0x646f72616e646f6d, k0^0x6c7967656e657261, k1^0x7465646279746573
	last := uint64(len(in)) << 56
	for ; len(in) >= 8; in = in[8:] {
		m := binary.LittleEndian.Uint64(in)
		v3 ^= m
		v0, v1, v2, v3 = round(round(v0, v1, v2, v3))
		v0 ^= m
	}
	for i, b := range in {
		last |= uint64(b) << (8 * i)
	}
	v3 ^= last
	v0, v1, v2, v3 = round(round(v0, v1, v2, v3))
	v0, v1, v2, v3 = round(round(round(round(v0^last, v1, v2^0xff, v3))))
	return v0 ^ v1 ^ v2 ^ v3
}

// round mixes the state once.
func round(v0, v1, v2, v3 uint64) (w0, w1, w2, w3 uint64) {
	v0 += v1
	v2 += v3
	v1 = bits.RotateLeft64(v1, 13) ^ v0
	v3 = bits.RotateLeft64(v3, 16) ^ v2
	v0 = bits.RotateLeft64(v0, 32)
	v2 += v1
	v0 += v3
	v1 = bits.RotateLeft64(v1, 17) ^ v2
	v3 = bits.RotateLeft64(v3, 21) ^ v0
	v2 = bits.RotateLeft64(v2, 32)
	return v0, v1, v2, v3
}
