package doctor

// The running process: is it there, does it run what is in the file, and does it
// answer where nginx and Prometheus ask it?

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"outpost/auth"
)

const processTime = 5 * time.Second

// askProcess finds out which process there is.
func (c *chart) askProcess(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, processTime)
	defer cancel()
	var p Process
	body, err := c.Admin(ctx, http.MethodGet, "/doctor", nil)
	if err == nil {
		err = json.Unmarshal(body, &p)
	}
	c.group = groupProcess
	defer func() { c.group = groupFile }()
	switch {
	case err != nil:
		c.warn("process", "none can be asked, so that what arrives from nginx cannot be seen: "+err.Error(), "run doctor where outpost runs, as its user: docker exec outpost /outpost doctor -config "+c.File)
		return
	case p.Version != c.Version:
		c.warn("process", fmt.Sprintf("it is of version %s, this program of %s", p.Version, c.Version), "restart outpost")
	case p.Changed:
		c.warn("process", fmt.Sprintf("%s has changed since it was started, in what takes a restart, and it runs on with what was there then", p.File), "restart outpost")
	case p.FileError != "":
		c.warn("process", fmt.Sprintf("whether it runs what is in %s cannot be told: %s", p.File, p.FileError), "outpost check -config "+p.File)
	default:
		c.ok("process", fmt.Sprintf("version %s runs with %s as it is now", p.Version, p.File))
	}
	c.process = &p
}

// running asks the process where others do.
func (c *chart) running(ctx context.Context) {
	status, _, err := c.get(ctx, c.Config.Listen, auth.Prefix+"/ping")
	switch {
	case err != nil:
		c.missing("listen", c.Config.Listen, err)
	case status != http.StatusNoContent:
		c.wrong("listen", fmt.Sprintf("what listens on %s answers %d to ping: that is no outpost", c.Config.Listen, status), c.edit("", "listen: a port that nobody else has, and the same port in nginx's set $upstream_outpost"))
	default:
		c.ok("listen", c.Config.Listen+" answers")
	}
	if c.Config.Management == "off" {
		c.ok("metrics", "management is off")
		return
	}
	status, body, err := c.get(ctx, c.Config.Management, "/metrics")
	switch {
	case err != nil:
		c.missing("metrics", c.Config.Management, err)
		return
	case status != http.StatusOK || !bytes.Contains(body, []byte("outpost_build_info")):
		c.wrong("metrics", fmt.Sprintf("what listens on %s answers %d, and has no metrics of an outpost", c.Config.Management, status), c.edit("", "management: a port that nobody else has"))
		return
	}
	c.ok("metrics", c.Config.Management+" has them")
	c.ready(ctx)
	c.loops(body)
}

// missing is a listener that does not answer: wrong where the process is there.
func (c *chart) missing(check, address string, err error) {
	if c.process == nil {
		c.warn(check, fmt.Sprintf("nobody answers on %s: outpost is not running here", address), "start outpost, or run doctor where it runs")
		return
	}
	c.wrong(check, fmt.Sprintf("the process runs and does not answer on %s: %s", address, err), "restart outpost; what its log says of "+address+" names the cause")
}

// ready is what the process itself says of its store and its providers.
func (c *chart) ready(ctx context.Context) {
	_, body, err := c.get(ctx, c.Config.Management, "/-/ready")
	var said struct {
		Store     string `json:"store"`
		Providers []struct {
			Name, Why string
			Up        bool
		} `json:"providers"`
	}
	if err == nil {
		err = json.Unmarshal(body, &said)
	}
	if err != nil {
		c.wrong("ready", "/-/ready: "+err.Error(), "restart outpost")
		return
	}
	well := true
	if said.Store != "ok" {
		well = false
		c.wrong("ready", "the process cannot ask its store: "+said.Store, "see the line store above, then restart outpost")
	}
	for _, p := range said.Providers {
		if !p.Up && p.Why != "" {
			well = false
			c.wrong("ready", fmt.Sprintf("the process cannot use provider %s: %s", p.Name, p.Why), "see the lines of the provider above; it tries again by itself")
		}
	}
	if well {
		c.ok("ready", "the process reaches its store and its providers")
	}
}

// loops tells of people who went round in circles since the process began.
func (c *chart) loops(metrics []byte) {
	for line := range strings.Lines(string(metrics)) {
		series, value, ok := strings.Cut(strings.TrimSpace(line), "} ")
		name, label, _ := strings.Cut(series, "{")
		if ok && name == "outpost_redirect_loops_total" && value != "0" {
			c.warn("loop", fmt.Sprintf("since the process began, sign-ins went round in a circle and were stopped: %s (%s)", value, label),
				"doctor --url with an address that it happens at shows why; docs/troubleshooting.md has the causes in the order of likelihood")
		}
	}
}

func (c *chart) get(ctx context.Context, address, path string) (status int, body []byte, err error) {
	return Get(ctx, c.Dial, address, path)
}

// Get asks a listener of the process for a path. dial connects to an address as the
// configuration writes it. Of a body the first 8 MiB are read.
func Get(ctx context.Context, dial func(ctx context.Context, address string) (net.Conn, error), address, path string) (status int, body []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, processTime)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://outpost"+path, nil)
	if err != nil {
		return 0, nil, err
	}
	transport := http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx, address) }, DisableKeepAlives: true}
	resp, err := transport.RoundTrip(r)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	body, err = io.ReadAll(io.LimitReader(resp.Body, 8<<20))
	return resp.StatusCode, body, err
}
