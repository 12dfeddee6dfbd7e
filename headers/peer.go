package headers

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// Peers are the addresses whose forwarded headers count: the trusted proxies.
// The zero value trusts unix sockets only.
type Peers struct{ networks []netip.Prefix }

// NewPeers trusts the given networks, and unix sockets, to which only the
// machine's own processes can connect.
func NewPeers(networks []netip.Prefix) Peers { return Peers{networks} }

// LocalPeers are the networks trusted where the configuration names none:
// loopback, the private ranges of RFC 1918 and RFC 4193, and the networks of
// the machine's own interfaces, since container networks are not always
// private ranges. The error is that of asking for the interfaces; the fixed
// ranges are returned all the same.
func LocalPeers() ([]netip.Prefix, error) {
	var networks []netip.Prefix
	for _, s := range []string{
		"127.0.0.0/8", "::1/128", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7",
	} {
		networks = append(networks, netip.MustParsePrefix(s))
	}
	addrs, err := net.InterfaceAddrs()
	for _, addr := range addrs {
		// An interface whose mask says "everybody" would trust strangers:
		// networks count up to the size that container hosts hand out.
		if n, parseErr := netip.ParsePrefix(addr.String()); parseErr == nil && n.Bits() >= 16 {
			networks = append(networks, netip.PrefixFrom(n.Addr().Unmap().WithZone(""), n.Bits()).Masked())
		}
	}
	return networks, err
}

// Trusts reports whether the peer of a connection is a trusted proxy.
// remoteAddr is http.Request.RemoteAddr: "ip:port", or "@" or "" for a client
// of a unix socket, which has no address.
func (p Peers) Trusts(remoteAddr string) bool {
	if remoteAddr == "@" || remoteAddr == "" {
		return true
	}
	peer, err := netip.ParseAddrPort(remoteAddr)
	return err == nil && p.contains(peer.Addr())
}

// TrustsAddr reports whether addr is a trusted proxy's.
func (p Peers) TrustsAddr(addr netip.Addr) bool { return p.contains(addr) }

func (p Peers) contains(addr netip.Addr) bool {
	addr = addr.Unmap().WithZone("")
	for _, n := range p.networks {
		if n.Contains(addr) {
			return true
		}
	}
	return false
}

// ClientIP is the address of the person's browser: from a trusted proxy, the
// last address of X-Forwarded-For that is not itself a trusted proxy, or the
// first where all are, or else X-Real-IP; from anyone else the peer. It is
// invalid (the zero Addr) where nothing can be parsed; a rule over networks
// must then deny.
//
// An address with a zone is none here: a zone may be any text of any length,
// and means nothing on another machine.
func (p Peers) ClientIP(h http.Header, remoteAddr string) netip.Addr {
	peer, _ := netip.ParseAddrPort(remoteAddr)
	if !p.Trusts(remoteAddr) {
		return peer.Addr().Unmap()
	}
	return p.ClientIPOf(h, peer.Addr())
}

// ClientIPOf is ClientIP for a peer that is a trusted proxy; the zero Addr for
// one of a unix socket.
func (p Peers) ClientIPOf(h http.Header, peer netip.Addr) netip.Addr {
	lines := h["X-Forwarded-For"]
	for i := len(lines) - 1; i >= 0; i-- {
		for rest, more := lines[i], true; more; {
			comma := strings.LastIndexByte(rest, ',')
			hop, err := netip.ParseAddr(strings.TrimSpace(rest[comma+1:]))
			if err != nil || hop.Zone() != "" {
				return realIP(h, peer)
			}
			rest, more = rest[:max(comma, 0)], comma >= 0
			if hop = hop.Unmap(); !p.contains(hop) || i == 0 && !more {
				return hop
			}
		}
	}
	return realIP(h, peer)
}

func realIP(h http.Header, peer netip.Addr) netip.Addr {
	if real, err := netip.ParseAddr(h.Get("X-Real-Ip")); err == nil && real.Zone() == "" {
		return real.Unmap()
	}
	return peer.Unmap()
}
