//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A process is one that this program started, on a core of its own choice. It is
// the first of a process group, so that Ctrl-C reaches only this program, and so
// that what it started ends with it.
type process struct {
	cmd    *exec.Cmd
	log    string        // the file that has what it prints
	began  time.Time     // just before it was started
	ended  chan struct{} // closed when it has exited
	failed error         // how it exited; only to be read after ended
}

// A command is what to start, where.
type command struct {
	Argv []string
	Env  []string // besides our own
	Core int
}

// spawn starts a command in dir. The main goroutine alone may call it: it is bound
// to the main thread, and the child inherits the core from that thread and is killed
// when that thread ends (unless it has changed its user since, as dnsmasq does).
func spawn(dir string, c command) (*process, error) {
	p := &process{log: filepath.Join(dir, "log")}
	out, err := os.Create(p.log)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	p.cmd = exec.Command(c.Argv[0], c.Argv[1:]...)
	p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr = dir, out, out
	return p, p.start(c)
}

// start starts the command on its core.
func (p *process) start(c command) error {
	var home unix.CPUSet
	if err := unix.SchedGetaffinity(0, &home); err != nil {
		return fmt.Errorf("reading which cores are allowed: %w", err)
	}
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	p.cmd.Env = append(os.Environ(), c.Env...)
	if err := pinThread(0, c.Core); err != nil {
		return err
	}
	p.began = time.Now()
	failed := p.cmd.Start()
	if err := errors.Join(failed, unix.SchedSetaffinity(0, &home)); err != nil {
		return err
	}
	p.ended = make(chan struct{})
	go func() {
		p.failed = p.cmd.Wait()
		close(p.ended)
	}()
	return nil
}

// pid is the process's number.
func (p *process) pid() int { return p.cmd.Process.Pid }

// stop ends the process and what it started, and waits for it.
func (p *process) stop() {
	_ = syscall.Kill(-p.pid(), syscall.SIGKILL) // it may have ended
	<-p.ended
}

// said is the end of what the process printed, in one line.
func (p *process) said() string {
	const most = 600
	data, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	data = bytes.TrimSpace(collectionLine.ReplaceAll(data, nil))
	if len(data) == 0 {
		return "nothing"
	}
	return strings.Join(strings.Fields(string(data[max(0, len(data)-most):])), " ")
}

// collections is how many lines that the process printed are of the Go runtime, about a
// collection of garbage.
func (p *process) collections() int {
	data, err := os.ReadFile(p.log)
	if err != nil {
		return 0
	}
	return len(collectionLine.FindAll(data, -1))
}

// collectionLine is such a line.
var collectionLine = regexp.MustCompile(`(?m)^gc [0-9]+ @.*$`)

// answers waits until the process answers query as expected, and returns how long
// that took from its start.
func (p *process) answers(ctx context.Context, port int, query []byte, want expectation) (time.Duration, error) {
	c, err := net.DialUDP("udp4", nil, &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port})
	if err != nil {
		return 0, err
	}
	defer c.Close()
	response := make([]byte, packetSize)
	for {
		select {
		case <-ctx.Done():
			return 0, fmt.Errorf("no right answer: %w (what it said: %s)", context.Cause(ctx), p.said())
		case <-p.ended:
			return 0, fmt.Errorf("it ended (what it said: %s)", p.said())
		default:
		}
		n, err := ask(c, query, response)
		if err == nil && want.met(query, response[:n]) {
			return time.Since(p.began), nil
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			time.Sleep(time.Millisecond) // its port is closed, or it is not ready
		}
	}
}

// ask sends a query and waits a moment for a response.
func ask(c *net.UDPConn, query, response []byte) (int, error) {
	if _, err := c.Write(query); err != nil {
		return 0, err
	}
	if err := c.SetReadDeadline(time.Now().Add(20 * time.Millisecond)); err != nil {
		return 0, err
	}
	return c.Read(response)
}

// call starts a command, gives it input, and returns what it prints.
func call(ctx context.Context, c command, input []byte) ([]byte, error) {
	var stdout, stderr bytes.Buffer
	p := &process{cmd: exec.Command(c.Argv[0], c.Argv[1:]...)}
	p.cmd.Stdin, p.cmd.Stdout, p.cmd.Stderr = bytes.NewReader(input), &stdout, &stderr
	if err := p.start(c); err != nil {
		return nil, err
	}
	select {
	case <-p.ended:
	case <-ctx.Done():
		p.stop()
		return nil, context.Cause(ctx)
	}
	if p.failed != nil {
		return nil, fmt.Errorf("%w: %s", p.failed, bytes.TrimSpace(stderr.Bytes()))
	}
	return stdout.Bytes(), nil
}

// freePort is a port of 127.0.0.1 that is free for UDP and TCP.
func freePort() (int, error) {
	for range 100 {
		l, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			return 0, err
		}
		port := l.Addr().(*net.TCPAddr).Port
		c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port})
		l.Close()
		if err == nil {
			return port, c.Close()
		}
	}
	return 0, errors.New("no port is free for both UDP and TCP")
}
