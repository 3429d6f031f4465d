//go:build linux

package main

import "time"

// perMillion is the CPU time of the server for a million answers, in seconds.
func (r result) perMillion() float64 { return perMillion(r.Server.Total, r.Answered) }

// userPerMillion is the part of it that is not the kernel's.
func (r result) userPerMillion() float64 {
	if r.Server.User+r.Server.System == 0 {
		return 0
	}
	share := float64(r.Server.User) / float64(r.Server.User+r.Server.System)
	return share * r.perMillion()
}

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

// loss is the share of queries that were not answered.
func (r result) loss() float64 {
	if r.Sent == 0 {
		return 0
	}
	return float64(r.Lost) / float64(r.Sent)
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
	generator := max(r.share(r.Generator), r.share(r.Stub))
	if l.Stub == l.Generator {
		generator = r.share(r.Generator + r.Stub)
	}
	return judge(generator, r.share(r.Server.Total))
}

// ceiling is how many queries a second the load generator could ask and take the
// answers of, had its core nothing else to do.
func (r result) ceiling() float64 {
	if r.Generator == 0 {
		return 0
	}
	return float64(r.Answered) / r.Generator.Seconds()
}
