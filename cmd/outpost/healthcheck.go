package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"outpost/auth"
	"outpost/config"
)

// healthTime is below the five seconds that the image's HEALTHCHECK has, so that
// it is our message that Docker shows.
const healthTime = 4 * time.Second

// healthcheck handles `outpost healthcheck`: it asks the process that the same
// file describes whether it answers. It does not ask whether the provider
// does: a restart would not mend that.
func healthcheck(ctx context.Context, p program, file string) error {
	c, err := config.Load(file, p.env)
	if err != nil {
		return err
	}
	address, path := c.Management, "/-/healthy"
	if address == "off" {
		address, path = c.Listen, auth.Prefix+"/ping"
	}
	ctx, cancel := context.WithTimeout(ctx, healthTime)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://outpost"+path, nil)
	if err != nil {
		return err
	}
	transport := http.Transport{
		DialContext:       func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx, address) },
		DisableKeepAlives: true,
	}
	resp, err := transport.RoundTrip(r) // no client: a redirect is not well, wherever it leads
	if err != nil {
		return fmt.Errorf("asking %s: %w", address, err)
	}
	resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("asking %s: it answers %s", address, resp.Status)
	}
	return nil
}

// dial connects to an address as the configuration writes it. One without a
// host, or with the unspecified one, listens on loopback too.
func dial(ctx context.Context, address string) (net.Conn, error) {
	var d net.Dialer
	if path, ok := strings.CutPrefix(address, "unix:"); ok {
		return d.DialContext(ctx, "unix", path)
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	return d.DialContext(ctx, "tcp", net.JoinHostPort(host, port))
}
