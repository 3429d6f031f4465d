package integration_test

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// floodConfig keeps little, so that memory that grows is a leak.
const floodConfig = "[log]\nqueries = \"off\"\n[cache]\nentries = 1000\n[upstream.default]\nservers = [\"%s\"]\n"

// floodClients is how many clients flood at the same time.
const floodClients = 4

// floodPackets is how many packets are sent in all.
func floodPackets() int {
	const packets = 100_000
	if underRace {
		return packets / 10
	}
	return packets
}

// A hundred thousand damaged queries: none crashes the server, none makes it grow,
// what it answers is in order, and so is what it forwards.
func TestFloodOfMutatedQueries(t *testing.T) {
	u := startUpstream(t, answers, "good.example. A 192.0.2.1")
	flooded(t, u.addr, func(addr string, client, n int) int { return floodQueries(t, addr, client, n) })
	for line := range strings.Lines(u.asked.String()) {
		if line = strings.TrimSpace(line); !proper.MatchString(line) {
			t.Errorf("the upstream was asked %q", line)
		}
	}
}

// floodQueries sends n damaged queries, and after each few a good one, whose answer
// must come. It returns how many responses came.
func floodQueries(t *testing.T, addr string, client, n int) (responses int) {
	const batch = 50
	c, err := net.Dial("udp", addr)
	if err != nil {
		t.Error(err)
		return 0
	}
	defer c.Close()
	queries := wellFormed(t)
	good := mustPack(new(dns.Msg).SetQuestion("good.example.", dns.TypeA))
	chance := rand.New(rand.NewPCG(uint64(client), uint64(n)))
	for i := range n {
		damaged := mutate(chance, queries[i%len(queries)])
		if len(damaged) > 1 {
			damaged[0] |= 0x80 // never the ID of a good one
		}
		_, _ = c.Write(damaged)
		if i%batch != batch-1 {
			continue
		}
		id := uint16(i) &^ 0x8000
		binary.BigEndian.PutUint16(good, id)
		_, _ = c.Write(good)
		read, err := readUntil(c, id)
		responses += read
		if err != nil {
			t.Errorf("client %d, after %d packets: %v", client, i, err)
			return responses
		}
	}
	return responses
}

// readUntil reads responses, each of which must be in order, until that with an ID.
func readUntil(c net.Conn, id uint16) (read int, err error) {
	_ = c.SetReadDeadline(time.Now().Add(patience))
	buf := make([]byte, 65535)
	for {
		n, err := c.Read(buf)
		if err != nil {
			return read, err
		}
		read++
		if err := strict(buf[:n]); err != nil {
			return read, fmt.Errorf("response %x: %w", buf[:n], err)
		}
		if binary.BigEndian.Uint16(buf) == id {
			return read, nil
		}
	}
}

// flooded runs a flood in two halves and holds that the server does not grow in the
// second one, nor has more goroutines in the end than an idle one with all its sockets
// to the upstream.
func flooded(t *testing.T, upstream string, flood func(addr string, client, n int) (responses int)) {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("memory is read from /proc")
	}
	const sockets, slack = 64, 30 // see upstream.maxSockets; goroutines and threads
	p := start(t, "-c", writeConfig(t, fmt.Sprintf(floodConfig, upstream)))
	var half [2]vitals
	var responses atomic.Int64
	began := time.Now()
	for i := range half {
		var clients sync.WaitGroup
		for client := range floodClients {
			clients.Go(func() {
				responses.Add(int64(flood(p.Addr, len(half)*client+i, floodPackets()/len(half)/floodClients)))
			})
		}
		clients.Wait()
		half[i] = p.vitals(t)
	}
	exchange(t, p.Addr, "good.example.")
	took := time.Since(began).Round(time.Millisecond)
	idle := start(t, "-c", writeConfig(t, fmt.Sprintf(floodConfig, upstream)))
	exchange(t, idle.Addr, "good.example.")
	before, after := idle.goroutines(t), p.goroutines(t)
	t.Logf("%d packets in %s, %d responses; %v after the first half, %v after the second; %d goroutines, an idle server has %d",
		floodPackets(), took, responses.Load(), half[0], half[1], after, before)
	if half[1].rss > half[0].rss+soakGrowth() || half[1].threads > half[0].threads+slack {
		t.Errorf("the server grows: %v, then %v", half[0], half[1])
	}
	if after > before+sockets+slack {
		t.Errorf("%d goroutines, an idle server has %d", after, before)
	}
}

// floodKinds are the responses that are damaged, for a name of this length.
var floodKinds = [][]string{
	{"@ 300 A 192.0.2.1", "@ 300 A 192.0.2.2"},
	{"@ 300 AAAA 2001:db8::1"},
	{"@ 300 CNAME b.example.", "b.example. 300 CNAME c.example.", "c.example. 300 A 192.0.2.3"},
	{"@ 300 MX 10 mail.example.", "@ 300 MX 20 mail2.example."},
	{`@ 300 TXT "some text" "and more"`, `@ 300 TXT "x"`},
	{"@ 300 HTTPS 1 . alpn=h2,h3 ipv4hint=192.0.2.1 ipv6hint=2001:db8::1", "@ 300 HTTPS 2 svc.example. port=8443 mandatory=port"},
	{"@ 300 SRV 1 2 443 host.example."},
	{"@ 300 CAA 0 issue \"ca.example\""},
	{`@ 300 NAPTR 1 2 "U" "E2U+sip" "!^.*$!sip:x@example!" .`},
	{"@ 300 DS 1 13 2 " + "ABABABABABABABABABABABABABABABABABABABABABABABABABABABABABABABAB"},
	{"@ 300 NSEC z.example. A MX TYPE65280", "@ 300 RRSIG NSEC 13 2 300 20300101000000 20200101000000 1 example. AAAA"},
	{"@ 300 LOC 51 30 12.748 N 0 7 39.611 W 0.00m"},
	{"@ 300 SOA ns.example. host.example. 1 2 3 4 5"},
	{"@ 300 PTR host.example."},
	{"@ 300 DNSKEY 257 3 13 AwEAAQ=="},
	{`@ 300 TYPE65280 \# 3 ABCDEF`},
}

