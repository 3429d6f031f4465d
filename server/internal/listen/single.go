package listen

import (
	"net/netip"
	"time"
)

// singles returns what reads one query and answers it: the way that every system knows, for those where
// there is no other.
func (s *udpSocket) singles() func() error {
	var info []byte // none unless asked for: the system would look for what to put there
	if s.l.packetInfo {
		info = make([]byte, packetInfoSize)
	}
	in := make([]byte, maxDatagram+1) // one more, to tell a longer query
	var out []byte
	return func() error {
		n, infoSize, _, from, err := s.conn.ReadMsgUDPAddrPort(in, info)
		if err != nil {
			return err
		}
		if n > maxDatagram {
			s.count.dropped.Add(1)
			return nil
		}
		from = unmap(from)
		a := arrival{packet: in[:n]}
		a.from, a.info = s.peer(from, info[:infoSize], s.l.limits.Now())
		response := s.answer(out[:0], &a)
		s.send(response, a.info, from)
		s.l.settled()
		out = kept(out, response)
		return nil
	}
}

// peer is who sent a query that came with info, at that time, and the part of info to send with the response.
func (s *udpSocket) peer(from netip.AddrPort, info []byte, at time.Time) (Peer, []byte) {
	p := Peer{Addr: from, Local: s.l.addr, At: at, Tally: s.tally}
	if !s.l.packetInfo {
		return p, nil
	}
	asked, size := turnPacketInfo(info)
	if asked.IsValid() {
		p.Local = netip.AddrPortFrom(asked, s.l.addr.Port())
	}
	return p, info[:size]
}
