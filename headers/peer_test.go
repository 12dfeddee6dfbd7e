package headers_test

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"outpost/headers"
)

func peers(networks ...string) headers.Peers {
	var all []netip.Prefix
	for _, n := range networks {
		all = append(all, netip.MustParsePrefix(n))
	}
	return headers.NewPeers(all)
}

func TestTrusts(t *testing.T) {
	trusted := peers("127.0.0.0/8", "10.1.0.0/16", "fd00::/8", "fe80::/10")
	for _, tt := range []struct {
		name   string
		peers  headers.Peers
		remote string
		want   bool
	}{
		{"loopback", trusted, "127.0.0.1:40000", true},
		{"network", trusted, "10.1.255.255:1", true},
		{"ipv4-in-ipv6", trusted, "[::ffff:10.1.2.3]:1", true},
		{"ipv6", trusted, "[fd00::1]:1", true},
		{"ipv6-with-zone", trusted, "[fe80::1%eth0]:1", true},
		{"unix-socket", trusted, "@", true},
		{"unix-socket-without-a-name", trusted, "", true},
		{"beyond-the-network", trusted, "10.2.0.0:1", false},
		{"stranger", trusted, "203.0.113.9:1", false},
		{"stranger-ipv6", trusted, "[2001:db8::1]:1", false},
		{"stranger-ipv4-in-ipv6", trusted, "[::ffff:203.0.113.9]:1", false},
		{"no-port", trusted, "127.0.0.1", false},
		{"nonsense", trusted, "localhost:1", false},
		{"nobody-is-trusted", headers.Peers{}, "127.0.0.1:1", false},
		{"but-unix-sockets", headers.Peers{}, "@", true},
		{"no-network-is-nobody", peers(), "127.0.0.1:1", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.peers.Trusts(tt.remote); got != tt.want {
				t.Errorf("Trusts(%q) is %v", tt.remote, got)
			}
			if peer, err := netip.ParseAddrPort(tt.remote); err == nil {
				if got := tt.peers.TrustsAddr(peer.Addr()); got != tt.want {
					t.Errorf("TrustsAddr(%v) is %v", peer.Addr(), got)
				}
			}
		})
	}
}

