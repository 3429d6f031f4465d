package upstream

import (
	"net"
	"net/netip"
	"syscall"
)

const (
	// portTries is how often a port is chosen at random before the kernel may choose.
	portTries = 4
	// firstPort is the lowest that is not reserved for privileged services.
	firstPort = 1024
)

// dial opens a connection on an unpredictable port, never the server's own: where a server
// on this machine is gone, its port is free, and a socket there would be connected to
// itself, and hear its own queries instead of that nobody is there.
func dial(to netip.AddrPort) (*net.UDPConn, error) {
	network := "udp6"
	if to.Addr().Is4() {
		network = "udp4"
	}
	remote := net.UDPAddrFromAddrPort(to)
	for range portTries { // a port may be taken
		if conn, err := net.DialUDP(network, &net.UDPAddr{Port: randomPort(to.Port())}, remote); err == nil {
			return conn, nil
		}
	}
	conn, err := net.DialUDP(network, nil, remote)
	if err == nil && conn.LocalAddr().(*net.UDPAddr).AddrPort() == to {
		_ = conn.Close()
		return nil, syscall.ECONNREFUSED // nobody has the port but we
	}
	return conn, err
}

// randomPort is unpredictable; all ports but the reserved ones and taboo are equally
// likely.
func randomPort(taboo uint16) int {
	for {
		if port := random16(); port >= firstPort && port != taboo {
			return int(port)
		}
	}
}
