package wire_test

import (
	"testing"

	"splitdns/server/internal/wire"
)

// responses are of the kinds that upstreams send most.
var responses = map[string]response{
	"www.example.com A":         {answer: []string{"www.example.com. A 192.0.2.1"}},
	"short.example.com AAAA":    {answer: []string{"short.example.com. CNAME a.cdn.example.net.", "a.cdn.example.net. AAAA 2001:db8::1", "a.cdn.example.net. AAAA 2001:db8::2"}},
	"nodata.example.com HTTPS":  {authority: []string{"example.com. SOA ns1.example.com. hostmaster.example.com. 1 2 3 4 60"}},
	"service.example.com HTTPS": {answer: []string{"service.example.com. HTTPS 1 . alpn=h2,h3 ipv4hint=192.0.2.1,192.0.2.2 ipv6hint=2001:db8::1"}},
}

// BenchmarkParseResponse reads and scrubs a response.
func BenchmarkParseResponse(b *testing.B) {
	for asked, r := range responses {
		b.Run(asked, func(b *testing.B) {
			q := question(b, asked)
			packet := r.pack(b, q)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := wire.ParseResponse(packet, q); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkAppend packs a response for a client.
func BenchmarkAppend(b *testing.B) {
	for asked, r := range responses {
		b.Run(asked, func(b *testing.B) {
			m := r.parse(b, asked)
			q := wire.Query{Question: m.Question(), Spelled: m.Question().Name.Wire(), EDNS: true, UDPSize: 1232, RD: true}
			dst := make([]byte, 0, 1232)
			b.ReportAllocs()
			for b.Loop() {
				wire.Response{Query: q, Message: m, Limit: 1232}.Append(dst)
			}
		})
	}
}

// BenchmarkFinish makes an answer for many clients.
func BenchmarkFinish(b *testing.B) {
	for asked, r := range responses {
		b.Run(asked, func(b *testing.B) {
			m := r.parse(b, asked)
			b.ReportAllocs()
			for b.Loop() {
				wire.Response{Query: wire.Query{Question: m.Question()}, Message: m}.Finish()
			}
		})
	}
}

// BenchmarkParseQuery reads a query as most are.
func BenchmarkParseQuery(b *testing.B) {
	packet := octets(b, ednsQ+emptyO)
	b.ReportAllocs()
	for b.Loop() {
		if _, refusal := wire.ParseQuery(packet); refusal != nil {
			b.Fatal(refusal.Why)
		}
	}
}

// BenchmarkCapTTL holds the TTLs of a message to a limit, as is done to each response.
func BenchmarkCapTTL(b *testing.B) {
	m := responses["www.example.com A"].parse(b, "www.example.com A")
	b.ReportAllocs()
	for b.Loop() {
		m.CapTTL(86400)
	}
}
