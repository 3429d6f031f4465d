package server_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"

	"splitdns/server"
)

// fastConfig has a rule of each kind that leaves its mark on an answer.
const fastConfig = answers + `
[client.phones]
addresses = ["10.2.7.0/24"]
[rule.dual]
names = ["*.dual.example"]
log   = true
tags  = ["mdm"]
[rule.short]
names   = ["short.dual.example"]
max_ttl = "100s"
[rule.phones]
names   = ["*.dual.example"]
clients = ["phones"]
pin     = "enforce"
`

// fastUpstream says something about every name of the tests.
const fastUpstream = "x.dual.example. 300 IN A 192.0.2.1\nx.dual.example. 200 IN A 198.51.100.1\n" +
	"short.dual.example. 300 IN CNAME b.test.\nb.test. 250 IN A 192.0.2.7\n" +
	"www.example.net. 60 IN A 192.0.2.8\nad"

// packet packs a query for words.
func packet(t testing.TB, words string) []byte {
	t.Helper()
	p, err := question(words).Pack()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestFastSaysTheSame holds finished answers against those that are made, octet by
// octet, seconds later and for clients that ask otherwise.
func TestFastSaysTheSame(t *testing.T) {
	for _, words := range []string{
		"x.dual.example", "x.dual.example +noedns", "x.dual.example +do", "x.dual.example +cd", "x.dual.example +ad",
		"X.Dual.EXAMPLE", "x.dual.example +ad +noedns", "short.dual.example", "short.dual.example +do +ad",
		"x.dual.example AAAA", "www.example.net", "www.example.net +noedns", "a.nx.example", "nodata.example", "null.example AAAA", "null.example +noedns",
		"LocalHost", "localhost MX +do", "a.onion +ad", "10.in-addr.arpa SOA", "1.0.0.127.in-addr.arpa PTR +noedns",
	} {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, fastConfig, says(t, fastUpstream+"\nau dual.example. 900 IN SOA ns.test. host.test. 1 2 3 4 500"))
			p := packet(t, words)
			for range 2 { // the second time it comes from the cache
				b.Serve(p, client, false)
				time.Sleep(1500 * time.Millisecond)
			}
			for _, tcp := range []bool{false, true} {
				got, ok := b.Fast([]byte("before"), p, client, tcp)
				want := append([]byte("before"), b.ServeOrdinary(p, from(server.Peer{TCP: tcp}, client))...)
				if !ok || !bytes.Equal(got, want) {
					t.Errorf("%s, TCP %v: finished %v\n% x\nwant\n% x", words, tcp, ok, got, want)
				}
			}
		})
	}
}

// TestFastRefuses lists what a finished answer must not be given to.
func TestFastRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, fastConfig, says(t, fastUpstream))
		phone := netip.MustParseAddr("10.2.7.41")
		for range 2 {
			ask(t, b, "x.dual.example")
			ask(t, b, "a.alias.example")
		}
		for name, c := range map[string]struct {
			words string
			from  netip.Addr
		}{
			"another class of clients": {"x.dual.example", phone},
			"nobody who is served":     {"x.dual.example", stranger},
			"without RD":               {"x.dual.example +nord", client},
			"another type":             {"x.dual.example AAAA", client},
			"another name":             {"y.dual.example", client},
			"DO":                       {"x.dual.example +do", client},
			"class CH":                 {"x.dual.example CH TXT", client},
			"ANY":                      {"x.dual.example ANY", client},
			"a CNAME of ours":          {"a.alias.example", client},
		} {
			if response, ok := b.Fast(nil, packet(t, c.words), c.from, false); ok || len(response) > 0 {
				t.Errorf("%s: % x", name, response)
			}
		}
		p := packet(t, "x.dual.example")
		for name, change := range map[string]func([]byte) []byte{
			"a response":        func(p []byte) []byte { p[2] |= 0x80; return p },
			"another opcode":    func(p []byte) []byte { p[2] |= 0x20; return p },
			"two questions":     func(p []byte) []byte { p[5] = 2; return p },
			"a record too many": func(p []byte) []byte { p[11] = 2; return p },
			"too short":         func(p []byte) []byte { return p[:len(p)-1] },
			"too long":          func(p []byte) []byte { return append(p, 0) },
		} {
			if response, ok := b.Fast(nil, change(slices.Clone(p)), client, false); ok {
				t.Errorf("%s: % x", name, response)
			}
		}
		time.Sleep(200 * time.Second) // the smallest TTL
		if _, ok := b.Fast(nil, p, client, false); ok {
			t.Error("it outlives its TTL")
		}
	})
}

