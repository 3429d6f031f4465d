package metrics

import (
	"bytes"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// addSystem adds what the system says of the process, as far as it does.
func (p *Page) addSystem() {
	var usage unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &usage) == nil {
		p.Add("process_cpu_seconds_total", float64(unix.TimevalToNsec(usage.Utime)+unix.TimevalToNsec(usage.Stime))/1e9)
	}
	if statm, err := os.ReadFile("/proc/self/statm"); err == nil {
		if fields := bytes.Fields(statm); len(fields) > 1 {
			if pages, err := strconv.ParseUint(string(fields[1]), 10, 64); err == nil {
				p.Add("process_resident_memory_bytes", float64(pages)*float64(os.Getpagesize()))
			}
		}
	}
	if open, err := os.ReadDir("/proc/self/fd"); err == nil {
		p.Add("process_open_fds", float64(len(open)))
	}
}
