package main

// Which listeners there are, and what is served on each. One that systemd has
// opened goes before the address that the configuration has for it.

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"

	"outpost/config"
	"outpost/front"
)

// door is a listener and what is served there.
type door struct {
	key string // what systemd calls it: listen, management or tls
	net.Listener
	handler http.Handler
}

// openDoors opens every listener of the configuration that was not inherited, and
// closes all of them if one cannot be had.
func openDoors(ctx context.Context, c *config.Config, inherited inheritance) ([]door, error) {
	var doors []door
	for _, one := range []struct{ name, key, address string }{
		{"listen", "listen", c.Listen}, {"management", "management", c.Management}, {"tls", "tls.listen", c.TLS.Listen},
	} {
		for _, l := range inherited[one.name] {
			doors = append(doors, door{key: one.name, Listener: l})
		}
		if len(inherited[one.name]) > 0 || one.address == "off" {
			continue
		}
		l, err := listen(ctx, one.key, one.address)
		if err != nil {
			closeAll(doors)
			return nil, err
		}
		doors = append(doors, door{key: one.name, Listener: l})
	}
	return doors, nil
}

// furnish puts what is to be served behind each door. The certificate may be nil
// where no door is for TLS.
func furnish(doors []door, now *current, m *metrics, v *certificate, inherited inheritance, log *slog.Logger, fronted bool) error {
	for i := range doors {
		d := &doors[i]
		switch d.key {
		case "management":
			d.handler = management(now, m.registry)
		case "tls":
			d.handler, d.Listener = public(now), tls.NewListener(d.Listener, v.settings())
		case "listen":
			d.handler = public(now)
			if !fronted {
				break
			}
			fc := frontConfig(now, log)
			fc.Inherited = len(inherited["listen"]) > 0
			l, err := front.Listen(d.Listener, fc)
			if err != nil {
				closeAll(doors)
				return err
			}
			d.handler, d.Listener = once(d.handler), l
		}
	}
	return nil
}

func closeAll(doors []door) {
	for _, d := range doors {
		d.Close()
	}
}

// addresses are where the doors of a key are, as the log has them; off for none.
func addresses(doors []door, key string) string {
	var all []string
	for _, d := range doors {
		if d.key == key {
			all = append(all, d.Addr().String())
		}
	}
	if all == nil {
		return "off"
	}
	return strings.Join(all, " ")
}

// serveAll serves behind every door. Each that ends before it was told to sends
// why to failed, which has room for all of them.
func serveAll(doors []door, log *slog.Logger, failed chan<- error) []*http.Server {
	var servers []*http.Server
	for _, d := range doors {
		s := newServer(d.handler, log)
		servers = append(servers, s)
		go func() {
			if err := s.Serve(d.Listener); !errors.Is(err, http.ErrServerClosed) {
				failed <- fmt.Errorf("serving on %s: %w", d.Addr(), err)
			}
		}()
	}
	return servers
}
