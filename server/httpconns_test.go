package server_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"splitdns/server"
)

// Connections without a request, and with half of one, do not keep a supervisor out.
func TestHealthBesideHalfOpenConnections(t *testing.T) {
	b := newBench(t, held("observe", ""), says(t, mixed))
	_, host := serveHTTP(t, b, "127.0.0.1:0")
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- b.ServeHTTP(ctx) }()
	var open []net.Conn
	for i := range 2 * server.HTTPMaxConns {
		c, err := net.Dial("tcp", host)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		fmt.Fprint(c, []string{"", "GET /healthz HTTP/1.1\r\nHo"}[i%2])
		open = append(open, c)
	}
	client := http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Get("http://" + host + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(response.Body)
	response.Body.Close()
	if string(body) != "ok\n" {
		t.Errorf("%s %q", response.Status, body)
	}
	begin := time.Now()
	for _, c := range open {
		c.SetReadDeadline(begin.Add(4 * time.Second)) // the time for a body is 5 s
		if _, err := io.Copy(io.Discard, c); err != nil && err.(net.Error).Timeout() {
			t.Fatal("still open")
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// fakeConn is a connection from an address, which knows if it is closed.
type fakeConn struct {
	net.Conn
	from   string
	closed bool
}

// RemoteAddr is the address.
func (f *fakeConn) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.ParseIP(f.from), Port: 1} }

// Close closes it.
func (f *fakeConn) Close() error {
	f.closed = true
	return nil
}

// One client has at most his own few, and goes at his own cost; those with a request stay longest.
func TestHTTPConnectionsOfOneClient(t *testing.T) {
	var h server.HTTPConns
	connect := func(from string) *fakeConn {
		c := &fakeConn{from: from}
		h.Watch(c, http.StateNew)
		return c
	}
	other := connect("192.0.2.1")
	var own []*fakeConn
	for range server.HTTPMaxOwn {
		own = append(own, connect("192.0.2.66"))
	}
	h.Watch(own[0], http.StateActive)
	connect("192.0.2.66")
	if other.closed || own[0].closed || !own[1].closed {
		t.Errorf("closed: other %v, active %v, oldest without a request %v", other.closed, own[0].closed, own[1].closed)
	}
	h.Watch(own[0], http.StateIdle)
	h.Watch(own[1], http.StateClosed) // again, as net/http says it
	connect("192.0.2.66")
	if !own[0].closed || own[2].closed {
		t.Error("want the oldest closed, which is idle again")
	}
	h.Watch(own[2], http.StateClosed)
	if connect("192.0.2.66"); own[3].closed {
		t.Error("closed, though there was room")
	}
	for range server.HTTPMaxConns {
		connect("127.0.0.1")
	}
	if !other.closed {
		t.Error("more than all may have")
	}
}
