// Package replay holds query logs against a configuration: what would have become of each
// query, had that been in force, and what of it is another story than the log tells.
//
// What would have become of a query is found by a [server.Evaluator], that is by the
// steps of live traffic, with the addresses that the log has from the upstream. What a log
// cannot tell is not guessed: an answer for which nobody was asked then is counted as
// untold where somebody would be asked now, and of a CNAME chain only those names are
// known by which a rule applied.
//
// A log may have millions of lines and come from anywhere. It is read in blocks that
// several goroutines take apart; each remembers what came of lines that differ in
// nothing but time and client. Everything that grows with the log is bounded: names,
// clients and kinds of change are counted in tables of which the smallest counts are
// dropped, and the report says by how much a count may be too low.
package replay

import (
	"context"
	"io"
	"net/netip"
	"runtime"
	"sync"

	"splitdns/server"
	"splitdns/server/config"
)

// A Log is a query log to be read.
type Log struct {
	Name   string
	Reader io.Reader // of the text, or of the text compressed by gzip
}

// Options are what there is to replay.
type Options struct {
	Logs   []Log
	Config *config.Config
	// Progress is called now and then with the number of entries read; nil: it is not.
	Progress func(entries int64)
}

// everywhere is what "local" in server.allow means here: which networks were directly
// connected to the server is not in its log, and whom it answered was served.
var everywhere = []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")}

// Run reads all logs and reports what changes. An error is one of reading; what cannot be
// understood in a log is counted.
func Run(ctx context.Context, o Options) (*Report, error) {
	evaluators := [...]*server.Evaluator{
		server.NewEvaluator(o.Config, everywhere),
		server.NewEvaluator(o.Config.WithUpstream(nil), everywhere), // a simulated internet has no servers
	}
	workers := runtime.GOMAXPROCS(0)
	blocks, free := make(chan block), make(chan []byte, 2*workers)
	tallies := make([]*tally, workers)
	var g sync.WaitGroup
	for i := range tallies {
		tallies[i] = newTally()
		j := newJudge(evaluators, o.Config, tallies[i])
		g.Go(func() {
			for b := range blocks {
				j.block(b)
				free <- b.Data[:0]
			}
		})
	}
	r := reader{blocks: blocks, free: free, progress: o.Progress, tally: newTally(), room: 2 * workers}
	err := r.all(ctx, o.Logs)
	close(blocks)
	g.Wait()
	if err != nil {
		return nil, err
	}
	total := r.tally
	for _, t := range tallies {
		total.merge(t)
	}
	return total.report(o), nil
}
