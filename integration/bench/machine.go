//go:build linux

package main

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// A layout says which core each process has.
type layout struct {
	Server    int `json:"server"`
	Generator int `json:"generator"`
	Stub      int `json:"stub"` // the generator's, unless there are three
}

// newLayout shares out the cores that this process may use.
func newLayout(allowed []int) (layout, error) {
	n := len(allowed)
	if n < 2 {
		return layout{}, errors.New("two cores are needed: one for the server, one for the load")
	}
	l := layout{Server: allowed[n-1], Generator: allowed[0], Stub: allowed[0]}
	if n > 2 {
		l.Stub = allowed[1]
	}
	return l, nil
}

// allowedCores are the cores that this process may use, in order.
func allowedCores() ([]int, error) {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return nil, fmt.Errorf("reading which cores are allowed: %w", err)
	}
	var cores []int
	for i := range len(set) * strconv.IntSize {
		if set.IsSet(i) {
			cores = append(cores, i)
		}
	}
	return cores, nil
}

// pinThread binds a thread to one core; 0 is the calling thread.
func pinThread(tid, core int) error {
	var set unix.CPUSet
	set.Set(core)
	if err := unix.SchedSetaffinity(tid, &set); err != nil {
		return fmt.Errorf("binding to core %d: %w", core, err)
	}
	return nil
}

// pinSelf binds all threads of this process to one core; those that begin later
// inherit it.
func pinSelf(core int) error {
	entries, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return err
	}
	for _, e := range entries {
		tid, err := strconv.Atoi(e.Name())
		if err != nil {
			return err
		}
		if err := pinThread(tid, core); err != nil && !errors.Is(err, unix.ESRCH) {
			return err
		}
	}
	return nil
}

// A machine is what figures were measured on.
type machine struct {
	CPU    string `json:"cpu"`
	Cores  int    `json:"cores"`
	Kernel string `json:"kernel"`
	Go     string `json:"go"`
	Layout layout `json:"layout"`
}

// String is the line above the tables.
func (m machine) String() string {
	stub := ""
	if m.Layout.Stub != m.Layout.Generator {
		stub = fmt.Sprintf(", stub on core %d", m.Layout.Stub)
	}
	return fmt.Sprintf("%s, %d cores, Linux %s, %s; server on core %d, load on core %d%s",
		m.CPU, m.Cores, m.Kernel, m.Go, m.Layout.Server, m.Layout.Generator, stub)
}

// thisMachine describes the machine.
func thisMachine() (machine, error) {
	cores, err := allowedCores()
	if err != nil {
		return machine{}, err
	}
	l, err := newLayout(cores)
	if err != nil {
		return machine{}, err
	}
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return machine{}, fmt.Errorf("reading the kernel's version: %w", err)
	}
	info, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return machine{}, err
	}
	return machine{
		CPU:    cpuModel(string(info)),
		Cores:  len(cores),
		Kernel: unix.ByteSliceToString(u.Release[:]),
		Go:     runtime.Version(),
		Layout: l,
	}, nil
}

// cpuModel is the model in the text of /proc/cpuinfo, or the architecture where it
// has none.
func cpuModel(cpuinfo string) string {
	for line := range strings.Lines(cpuinfo) {
		key, value, _ := strings.Cut(line, ":")
		if strings.TrimSpace(key) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}
