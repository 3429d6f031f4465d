package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"splitdns/server"
	"splitdns/server/config"
)

const (
	// controlTimeout bounds a call: a reload reads long lists.
	controlTimeout = time.Minute
	// maxControlAnswer bounds what a server says, in octets: problems are many at worst.
	maxControlAnswer = 64 << 20
	// exampleControl is a good path for the socket.
	exampleControl = "/run/splitdns/control.sock"
)

// controlFlags say where the control socket is.
type controlFlags struct {
	file, socket string
	timeout      time.Duration // of a call
}

// controlFlagsOf adds the flags that say where the control socket is to c.
func controlFlagsOf(c *cobra.Command) *controlFlags {
	f := controlFlags{timeout: controlTimeout}
	configFlag(c, &f.file)
	c.Flags().Lookup("config").Usage = "find the socket in server.control of the configuration `FILE`"
	c.Flags().StringVar(&f.socket, "control", "", "the control socket's `PATH`, instead of -c")
	return &f
}

// path is where the control socket is.
func (f *controlFlags) path() (string, error) {
	if f.socket != "" {
		return f.socket, nil
	}
	how := fmt.Sprintf("the server has one with [server] control = %q, or with `serve --control %s`", exampleControl, exampleControl)
	if f.file == "" {
		return "", problem{fmt.Errorf("no control socket given: want --control PATH, or -c FILE that says it; %s", how)}
	}
	path, problems := config.LoadControl(f.file)
	switch {
	case problems.Errors():
		return "", &server.ConfigError{Problems: problems}
	case path == "":
		return "", problem{fmt.Errorf("%s: no control socket: %s", f.file, how)}
	}
	return path, nil
}

// call asks the server behind the control socket, and puts its answer into answer.
func (f *controlFlags) call(ctx context.Context, method, path string, query, answer any) error {
	socket, err := f.path()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, f.timeout)
	defer cancel()
	body, err := json.Marshal(query)
	if err != nil {
		return problem{err}
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://splitdns"+path, bytes.NewReader(body))
	if err != nil {
		return problem{err}
	}
	client := http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", socket)
		},
	}}
	resp, err := client.Do(req)
	if err != nil {
		return problem{unreachable(socket, err)}
	}
	defer resp.Body.Close()
	return readAnswer(resp, socket, answer)
}

// readAnswer reads what the server said.
func readAnswer(resp *http.Response, socket string, answer any) error {
	in := json.NewDecoder(io.LimitReader(resp.Body, maxControlAnswer))
	if resp.StatusCode != http.StatusOK {
		var refusal struct{ Error string }
		if in.Decode(&refusal) != nil || refusal.Error == "" {
			refusal.Error = fmt.Sprintf("%s: answered %s: is it splitdns, of this version?", socket, resp.Status)
		}
		return problem{errors.New(refusal.Error)}
	}
	if err := in.Decode(answer); err != nil {
		return problem{fmt.Errorf("%s: reading the answer: %w", socket, err)}
	}
	return nil
}

// unreachable says why the server behind socket cannot be asked, and what to do.
func unreachable(socket string, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s: no such socket: the server is not running, or without [server] control = %q", socket, socket)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%s: permission denied: it is for root and the user that the server runs as", socket)
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("%s: nobody listens: the server is not running", socket)
	}
	if op, ok := errors.AsType[*net.OpError](err); ok {
		err = op.Err
	}
	return fmt.Errorf("%s: %w", socket, cmp.Or(errors.Unwrap(err), err))
}
