package server

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"sync/atomic"
	"time"

	"golang.org/x/net/netutil"

	"splitdns/zones/tomlfile"
)

// What the control socket lets be taken up. Who may use it is trusted, and yet a script may
// go wrong.
const (
	controlMaxConns = 16
	controlMaxBody  = 4 << 10
	controlRead     = 2 * time.Second
	// controlWrite leaves time to read a configuration with long lists.
	controlWrite = time.Minute
	// controlDial is how long another server may take to say that it lives.
	controlDial = time.Second
)

// openControl opens the control socket at path; nil without one. Only the user as whom the server
// runs may use it, and root: the permissions of the file are its guard.
func openControl(s *Server, path string) (*httpServer, error) {
	if path == "" {
		return nil, nil
	}
	if err := clearSocket(path); err != nil {
		return nil, fmt.Errorf("server.control: %w", err)
	}
	l, err := listenPrivately(path)
	if err != nil {
		return nil, fmt.Errorf("server.control: %w: give a path in a folder that exists and that the server may write to", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/status", s.controlStatus)
	mux.HandleFunc("GET /v1/drift", s.controlDrift)
	mux.HandleFunc("GET /v1/sets", s.controlSets)
	mux.HandleFunc("POST /v1/reload", s.controlReload)
	mux.HandleFunc("POST /v1/flush", s.controlFlush)
	mux.HandleFunc("POST /v1/refresh", s.controlRefresh)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		refuseControl(w, http.StatusNotFound, fmt.Errorf("no %s %s", r.Method, r.URL.Path))
	})
	return &httpServer{
		server:    http.Server{Handler: mux, ReadTimeout: controlRead, WriteTimeout: controlWrite, MaxHeaderBytes: httpMaxHeader},
		listeners: []net.Listener{netutil.LimitListener(l, controlMaxConns)},
	}, nil
}

// clearSocket removes a socket at path that a server has left behind which was killed. Two servers
// that start at the same time are kept apart by the addresses that they listen on.
func clearSocket(path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.Mode().Type() != fs.ModeSocket:
		return fmt.Errorf("%s is there and is no socket: give another path", path)
	}
	c, err := net.DialTimeout("unix", path, controlDial)
	switch {
	case err == nil:
		c.Close()
		return fmt.Errorf("%s: another server is listening on it: stop that one, or give another path", path)
	case !isRefused(err):
		return fmt.Errorf("%s is there and cannot be asked whose it is: %w", path, err)
	}
	return os.Remove(path)
}

// controlError is what the control socket says when it does not do what it was asked.
type controlError struct {
	Error string `json:"error"`
}

// refuseControl says why something is not done.
func refuseControl(w http.ResponseWriter, code int, err error) {
	writeControl(w, code, controlError{err.Error()})
}

// writeControl writes a response. Who has gone meanwhile needs none.
func writeControl(w http.ResponseWriter, code int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(body)
}

// reloaded is what became of a reload.
type reloaded struct {
	ok       bool
	problems tomlfile.Problems // warnings, if ok
	restart  []string          // keys that have changed, and take effect at the next start
}

// A Reloaded is what the control socket says of a reload.
type Reloaded struct {
	OK       bool     `json:"ok"`
	Problems []string `json:"problems"`       // and warnings, as `splitdns check` prints them
	InForce  string   `json:"in_force"`       // what the server runs on now
	Restart  []string `json:"restart"`        // what else there is to say: keys that need a restart
	Sets     []string `json:"sets,omitempty"` // and sets that are not well
}

// controlReload is `POST /v1/reload`. A configuration that is refused is no error of who asks.
func (s *Server) controlReload(w http.ResponseWriter, _ *http.Request) {
	if s.draining.Load() {
		refuseControl(w, http.StatusServiceUnavailable, errors.New("the server is stopping"))
		return
	}
	r := s.reload("control socket")
	said := Reloaded{OK: r.ok, Problems: []string{}, InForce: s.Summary(), Restart: []string{}}
	for _, p := range r.problems {
		said.Problems = append(said.Problems, p.String())
	}
	for _, key := range r.restart {
		said.Restart = append(said.Restart, key+restartNote)
	}
	said.Sets = s.faultySets()
	writeControl(w, http.StatusOK, said)
}

// A FlushQuery says what is to be flushed.
type FlushQuery struct {
	Pattern string `json:"pattern"` // see [Server.Flush]
}

// A Flushed is what a flush took.
type Flushed struct {
	Answers int `json:"answers"`
}

// controlFlush is `POST /v1/flush`.
func (s *Server) controlFlush(w http.ResponseWriter, r *http.Request) {
	var q FlushQuery
	in := json.NewDecoder(http.MaxBytesReader(w, r.Body, controlMaxBody))
	in.DisallowUnknownFields()
	if err := in.Decode(&q); err != nil {
		refuseControl(w, http.StatusBadRequest, fmt.Errorf("reading the body: %w: want {\"pattern\": NAME}", err))
		return
	}
	n, err := s.Flush(q.Pattern)
	if err != nil {
		refuseControl(w, http.StatusBadRequest, err)
		return
	}
	s.options.Log.Info("flushed the cache", "pattern", cmp.Or(q.Pattern, "."), "answers", n)
	writeControl(w, http.StatusOK, Flushed{n})
}

// reloads counts reloads. The zero value is a server that was never reloaded. It is safe for
// concurrent use.
type reloads struct {
	ok, refused atomic.Uint64
	last        atomic.Pointer[lastReload]
}

// lastReload is how the last reload ended, and when.
type lastReload struct {
	problem string // because of which it was refused; "" if it was not
	at      time.Time
}

// add counts one, which was refused because of problem; "" if it was not.
func (r *reloads) add(problem string) {
	if problem == "" {
		r.ok.Add(1)
	} else {
		r.refused.Add(1)
	}
	r.last.Store(&lastReload{problem, time.Now()})
}
