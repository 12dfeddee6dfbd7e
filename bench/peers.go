package main

// What the daemon is measured against: the floor, with the daemon's settings
// of the HTTP server and with Go's defaults, and the limit.

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

const (
	frontlessName = "outpost, front: false"
	floorName     = "bare net/http"
	defaultsName  = "bare net/http, Go's defaults"
	limitName     = "nginx return 204"
)

// startAll starts every server to be measured, and returns them with the
// headers to ask them with. Those it has started it returns with an error too.
func startAll(ctx context.Context, folder string) (servers []*server, headers []string, err error) {
	servers, headers, err = startOutposts(ctx, folder)
	if err != nil {
		return servers, nil, err
	}
	answer, err := answered(ctx, servers[0], headers)
	if err != nil {
		return servers, nil, err
	}
	for _, start := range []func() (*server, error){
		func() (*server, error) {
			return startFloor(ctx, folder, floorName, append([]string{"-timeouts"}, answer...))
		},
		func() (*server, error) { return startFloor(ctx, folder, defaultsName, answer) },
		func() (*server, error) { return startNginx(ctx, folder) },
	} {
		s, err := start()
		if err != nil {
			return servers, nil, err
		}
		servers = append(servers, s)
		if _, err := answered(ctx, s, headers); err != nil {
			return servers, nil, err
		}
	}
	return servers, headers, nil
}

// startFloor starts the bare handler with these arguments, the headers that it
// is to write among them.
func startFloor(ctx context.Context, folder, name string, args []string) (*server, error) {
	binary := filepath.Join(folder, "floor")
	if err := build(ctx, binary, "./bench/floor"); err != nil {
		return nil, err
	}
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	return start(ctx, name, address, exec.Command(binary, append([]string{"-listen", address}, args...)...))
}

// nginxSettings let nginx do the least that it can: no log, no file, and a
// connection that is kept for as long as the client likes.
const nginxSettings = `daemon off;
user root;
worker_processes auto;
pid %[1]s/nginx.pid;
error_log stderr warn;
events { worker_connections 1024; }
http {
	access_log off;
	keepalive_requests 100000000;
	client_body_temp_path %[1]s/body;
	proxy_temp_path %[1]s/proxy;
	fastcgi_temp_path %[1]s/fastcgi;
	uwsgi_temp_path %[1]s/uwsgi;
	scgi_temp_path %[1]s/scgi;
	server {
		listen %[2]s;
		return 204;
	}
}
`

func startNginx(ctx context.Context, folder string) (*server, error) {
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	prefix := filepath.Join(folder, "nginx")
	if err := os.Mkdir(prefix, 0o700); err != nil {
		return nil, err
	}
	configuration := filepath.Join(prefix, "nginx.conf")
	if err := os.WriteFile(configuration, fmt.Appendf(nil, nginxSettings, prefix, address), 0o600); err != nil {
		return nil, err
	}
	return start(ctx, limitName, address, exec.Command("nginx", "-p", prefix, "-c", configuration))
}