// A floodKind is a question type and the packed response to floodName.
type floodKind struct {
	qtype    uint16
	response []byte
}

// floodName is a name as long as all that are asked for.
const floodName = "h0000000.example."

// packKinds packs all kinds, with a denial at the end.
func packKinds(t *testing.T) (kinds []floodKind) {
	t.Helper()
	soa, _ := dns.NewRR("example. 300 SOA ns.example. host.example. 1 2 3 4 5")
	for _, lines := range append(floodKinds, nil) {
		m := new(dns.Msg).SetQuestion(floodName, dns.TypeA)
		m.Response, m.RecursionAvailable, m.Compress = true, true, true
		for _, line := range lines {
			rr, err := dns.NewRR("$ORIGIN " + floodName + "\n" + line)
			if err != nil {
				t.Fatal(err)
			}
			m.Answer = append(m.Answer, rr)
		}
		switch {
		case lines == nil:
			m.Rcode, m.Ns = dns.RcodeNameError, []dns.RR{soa}
		case m.Answer[0].Header().Rrtype != dns.TypeCNAME:
			m.Question[0].Qtype = m.Answer[0].Header().Rrtype
		}
		m.SetEdns0(1232, false)
		kinds = append(kinds, floodKind{m.Question[0].Qtype, mustPack(m)})
	}
	return kinds
}

// A hundred thousand damaged responses: none crashes the server, none makes it grow,
// and no record that is malformed comes through.
func TestFloodOfMutatedResponses(t *testing.T) {
	kinds := packKinds(t)
	byType := make(map[uint16][][]byte)
	for _, k := range kinds {
		byType[k.qtype] = append(byType[k.qtype], k.response)
	}
	var mu sync.Mutex // guards chance
	chance := rand.New(rand.NewPCG(3, 4))
	u := newScripted(t, func(q asked) {
		end, err := nameEnd(q.packet, atName)
		if err != nil || end+4 > len(q.packet) {
			t.Errorf("the upstream was asked %x", q.packet)
			return
		}
		failure := append([]byte(nil), q.packet[:end+4]...)
		copy(failure[atFlags:], "\x81\x82\x00\x01\x00\x00\x00\x00\x00\x00")
		if strings.EqualFold(string(q.packet[atName:atName+5]), "\x04good") {
			q.reply(rawAnswer(failure, rawRecord(dns.TypeA, 4, "\xC0\x00\x02\x01")))
			return
		}
		mu.Lock()
		defer mu.Unlock()
		q.reply(damaged(chance, byType[binary.BigEndian.Uint16(q.packet[end:])], failure))
		q.reply(failure) // where the other one was discarded
	})
	flooded(t, u.addr, func(addr string, client, n int) int { return floodNames(t, addr, client, n, kinds) })
}

// rawAnswer is the success that failure is not, with a record.
func rawAnswer(failure []byte, record string) []byte {
	return append(with(with(failure, atFlags, 0x8180), atAnswers, 1), record...)
}

// damaged is one of responses to the question of failure, with damage mostly behind
// the question, and often in one octet only.
func damaged(chance *rand.Rand, responses [][]byte, failure []byte) []byte {
	const rarely, often = 8, 2
	packet := append([]byte(nil), failure...)
	response := responses[chance.IntN(len(responses))]
	copy(packet[atFlags:atName], response[atFlags:atName])
	body := response[len(failure):]
	if chance.IntN(rarely) == 0 {
		packet = append(packet, body...)
		return append(packet[:2:2], mutate(chance, packet[2:])...)
	}
	if chance.IntN(often) == 0 {
		packet = append(packet, body...)
		packet[len(failure)+chance.IntN(len(body))] ^= 1 << chance.IntN(8)
		return packet
	}
	return append(packet, mutate(chance, body)...)
}

// floodNames asks for n names that nobody has asked for, of all kinds, some at a time.
// Each must be answered. It returns how many had an answer that is no failure.
func floodNames(t *testing.T, addr string, client, n int, kinds []floodKind) (answered int) {
	const window = 32
	c, err := net.Dial("udp", addr)
	if err != nil {
		t.Error(err)
		return 0
	}
	defer c.Close()
	buf := make([]byte, 65535)
	for i := 0; i < n; i += window {
		for j := range window {
			name := fmt.Sprintf("h%d%06d.example.", client, i+j)
			q := new(dns.Msg).SetQuestion(name, kinds[(i+j)%len(kinds)].qtype)
			q.Id = uint16(i + j)
			_, _ = c.Write(mustPack(q))
		}
		_ = c.SetReadDeadline(time.Now().Add(patience))
		for range window {
			size, err := c.Read(buf)
			if err != nil {
				t.Errorf("client %d, near query %d: %v", client, i, err)
				return answered
			}
			if err := strict(buf[:size]); err != nil {
				t.Errorf("response %x: %v", buf[:size], err)
			}
			if buf[3]&0xF != dns.RcodeServerFailure {
				answered++
			}
		}
	}
	return answered
}
