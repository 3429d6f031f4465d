//go:build linux

package main

import (
	"os"
	"testing"
	"time"
)

func TestStatIsRead(t *testing.T) {
	stat := "812 (a name) with) S 1 812 812 0 -1 4194560 2139 0 0 0 150 50 30 20 20 0 5 0 700 1000 200\n"
	own, ended, err := parseStat(stat)
	if want := (usage{2 * time.Second, 1500 * time.Millisecond, 500 * time.Millisecond}); err != nil || own != want {
		t.Errorf("own: %+v, %v, want %+v", own, err, want)
	}
	if want := (usage{500 * time.Millisecond, 300 * time.Millisecond, 200 * time.Millisecond}); ended != want {
		t.Errorf("ended children: %+v, want %+v", ended, want)
	}
	for _, bad := range []string{"", "1 (x) S 1 2", "812 (x) S 1 812 812 0 -1 4194560 2139 0 0 0 x 50 30 20 20 0 5"} {
		if _, _, err := parseStat(bad); err == nil {
			t.Errorf("no error for %q", bad)
		}
	}
}

func TestUsageOfThisProcess(t *testing.T) {
	before, err := processUsage(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	for began, n := time.Now(), 0; time.Since(began) < 5*time.Millisecond; n++ {
	}
	after, err := processUsage(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if used := after.since(before).Total; used <= 0 {
		t.Errorf("used %v, want some time", used)
	}
	if _, err := processUsage(1 << 30); err == nil {
		t.Error("there is a process that cannot be")
	}
}

func TestCoreIsRead(t *testing.T) {
	stat := "cpu  9 9 9 9 9 9 9 9 9 9\ncpu1 100 1 10 5000 7 2 3 4 50 60\ncpu10 1 1 1 1 1 1 1 1 1 1\nintr 5\n"
	if got, err := parseCore(stat, 1); err != nil || got != 1200*time.Millisecond {
		t.Errorf("core 1 was busy for %v, %v, want 1.2s", got, err)
	}
	if _, err := parseCore(stat, 2); err == nil {
		t.Error("there is a core 2")
	}
	if _, err := coreBusy(0); err != nil {
		t.Error(err)
	}
}

func TestMemoryIsRead(t *testing.T) {
	got, err := parseMemory("Name:\tx\nVmHWM:\t    2048 kB\nVmRSS:\t    1024 kB\n")
	if want := (memory{RSS: 1 << 20, Peak: 2 << 20}); err != nil || got != want {
		t.Errorf("memory %+v, %v, want %+v", got, err, want)
	}
	if _, err := parseMemory("Name:\tx\nState:\tZ (zombie)\n"); err == nil {
		t.Error("a zombie has memory")
	}
	if got, err := processMemory(os.Getpid()); err != nil || got.RSS == 0 {
		t.Errorf("memory of this process: %+v, %v", got, err)
	}
}

func TestLayout(t *testing.T) {
	for name, tt := range map[string]struct {
		cores []int
		want  layout
	}{
		"two":   {[]int{0, 1}, layout{Server: 1, Generator: 0, Stub: 0}},
		"three": {[]int{0, 1, 2}, layout{Server: 2, Generator: 0, Stub: 1}},
		"some":  {[]int{4, 6, 8, 9}, layout{Server: 9, Generator: 4, Stub: 6}},
	} {
		t.Run(name, func(t *testing.T) {
			if got, err := newLayout(tt.cores); err != nil || got != tt.want {
				t.Errorf("layout %+v, %v, want %+v", got, err, tt.want)
			}
		})
	}
	if _, err := newLayout([]int{3}); err == nil {
		t.Error("one core is enough")
	}
}

func TestCPUModel(t *testing.T) {
	if got := cpuModel("processor\t: 0\nmodel name\t: AMD EPYC: 9\n"); got != "AMD EPYC: 9" {
		t.Errorf("model %q", got)
	}
	if got := cpuModel("processor : 0\n"); got == "" {
		t.Error("a machine without a model has no name")
	}
}