// TestFastKeepsNothingLarge holds that what a client gets truncated is not kept
// whole, nor anything for those who are not served.
func TestFastKeepsNothingLarge(t *testing.T) {
	b := newBench(t, silent, manyAddresses(200))
	for range 3 {
		ask(t, b, "www.example")
		send(t, b, question("www.example"), stranger, false)
	}
	for _, from := range []netip.Addr{client, stranger} {
		if response, ok := b.Fast(nil, packet(t, "www.example"), from, true); ok {
			t.Errorf("%v: %d octets are kept finished", from, len(response))
		}
	}
}

// TestFastIsRenewed holds that a finished answer gives way to the ordinary way from
// time to time, so that the cache knows what is in use.
func TestFastIsRenewed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, fastConfig, says(t, fastUpstream))
		p := packet(t, "x.dual.example")
		for range 2 {
			ask(t, b, "x.dual.example")
		}
		time.Sleep(9 * time.Second)
		if _, ok := b.Fast(nil, p, client, false); !ok {
			t.Error("it does not last for 9 seconds")
		}
		time.Sleep(time.Second)
		if _, ok := b.Fast(nil, p, client, false); ok {
			t.Error("it lasts for 10 seconds")
		}
		ask(t, b, "x.dual.example")
		if _, ok := b.Fast(nil, p, client, false); !ok {
			t.Error("it is not renewed")
		}
	})
}

// TestFastFollowsReload holds that a finished answer ends with the configuration
// that it was made by.
func TestFastFollowsReload(t *testing.T) {
	b := newBench(t, held("observe", ""), says(t, mixed))
	for range 2 {
		ask(t, b, "dual.example")
	}
	p := packet(t, "dual.example")
	if _, ok := b.Fast(nil, p, client, false); !ok {
		t.Fatal("nothing is finished")
	}
	b.Reload(parseConfig(t, held("enforce", "")), nil)
	if _, ok := b.Fast(nil, p, client, false); ok {
		t.Error("the answer of the old configuration is still given")
	}
}

// TestFastIsLogged holds that a finished answer leaves the entry of a hit.
func TestFastIsLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, fastConfig, says(t, fastUpstream))
		for range 2 {
			ask(t, b, "x.dual.example")
		}
		if _, ok := b.Fast(nil, packet(t, "x.dual.example"), client, false); !ok {
			t.Fatal("nothing is finished")
		}
		lines := strings.Split(strings.TrimSpace(b.Entries()), "\n")
		if len(lines) != 3 || lines[1] != lines[2] || lines[0] == lines[1] {
			t.Errorf("entries:\n%s\nwant a miss and two equal hits", strings.Join(lines, "\n"))
		}
	})
}

func TestFastDoesNotAllocate(t *testing.T) {
	for _, name := range []string{"www.example.net", "x.dual.example"} { // the second is tagged, noted and logged
		b := newBench(t, fastConfig, says(t, fastUpstream))
		for range 2 {
			ask(t, b, name)
		}
		p, dst := packet(t, name), make([]byte, 0, 1500)
		n := testing.AllocsPerRun(1000, func() {
			if _, ok := b.Fast(dst, p, client, false); !ok {
				t.Fatal("nothing is finished")
			}
		})
		if n != 0 {
			t.Errorf("%s: a finished answer allocates %v times, want 0", name, n)
		}
	}
}

