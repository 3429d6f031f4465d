// Matcher compares the matcher of splitdns with others, in time, memory and what they
// tell:
//
//	go run -C integration/bench/matcher .            in some three minutes
//	go run -C integration/bench/matcher . -quick     in less than one
//
// It is a module of its own, so that what it compares with stays out of ours. It prints
// a table in Markdown for each number of rules: some of our bundled ones, and up to a
// million, made up but always the same, in the proportions of published lists. Nothing
// else may run on the machine meanwhile.
//
// # What is compared
//
// The shapes are the ways to do it that need no library, in shapes.go. The plain map,
// asked for one suffix after the other, is the baseline: what is not ahead of it is not
// worth its code. Its shape is also that of sdns, with a lock. The trie of maps is that
// of mosdns, the perfect hash that of v2ray. The peers are libraries, in peers.go: the
// multiplexer of miekg/dns that most DNS servers in Go have inside, AdGuard's rule
// engine, and two structures from other trades that are used for the job, an immutable
// radix tree and a finite-state transducer. The latter stands for the succinct tries of
// sing, mihomo and dae: little memory, much time.
//
// Each gets what it wants to have, before the clock runs: ours the octets of a packet,
// the others the name as text in lower case. A server would have to make that of each
// packet first. Each is built from what rules are when they have been read: ours from
// patterns, the others from text.
//
// Nothing is measured that answers wrongly. At the smallest size a search through all
// rules says what is right, at the others the plain map. Peers that know only whole
// suffixes are given every rule as such, and held to that.
//
// # What was turned down
//
// The modules of v2ray, mosdns, sdns, sing, mihomo, blocky and routedns could not be had
// when this was written, and each brings a whole program along for a matcher of a few
// files: hence the shapes. Of AdGuard's engine only an old version could be had. CoreDNS
// and ctrld search through all rules; dae's matcher does not come without its packet
// filter; dnsproxy and dnscrypt-proxy do not export theirs.
//
// # How it is measured
//
// Everything for one size is built first, and stays. In each round each matcher has its
// turn on each kind of query, for some milliseconds; the tables show the median of the
// rounds, and in brackets that of the ratio to ours in the same round, since the clock
// of a machine drifts. Memory is what the heap keeps after a collection, once what the
// matcher was built from is gone.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"runtime/debug"
	"time"
)

func main() {
	quick := flag.Bool("quick", false, "take less than a minute: shorter and fewer rounds, and not every size")
	flag.Parse()
	debug.SetGCPercent(400) // most of the heap is not that of who is being measured
	p := fullPace
	if *quick {
		p = quickPace
	}
	if err := run(p); err != nil {
		fmt.Fprintln(os.Stderr, "matcher:", err)
		os.Exit(1)
	}
}

// A pace says how much time is taken.
type pace struct {
	Sizes   []int // how many rules there are, besides the bundled ones
	Queries int   // of each kind
	Rounds  int
	Turn    time.Duration // of one matcher on one kind of query
	Builds  int           // of each matcher, of which the median counts
}

// The paces.
var (
	fullPace  = pace{Sizes: []int{10_000, 100_000, 1_000_000}, Queries: 1 << 16, Rounds: 15, Turn: 20 * time.Millisecond, Builds: 3}
	quickPace = pace{Sizes: []int{10_000, 1_000_000}, Queries: 1 << 14, Rounds: 5, Turn: 5 * time.Millisecond, Builds: 1}
)

// run measures every size, and prints its table as soon as it is known.
func run(p pace) error {
	if flag.NArg() > 0 {
		return errors.New("no arguments are wanted")
	}
	rules, err := bundledRules(bundledCount)
	if err != nil {
		return err
	}
	if err := checkAll(candidates, rules); err != nil {
		return err
	}
	describe(os.Stdout, candidates)
	if err := compare(rules, p); err != nil {
		return err
	}
	for _, n := range p.Sizes {
		if err := compare(madeRules(n), p); err != nil {
			return err
		}
	}
	return nil
}

// compare measures the candidates with rules, and prints the table.
func compare(rules []rule, p pace) error {
	b, err := newBench(candidates, rules, p)
	if err != nil {
		return err
	}
	b.measure(p)
	b.write(os.Stdout)
	return nil
}
