// Package scenario holds the runner of the scenarios in integration/testdata/scenario: text
// files that say what a client asks, what upstreams say, and what the client gets. They run
// against a server in this process with its real listeners, over real sockets on the loopback
// interface; the time by which answers age is the test's, so that a day passes in no time.
// The package is all tests; this is the description of the format.
//
//	go test -v ./integration/scenario                          all, and how many there are of each subject
//	go test -run 'TestScenarios/cache' ./integration/scenario  the subject of the file cache.scenario
//
// A file is a subject and holds scenarios, each of one behaviour. What belongs to a line is
// indented below it by a tab. Lines that begin with # are comments; the sentence of the RFC
// stands in one above the step that checks it, in quotation marks where it is quoted.
//
//	scenario answers are kept for as long as they say
//	upstream default
//		record www.example. 300 A 192.0.2.1
//	query www.example A
//	expect NOERROR
//		answer www.example. 300 A 192.0.2.1
//	pass 59s
//	query www.example A
//	expect NOERROR
//		answer www.example. 241 A 192.0.2.1
//	asked default 1
//
// # Surroundings
//
// "needs" before the first scenario has a configuration below it too: all scenarios of the file are
// skipped where the server does not know its keys.
//
// "config" has a configuration below it. $NAME in it is the address and port of an upstream. An
// upstream that it does not name is alone in a group of its own name. Without an upstream
// "default" the default group has no server that answers. Without [zones] the bundled zones are those of
// 2020-09-08, which are read sooner.
//
// "file NAME" has the content of a file below it, beside the configuration, where cert.pem and
// key.pem for 127.0.0.1 are too.
//
// "upstream NAME" is a scripted resolver, at one port for UDP and TCP. "closed" behind the name:
// nothing listens there; "no-tcp": nothing listens for TCP. Below it:
//
//	record RR                  it knows these records, and answers as a resolver that knows no others
//	when NAME TYPE CONDITION…  what else it does with such a query; the first that matches counts
//
// A NAME is matched in any case; "*" is any, "*.example" any below. A TYPE may be "*". Conditions:
// tcp, udp, +do, -do, +cd, -cd, +edns, -edns; number=2 is the second query for that name and type,
// number=2- that and all later ones. A query that nothing matches fails the scenario, and so does
// one that no upstream should get: malformed, without RD, with more than a question and an OPT.
//
// Below "when" stand actions, done in their order. The response is sent at the end:
//
//	answer RR, authority RR, additional RR   a record in that section
//	records                    what the "record" lines give
//	rcode RCODE, flags FLAG…   "flags aa -ra" sets AA and clears RA
//	ede CODE TEXT, option CODE HEX, opt, no-opt
//	cookie HEX                 a COOKIE option with the client's part of the query and this server's part
//	spelled NAME, no-question  the question, which otherwise is repeated as it was sent
//	counts QD AN NS AR         the header says so, whatever there is
//	append HEX, cut N          octets more or less at the end
//	whole                      not truncated to what the query's OPT record says
//	hold                       until the step "release NAME"
//	forge WHAT                 sends a wrong response first, with the address 203.0.113.66: id, qr, opcode,
//	                           name, case, type, class, questions, no-question, source, short
//	silent, close              no response; the connection is closed
//	raw HEX                    this is sent; {id} and {question} are those of the query, 41*30 is 41 thirty times
//
// A record with {1..40} in it, here and below expect, is forty records with these numbers.
//
// # Steps
//
//	query NAME TYPE [CLASS] WORD…   sends a query with RD and without EDNS
//	send WORD…                      sends a packet: the hex digits below it, with comments behind #
//
// Words of queries are like those of dig: +nord +cd +ad +aa +tc +ra +z +qr +edns +do +bufsize=N
// +version=N +ednsflags=N +option=CODE:HEX +opcode=N +id=N. Those of both: +tcp, +tls, +https, +https=get,
// +unframed (TCP without a length before it), +ipv6, +from=ADDRESS, +times=3 (asked three times, each as expected),
// +retry (asked until the answer is as expected: where something goes on behind answers),
// +on=NAME (on the socket of that name, which stays open: so that queries can be pipelined).
// Below a query: answer RR, authority RR, additional RR, opt (an OPT record more), question NAME
// (one more), no-question, counts, append, cut.
//
//	expect RCODE FLAG…     the next response on the socket of the last query, or with +on=NAME on that one
//	expect nothing         no response: one to a query that was sent behind it comes first
//	expect closed          the server has closed the connection
//
// A response is expected to repeat ID, opcode and question (in the client's spelling), RD and
// CD; to have RA and no other flag; an OPT record if the query had one, with its DO, version 0 and
// no option; no records; and to be no larger than the client takes. Everything else is said:
// flags in the line ("-ra" for one that is not there), and below it
//
//	answer RR, authority RR, additional RR   these records in this order and no others; the TTL may be * or 10..20
//	answer any, answer count=13              whatever the section holds; so many records
//	ede CODE PATTERN, ede any                extended errors, in order; their text matches a regular expression
//	opt size=1232 do, opt -do, opt none      what the OPT record says
//	option CODE PATTERN, option CODE maybe   an option whose hex digits match; one that may be there
//	size <= 512, size > 512                  octets
//	question NAME TYPE CLASS, question none  where it is not the one that was asked
//	whole-sets NAME TYPE COUNT               all records of the RRset or none
//	hex HEX                                  the packet; {id} is that of the query
//
//	asked UPSTREAM COUNT [NAME] [TYPE] [CONDITION]… [again]   so many queries came there since the start
//
// What was sent again for the same query of a client, as happens where the machine is busy,
// counts only with "again".
//
// Below asked, about the last of them: "is CONDITION…", "flags rd ad" (exactly these), "bufsize
// N", "option CODE PATTERN"; about all: "no-options" (but cookies of the resolver's own), "no-option
// CODE…", "different-ids", "different-ports", "mixed-case". Clients' cookies begin with 0123456789abcdef.
//
//	pass 59s            the clock goes on
//	reload [refused]    the configuration below it takes the place of the one before
//	release UPSTREAM    what it holds is sent
//	hang UPSTREAM       it closes its connections
//	shut                the client of the last query sends no more on its connection
package scenario
