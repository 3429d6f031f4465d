//go:build linux

package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// tick is the unit of CPU time in /proc: USER_HZ is 100 on every architecture.
const tick = 10 * time.Millisecond

// A usage is the CPU time of a process and its children.
type usage struct {
	Total  time.Duration // exact
	User   time.Duration // the kernel's guess from samples, to a tick
	System time.Duration // the same
}

// add is the sum of two usages.
func (u usage) add(v usage) usage {
	return usage{u.Total + v.Total, u.User + v.User, u.System + v.System}
}

// since is what was used after an earlier reading.
func (u usage) since(v usage) usage {
	return usage{u.Total - v.Total, u.User - v.User, u.System - v.System}
}

// processUsage is what pid and its descendants have used, those that have ended
// and were waited for among them: dnsmasq has a process for each TCP connection.
func processUsage(pid int) (usage, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return usage{}, err
	}
	own, ended, err := parseStat(string(data))
	if err != nil {
		return usage{}, fmt.Errorf("reading the CPU time of process %d: %w", pid, err)
	}
	if own.Total, err = processClock(pid); err != nil {
		return usage{}, err
	}
	sum := own.add(ended)
	for _, child := range children(pid) {
		u, err := processUsage(child)
		if errors.Is(err, os.ErrNotExist) || errors.Is(err, unix.EINVAL) {
			continue // it has ended meanwhile
		}
		if err != nil {
			return usage{}, err
		}
		sum = sum.add(u)
	}
	return sum, nil
}

// processClock is the CPU time of the threads of a process, from its own clock,
// whose ID is made as by clock_getcpuclockid(3): /proc counts in ticks.
func processClock(pid int) (time.Duration, error) {
	const schedulerClock = 2
	var t unix.Timespec
	if err := unix.ClockGettime(int32(^pid<<3|schedulerClock), &t); err != nil {
		return 0, fmt.Errorf("reading the CPU time of process %d: %w", pid, err)
	}
	return time.Duration(t.Nano()), nil
}

// parseStat reads proc_pid_stat(5): utime and stime, fields 14 and 15, and cutime
// and cstime, 16 and 17, of children that have ended.
func parseStat(stat string) (own, ended usage, err error) {
	nameEnd := strings.LastIndexByte(stat, ')') // the name may have anything in it
	fields := strings.Fields(stat[nameEnd+1:])  // from field 3
	if nameEnd < 0 || len(fields) < 15 {
		return own, ended, fmt.Errorf("cannot be read: %q", stat)
	}
	var ticks [4]time.Duration
	for i := range ticks {
		n, err := strconv.ParseInt(fields[11+i], 10, 64)
		if err != nil {
			return own, ended, err
		}
		ticks[i] = time.Duration(n) * tick
	}
	own = usage{ticks[0] + ticks[1], ticks[0], ticks[1]}
	ended = usage{ticks[2] + ticks[3], ticks[2], ticks[3]}
	return own, ended, nil
}

// children are the processes that the threads of pid started, as far as the kernel
// says.
func children(pid int) []int {
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	if err != nil {
		return nil
	}
	var out []int
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			continue // the thread has ended meanwhile
		}
		for _, word := range strings.Fields(string(data)) {
			if child, err := strconv.Atoi(word); err == nil {
				out = append(out, child)
			}
		}
	}
	return out
}

// ownUsage is the CPU time of this process.
func ownUsage() (time.Duration, error) {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_PROCESS_CPUTIME_ID, &t); err != nil {
		return 0, fmt.Errorf("reading the CPU time: %w", err)
	}
	return time.Duration(t.Nano()), nil
}

// coreBusy is how long a core has not been idle since the machine started, to a
// tick.
func coreBusy(core int) (time.Duration, error) {
	data, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, err
	}
	return parseCore(string(data), core)
}

// parseCore reads the line of a core in proc_stat(5): user, nice, system, idle,
// iowait, irq, softirq, steal.
func parseCore(stat string, core int) (time.Duration, error) {
	prefix := fmt.Sprintf("cpu%d ", core)
	for line := range strings.Lines(stat) {
		rest, ok := strings.CutPrefix(line, prefix)
		if !ok {
			continue
		}
		var busy time.Duration
		for i, field := range strings.Fields(rest) {
			n, err := strconv.ParseInt(field, 10, 64)
			if err != nil {
				return 0, fmt.Errorf("reading /proc/stat: %w", err)
			}
			if i != 3 && i != 4 && i < 8 {
				busy += time.Duration(n) * tick
			}
		}
		return busy, nil
	}
	return 0, fmt.Errorf("reading /proc/stat: no core %d", core)
}

// A memory is what a process has in memory, in octets.
type memory struct {
	RSS  int64 `json:"rss"`
	Peak int64 `json:"peak"`
}

// processMemory reads proc_pid_status(5).
func processMemory(pid int) (memory, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return memory{}, err
	}
	return parseMemory(string(data))
}

// parseMemory finds VmRSS and VmHWM in proc_pid_status(5), in kB.
func parseMemory(status string) (memory, error) {
	var m memory
	for line := range strings.Lines(status) {
		key, value, _ := strings.Cut(line, ":")
		if key != "VmRSS" && key != "VmHWM" {
			continue
		}
		n, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
		if err != nil {
			return memory{}, fmt.Errorf("reading %s: %w", key, err)
		}
		if key == "VmRSS" {
			m.RSS = n * 1024
		} else {
			m.Peak = n * 1024
		}
	}
	if m.RSS == 0 || m.Peak == 0 {
		return memory{}, errors.New("reading the status of a process: no VmRSS and VmHWM")
	}
	return m, nil
}
