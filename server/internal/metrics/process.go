package metrics

import (
	"runtime"
	"runtime/metrics"
	"time"
)

// AddProcess adds the figures of the Go runtime and the process, which was started then.
func (p *Page) AddProcess(started time.Time) {
	p.Add("go_goroutines", float64(runtime.NumGoroutine()))
	for name, source := range map[string]string{
		"go_gc_cycles_total":    "/gc/cycles/total:gc-cycles",
		"go_memory_heap_bytes":  "/memory/classes/heap/objects:bytes",
		"go_memory_total_bytes": "/memory/classes/total:bytes",
	} {
		sample := []metrics.Sample{{Name: source}}
		metrics.Read(sample)
		p.Add(name, float64(sample[0].Value.Uint64()))
	}
	p.Add("process_start_time_seconds", float64(started.UnixMilli())/1000)
	p.addSystem()
}
