package listen

// What helps on Linux. PORT in socketsHint stands for the port.
const (
	socketsHint   = "ss -lnptu sport = :PORT"
	addressesHint = "`ip addr` lists those it has"
	stubHint      = "; the stub of systemd-resolved holds 127.0.0.53 and 127.0.0.54: listen on single addresses instead of " +
		"0.0.0.0, or set DNSStubListener=no in /etc/systemd/resolved.conf"
	permissionHint = "grant it with `setcap cap_net_bind_service=+ep` on the program, with " +
		"AmbientCapabilities=CAP_NET_BIND_SERVICE in the systemd unit, or with " +
		"`sysctl net.ipv4.ip_unprivileged_port_start=53`"
)