func TestClientIP(t *testing.T) {
	trusted := peers("127.0.0.0/8", "10.0.0.0/8")
	for _, tt := range []struct {
		name      string
		forwarded []string
		real      string
		remote    string
		want      string
	}{
		{"one-hop", []string{"203.0.113.7"}, "203.0.113.7", "127.0.0.1:1", "203.0.113.7"},
		{"what-the-client-added-does-not-count", []string{"198.51.100.1, 203.0.113.7"}, "", "127.0.0.1:1", "203.0.113.7"},
		{"through-a-chain", []string{"198.51.100.1, 203.0.113.7, 10.0.0.2, 127.0.0.1"}, "", "127.0.0.1:1", "203.0.113.7"},
		{"in-several-lines", []string{"198.51.100.1", "203.0.113.7", "10.0.0.2"}, "", "127.0.0.1:1", "203.0.113.7"},
		{"all-are-ours", []string{"10.0.0.5, 10.0.0.2"}, "", "127.0.0.1:1", "10.0.0.5"},
		{"ipv4-in-ipv6", []string{"::ffff:203.0.113.7"}, "", "127.0.0.1:1", "203.0.113.7"},
		{"ipv6", []string{"2001:db8::7"}, "", "127.0.0.1:1", "2001:db8::7"},
		{"no-spaces", []string{"198.51.100.1,203.0.113.7"}, "", "127.0.0.1:1", "203.0.113.7"},
		{"real-ip-where-nothing-was-forwarded", nil, "203.0.113.8", "127.0.0.1:1", "203.0.113.8"},
		{"real-ip-where-it-cannot-be-read", []string{"unknown"}, "203.0.113.8", "127.0.0.1:1", "203.0.113.8"},
		{"nothing-is-read-behind-what-cannot-be", []string{"203.0.113.9, evil, 10.0.0.2"}, "203.0.113.8", "127.0.0.1:1", "203.0.113.8"},
		{"commas-alone", []string{",,,"}, "", "127.0.0.1:1", "127.0.0.1"},
		{"with-a-port", []string{"203.0.113.7:443"}, "", "127.0.0.1:1", "127.0.0.1"},
		{"with-a-zone", []string{"fe80::1%" + strings.Repeat("x", 60_000)}, "fe80::2%evil", "127.0.0.1:1", "127.0.0.1"},
		{"nothing-at-all", nil, "", "10.0.0.9:1", "10.0.0.9"},
		{"unix-socket", []string{"203.0.113.7"}, "", "@", "203.0.113.7"},
		{"unix-socket-and-nothing", nil, "", "@", "invalid IP"},
		{"stranger-is-not-believed", []string{"10.0.0.1"}, "10.0.0.2", "203.0.113.9:1", "203.0.113.9"},
		{"stranger-ipv4-in-ipv6", nil, "", "[::ffff:203.0.113.9]:1", "203.0.113.9"},
		{"no-address", []string{"203.0.113.7"}, "203.0.113.8", "nonsense", "invalid IP"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := http.Header{}
			for _, v := range tt.forwarded {
				h.Add("X-Forwarded-For", v)
			}
			if tt.real != "" {
				h.Set("X-Real-Ip", tt.real)
			}
			if got := trusted.ClientIP(h, tt.remote).String(); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestLocalPeers(t *testing.T) {
	networks, err := headers.LocalPeers()
	if err != nil {
		t.Fatal(err)
	}
	local := headers.NewPeers(networks)
	for _, remote := range []string{"127.0.0.1:1", "[::1]:1", "10.9.8.7:1", "172.16.0.1:1", "172.31.255.255:1", "192.168.1.1:1", "[fd12::1]:1", "@"} {
		if !local.Trusts(remote) {
			t.Errorf("%s is not trusted", remote)
		}
	}
	// This machine's own networks are, whatever their range, unless one of them
	// is so large that it holds strangers.
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, addr := range addrs {
		n := netip.MustParsePrefix(addr.String())
		if n.Bits() >= 16 && !slices.Contains(networks, netip.PrefixFrom(n.Addr().Unmap().WithZone(""), n.Bits()).Masked()) {
			t.Errorf("the network of our own address %s is not among %s", n, networks)
		}
	}
	for _, n := range networks {
		if !n.IsValid() || n != n.Masked() || n.Bits() < 7 || n.Addr().Is4() && n.Bits() < 8 {
			t.Errorf("network %s", n)
		}
	}
}

// An address in a header is the client's to write.
func FuzzClientIP(f *testing.F) {
	f.Add("203.0.113.7, 10.0.0.1", "10.0.0.2", "127.0.0.1:1")
	f.Add("fe80::1%x", "::1%", "[fe80::1%eth0]:1")
	f.Add(",, ,", "", "@")
	trusted := peers("127.0.0.0/8", "10.0.0.0/8")
	f.Fuzz(func(t *testing.T, forwarded, real, remote string) {
		h := http.Header{"X-Forwarded-For": {forwarded}, "X-Real-Ip": {real}}
		got := trusted.ClientIP(h, remote)
		if got.Is4In6() {
			t.Errorf("%s is IPv4 in IPv6: no rule for either would be certain", got)
		}
		if peer, err := netip.ParseAddrPort(remote); err == nil && !trusted.Trusts(remote) && got != peer.Addr().Unmap() {
			t.Errorf("a stranger at %s said %s", remote, got)
		}
		if trusted.Trusts(remote) && got.Zone() != "" && !strings.Contains(remote, got.Zone()) {
			t.Errorf("zone %q from a header", got.Zone())
		}
	})
}
