//go:build !unix

package server

import "net"

// listenPrivately opens a socket at path. Who may use it is up to the folder it is in.
func listenPrivately(path string) (net.Listener, error) {
	return net.Listen("unix", path)
}

// isRefused says that nobody listens on a socket: all that a dial fails with here.
func isRefused(err error) bool { return err != nil }
