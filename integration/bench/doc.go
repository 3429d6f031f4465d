// Bench measures how fast splitdns answers, next to the other resolvers that
// are installed and next to what the machine can do at all. It needs Linux and
// two cores:
//
//	go run ./integration/bench                         all, in under ten minutes
//	go run ./integration/bench -quick                  all, in under two minutes
//	go run ./integration/bench -only splitdns,unbound -workloads cached,moderate
//	go run ./integration/bench -sets                   what sets of nftables cost, in six minutes
//
// It prints tables in Markdown, and writes every figure of every run to a file
// of JSON (-o). Nothing else may run on the machine meanwhile: a run that shared
// its core with a stranger says so.
//
// # What is compared
//
// The limit is an echo, in C where there is a compiler: it only flips the QR bit
// of what it gets and sends it back, in batches. No server can be faster, and
// since nobody's absolute figures say anything about another machine, each
// figure is given as a ratio to the echo's in the same round. The others are
// splitdns, built from this tree, and what peers.go knows; each has one core, on
// which one thread answers, a cache for as many names, the same list, and the same
// upstream, a stub that answers any name at once. They are asked the same names in
// the same order. Names that vendors publish are half of them, so that the policy of
// splitdns is at work, and each query has EDNS, so that splitdns has its notes to add.
//
// How the matcher alone compares with others is in the folder matcher.
//
// # Who runs where
//
// The server under test has the last core to itself. The load generator and the
// stub are processes of their own on the first core (with three cores the stub
// has the second). What a server costs is the user and system time of its process,
// with its children, over a million answers (s/M): the steadiest figure. Servers
// take turns, round after round, each started afresh for each run; tables show the
// median of the rounds and their spread.
//
// The total is exact, from the clocks of the processes. How much of it the user's part
// is the kernel only samples, some hundreds of times a second (proc_pid_stat(5); counters
// of the processor are rarely lent to virtual machines): so that part is of all rounds
// together, with its standard error.
//
// Capacity is measured in a closed loop: so many queries are always under way, and
// a new one leaves when one is answered. Latency is measured in an open loop:
// queries leave at random intervals (a Poisson process) whether or not earlier ones
// were answered, and count from the moment at which they were meant to leave, so
// that a server that stalls pays for all that it kept waiting. Where new names are asked
// too, the latencies are those of the hits among them.
//
// The workload "large" first has the server ask the stub for every name, so that its cache
// holds them: what its memory grows by is what a name takes. Then come hits for any of
// them, and then new names besides, of which the cache has room for. That makes garbage
// for a server that collects it: the column "collections" says how often splitdns did
// meanwhile, since a p999 without any says nothing about them. Only servers that take
// their answers fast enough and can be given such a cache are in it.
//
// # What sets cost
//
// With -sets, splitdns is compared with itself: one configuration, whose rule names sets or does
// not. The bench runs itself in a network namespace of its own, and in a user namespace unless it
// is run by root, so that kernel, netlink and load are real and the machine's own sets are left
// alone. Rounds are short and many, as the differences are small; each run begins with an empty
// cache and empty sets. There are two kinds of sets, since the kernel keeps intervals in a tree
// and other sets in a hash table. BenchmarkSets in the folder server has the server's own part.
//
// # What it refuses to say
//
// Queries/s say something about a server only if it was the server that could take
// no more. Where the load generator's core, with the stub's work if it shares it, was
// full while the server's was not, or neither was, the table says so in place of the
// ratio; see saturation.
//
// # How it is made
//
// The program starts itself for the load generator, the stub, and the echo in Go:
// see roles. It ends everything that it started, also when it is interrupted, and
// leaves nothing behind but the file of JSON.
package main