// FuzzFast holds that whatever gets a finished answer gets the same one by the
// ordinary way.
func FuzzFast(f *testing.F) {
	b := newBench(f, fastConfig, says(f, fastUpstream))
	for _, words := range []string{"x.dual.example", "short.dual.example +do", "www.example.net +noedns", "a.nx.example +ad", "null.example AAAA +cd"} {
		for range 2 {
			b.Serve(packet(f, words), client, false)
		}
		f.Add(packet(f, words), uint8(0))
		f.Add(packet(f, words), uint8(1))
		f.Add(withOptions(f, words, &dns.EDNS0_COOKIE{Code: dns.EDNS0COOKIE, Cookie: "2464c4abcf10c957"}), uint8(0))
		f.Add(withOptions(f, words, &dns.EDNS0_TCP_KEEPALIVE{Code: dns.EDNS0TCPKEEPALIVE}, &dns.EDNS0_PADDING{Padding: make([]byte, 20)}), uint8(2))
	}
	f.Fuzz(func(t *testing.T, p []byte, way uint8) {
		for range 3 { // a second may pass between the two
			from := server.Peer{Addr: netip.AddrPortFrom(client, 4242), TCP: way%4 > 0, Secure: way%4 > 1, HTTP: way%4 > 2, At: time.Now()}
			got, ok := b.FastFrom(nil, p, from)
			if !ok || bytes.Equal(got, b.ServeOrdinary(p, from)) {
				return
			}
		}
		t.Errorf("the finished answer to % x differs", p)
	})
}

// BenchmarkAnswer compares a finished answer with one that is made.
func BenchmarkAnswer(b *testing.B) {
	for name, answer := range map[string]func(s *server.Bench, dst, p []byte) []byte{
		"finished": func(s *server.Bench, dst, p []byte) []byte { r, _ := s.Fast(dst, p, client, false); return r },
		"made":     func(s *server.Bench, _, p []byte) []byte { return s.Serve(p, client, false) },
	} {
		b.Run(name, func(b *testing.B) {
			s := newBench(b, fastConfig, says(b, fastUpstream))
			p, dst := packet(b, "www.example.net"), make([]byte, 0, 1500)
			for range 2 {
				s.Serve(p, client, false)
			}
			b.ReportAllocs()
			for b.Loop() {
				if len(answer(s, dst, p)) == 0 {
					b.Fatal("no answer")
				}
			}
		})
	}
}

// hot returns a server that knows the addresses of n names, and queries for them.
func hot(t testing.TB, config string, n int) (b *server.Bench, packets [][]byte) {
	b = newBench(t, config, manyAddresses(1))
	for i := range n {
		p := packet(t, fmt.Sprintf("h%d.region.example.com", i))
		for range 2 { // the second time it comes from the cache
			b.Serve(p, client, false)
		}
		packets = append(packets, p)
	}
	return b, packets
}

// TestFastServesAHotSet holds that with the default settings 50,000 names are not too
// many to be kept finished. All are asked for at one time: finished answers end after ten seconds, and a
// busy machine needs longer than that.
func TestFastServesAHotSet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 50_000
		b, packets := hot(t, silent, n)
		finished, dst := 0, make([]byte, 0, 1500)
		for _, p := range packets {
			if _, ok := b.Fast(dst, p, client, false); ok {
				finished++
			}
		}
		if finished < n*98/100 {
			t.Errorf("%d of %d answers are finished", finished, n)
		}
	})
}

// TestFinishedAreBounded holds that finished answers take a quarter of cache.memory
// at most, whoever asks for whatever.
func TestFinishedAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, packets := hot(t, "[cache]\nmemory = 1\n"+silent, 5000)
		if most := int64(1 << 20 / 4); b.FinishedOctets() > most || b.FinishedOctets() < most/2 {
			t.Errorf("%d octets, want %d at most, and not much less", b.FinishedOctets(), most)
		}
		for range 2 {
			b.Serve(packets[0], client, false)
		}
		if _, ok := b.Fast(nil, packets[0], client, false); !ok {
			t.Error("the last one asked for is not kept")
		}
	})
}

// BenchmarkFast answers queries for hot names as clients ask for them: for few of them
// very often.
func BenchmarkFast(b *testing.B) {
	for _, n := range []int{1, 1000, 50_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			s, packets := hot(b, fastConfig, n)
			random := rand.New(rand.NewPCG(1, 2))
			zipf := rand.NewZipf(random, 1.1, 10, uint64(n-1))
			asked := make([][]byte, 1<<16)
			for i := range asked {
				asked[i] = packets[zipf.Uint64()]
			}
			finished, dst := 0, make([]byte, 0, 1500)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if _, ok := s.Fast(dst, asked[i&(len(asked)-1)], client, false); ok {
					finished++
				}
			}
			b.ReportMetric(float64(finished)/float64(b.N), "finished/op")
		})
	}
}
