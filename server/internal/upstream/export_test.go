package upstream

import "splitdns/server/internal/wire"

// Accepts packs q, lets edit make a response of the packet, and says whether that
// is accepted as the response to it.
func Accepts(q wire.UpstreamQuery, edit func(query []byte) (response []byte)) (query []byte, ok bool) {
	p := newPacked(q)
	return p.packet, p.mismatch(edit(append([]byte(nil), p.packet...))) == ""
}
