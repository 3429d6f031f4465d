// Package wire reads and writes DNS messages: queries from clients, responses
// from upstreams, and the responses that go out. It is the only package that
// knows how a message looks as octets; the others hold a [Query], a [Message],
// and a [Response].
//
// # Strict in, honest out
//
// A query is accepted only if it is one question that ends where it says; a
// response only if every record in it decodes exactly. What is wrong with a
// query is answered by a finished packet ([Refusal]), what is wrong with a
// response is an error. After that a response is scrubbed: only the records
// that belong to its question are kept, the CNAME chain in order.
//
// What both may cost is bounded, because strangers choose it: the records of a
// response and the octets that they unpack to, the names that its answer leads to,
// the compression pointers of a name, the records of a query. Above a bound there
// is an error, never a part of an answer; only sections that an answer is whole
// without are dropped.
//
// A [Message] never changes. Methods that edit give a new one, and they leave
// it honest: a changed answer has no AD bit and no signatures of the RRsets
// that changed.
//
// # Records are octets
//
// A record is kept as its owner name, its header and the octets of its RDATA,
// with the names in it spelled out. So what a validating client checks is what
// was signed, an unknown type passes as it came (RFC 3597), a TTL is counted
// down without touching the rest, and nothing that two goroutines share can be
// written to. The structs of github.com/miekg/dns were turned down for that
// job: Unpack accepts messages with missing records and records with missing
// fields, Msg.Len over-counts, and each edit needs a deep copy. The library
// supplies the presentation format, the names of types, and decodes the rare
// types that have no layout here.
package wire
