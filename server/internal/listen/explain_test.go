package listen_test

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"splitdns/server/internal/listen"
)

// openError is what Open says about addr, which it must not open.
func openError(t *testing.T, addr netip.AddrPort) error {
	t.Helper()
	l, err := open(addr, limits(), waiting(echo), func(text string) { t.Error(text) })
	if err == nil {
		l.Close()
		t.Fatalf("Open(%s) = nil, want an error", addr)
	}
	return err
}

func TestSecondOpenIsRefused(t *testing.T) {
	s := serve(t, "127.0.0.1:0", limits(), echo)
	err := openError(t, s.Addr())
	if listen.NoSuchAddress(err) {
		t.Errorf("NoSuchAddress(%v) = true, want false", err)
	}
	if runtime.GOOS != "windows" && !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("error %v, want EADDRINUSE", err)
	}
	for _, want := range []string{
		"listening on " + s.Addr().String() + " over TCP: ", "is another resolver, or another splitdns, running?",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error %q, want it to say %q", err, want)
		}
	}
}

// takeUDP takes a port for UDP that is free for TCP.
func takeUDP(t *testing.T) *net.UDPConn {
	t.Helper()
	for range 20 {
		u, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			t.Fatal(err)
		}
		if l, err := net.Listen("tcp4", u.LocalAddr().String()); err == nil {
			l.Close()
			t.Cleanup(func() { u.Close() })
			return u
		}
		u.Close()
	}
	t.Fatal("no port is free for TCP")
	return nil
}

func TestPortTakenForUDPOnly(t *testing.T) {
	addr := takeUDP(t).LocalAddr().(*net.UDPAddr).AddrPort()
	err := openError(t, addr)
	if want := "listening on " + addr.String() + " over UDP: "; !strings.HasPrefix(err.Error(), want) {
		t.Errorf("error %q, want %q", err, want)
	}
	tcp, err := net.Listen("tcp4", addr.String())
	if err != nil {
		t.Fatalf("TCP is still taken after Open: %v", err)
	}
	tcp.Close()
}

func TestAddressOfAnotherMachine(t *testing.T) {
	err := openError(t, netip.MustParseAddrPort("198.51.100.77:0"))
	if want := "no interface of this machine has the address 198.51.100.77"; !strings.Contains(err.Error(), want) {
		t.Errorf("error %q, want %q", err, want)
	}
	if !listen.NoSuchAddress(err) {
		t.Errorf("NoSuchAddress(%v) = false, want true", err)
	}
}

func TestLinkLocalWithoutInterface(t *testing.T) {
	err := openError(t, netip.MustParseAddrPort("[fe80::1]:0"))
	if runtime.GOOS == "linux" && !strings.Contains(err.Error(), "as in fe80::1%eth0") && !errors.Is(err, syscall.EAFNOSUPPORT) {
		t.Errorf("error %q, want the form with an interface", err)
	}
}

func TestNoAddress(t *testing.T) {
	if err := openError(t, netip.AddrPort{}); err.Error() != "listening: no address given" {
		t.Errorf("error %q", err)
	}
}

func TestExplain(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the hints are those of Linux")
	}
	tests := map[string]struct {
		addr string
		err  syscall.Errno
		want []string
	}{
		"taken": {"127.0.0.1:5300", syscall.EADDRINUSE, []string{
			"listening on 127.0.0.1:5300 over TCP: bind: address already in use", "`ss -lnptu sport = :5300` shows it",
		}},
		"taken by the system's stub": {"0.0.0.0:53", syscall.EADDRINUSE, []string{"systemd-resolved", "DNSStubListener=no"}},
		"privileged": {"[::]:53", syscall.EACCES, []string{
			"listening on [::]:53 over TCP: bind: permission denied", "setcap cap_net_bind_service=+ep",
			"AmbientCapabilities=CAP_NET_BIND_SERVICE", "net.ipv4.ip_unprivileged_port_start=53",
		}},
		"no IPv6": {"[::1]:5300", syscall.EAFNOSUPPORT, []string{"this machine does not speak IPv6"}},
		"no IPv4": {"127.0.0.1:5300", syscall.EAFNOSUPPORT, []string{"this machine does not speak IPv4"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			cause := &net.OpError{Op: "listen", Net: "tcp", Err: os.NewSyscallError("bind", test.err)}
			err := listen.Explain("TCP", netip.MustParseAddrPort(test.addr), cause)
			if !errors.Is(err, test.err) {
				t.Errorf("error %v does not wrap %v", err, test.err)
			}
			if got, want := listen.NoSuchAddress(err), test.err == syscall.EAFNOSUPPORT; got != want {
				t.Errorf("NoSuchAddress(%v) = %v, want %v", err, got, want)
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q, want it to say %q", err, want)
				}
			}
		})
	}
	if err := listen.Explain("TCP", netip.MustParseAddrPort("127.0.0.1:5300"), syscall.EADDRINUSE); strings.Contains(err.Error(), "resolved") {
		t.Errorf("error %q for another port than 53 speaks of its holder", err)
	}
}
