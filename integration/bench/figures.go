//go:build linux

package main

import "time"

// perMillion is the CPU time of the server for a million answers, in seconds.
func (r result) perMillion() float64 { return perMillion(r.Server.Total, r.Answered) }

// perMillion is a time for each of n, in seconds for a million.
func perMillion(d time.Duration, n uint64) float64 {
	if n == 0 {
		return 0
	}
	return d.Seconds() / float64(n) * 1e6
}

// qps is how many queries were answered a second.
func (r result) qps() float64 {
	if r.Wall == 0 {
		return 0
	}
	return float64(r.Answered) / r.Wall.Seconds()
}

// loss is the share of queries that were not answered. Among those that were given up
// may be some of the ramp.
func (r result) loss() float64 {
	if r.Sent == 0 {
		return 0
	}
	return float64(min(r.Lost, r.Sent)) / float64(r.Sent)
}

// share is how much of the time on the clock d is.
func (r result) share(d time.Duration) float64 {
	if r.Wall == 0 {
		return 0
	}
	return float64(d) / float64(r.Wall)
}

// saturation says who held a closed loop back, from who used which core.
func (r result) saturation(l layout) saturation {
	return judge(r.share(r.load(l)), r.share(r.Server.Total))
}

// load is the CPU time of the load generator and the stub on the core that they used
// most.
func (r result) load(l layout) time.Duration {
	if l.Stub == l.Generator {
		return r.Generator + r.Stub
	}
	return max(r.Generator, r.Stub)
}

// ceiling is how many queries a second the load generator could ask and take the
// answers of, had its core nothing else to do.
func (r result) ceiling() float64 {
	if r.Generator == 0 {
		return 0
	}
	return float64(r.Answered) / r.Generator.Seconds()
}

// missCeiling is how many new names a second the load generator and the stub could ask
// and answer: against the fastest server, since they do less for each the more come at
// once. The echo does not ask the stub.
func (r report) missCeiling() float64 {
	most := 0.0
	for _, one := range r.Runs {
		p := one.Phases[mainPhase]
		if load := p.load(r.Machine.Layout); one.Workload == "missing" && one.Server != echoName && load > 0 {
			most = max(most, float64(p.Answered)/load.Seconds())
		}
	}
	return most
}
