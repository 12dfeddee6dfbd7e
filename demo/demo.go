package main

// One run of the demo: which parts there are, where their files go, and in
// which order they start and end.

import (
	"context"
	"crypto/rand"
	"embed"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"text/template"
	"time"
)

// Where run.sh puts the daemon, and where the includes are, seen from the root
// of the repository.
const (
	outpostBinary = "build/demo/outpost"
	includes      = "nginx"
)

// prefix is the outpost's path on every host.
const prefix = "/outpost.goauthentik.io"

//go:embed nginx.conf outpost.yaml welcome.txt
var fileTexts embed.FS

// files are the configurations of nginx and the outpost, and what the terminal
// shows. Each is filled from a demo.
var files = template.Must(template.ParseFS(fileTexts, "*"))

// demo is one run. The exported fields and methods are for the files.
type demo struct {
	Port     string
	Dir      string // a temporary folder: files, sockets, the outpost's data
	Password string
	Client   client

	servers  []*http.Server // provider and applications, within this process
	children []*child       // in the order in which they were started
}

// newDemo makes sure that the demo can run here and makes its folder.
func newDemo(port string) (*demo, error) {
	if err := checkPort(port); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "outpost-demo-")
	if err != nil {
		return nil, fmt.Errorf("making the temporary folder: %w", err)
	}
	d := &demo{
		Port: port, Dir: dir,
		// Fixed, so that it can be written down: it guards this demo alone.
		Password: "outpost-demo",
	}
	d.Client = client{
		ID: "outpost", Secret: rand.Text(),
		redirectURIs:           []string{d.URL("outpost") + prefix + "/callback", d.URL("router") + prefix + "/callback"},
		postLogoutRedirectURIs: []string{d.URL("outpost") + prefix + "/sign_out", d.URL("router") + prefix + "/sign_out"},
	}
	return d, nil
}

// checkPort reports a port that nginx could not have. [::1] counts too: a
// browser may try it first and find somebody else there.
func checkPort(port string) error {
	n, err := strconv.Atoi(port)
	if err != nil || n < 1024 || n > 65535 {
		return fmt.Errorf("PORT has to be a number from 1024 to 65535, got %q", port)
	}
	for _, address := range []string{"127.0.0.1", "::1"} {
		l, err := net.Listen("tcp", net.JoinHostPort(address, port))
		if errors.Is(err, syscall.EADDRINUSE) {
			return fmt.Errorf("port %s is in use on this machine. Choose another one:\n  make demo PORT=18080", port)
		}
		if err == nil {
			l.Close()
		}
	}
	return nil
}

// URL is where a browser finds the host of this name.
func (d *demo) URL(name string) string {
	return "http://" + name + ".demo.localhost:" + d.Port
}

// Issuer is the provider. It has an address for its name, because the outpost
// has to reach it too, and only browsers know where *.localhost is.
func (d *demo) Issuer() string { return "http://127.0.0.1:" + d.Port }

// start brings the parts up; what is up already stays for stop. A part that
// ends later calls fail.
func (d *demo) start(fail context.CancelCauseFunc) error {
	provider, err := newProvider(d.Issuer(), d.Password, d.Client)
	if err != nil {
		return err
	}
	photos := application("photos", link{"router", d.URL("router")})
	router := application("router", link{"photos", d.URL("photos")})
	for name, handler := range map[string]http.Handler{"provider": provider, "photos": photos, "router": router} {
		if err := d.serve(name, handler, fail); err != nil {
			return err
		}
	}
	if err := d.writeFiles(); err != nil {
		return err
	}
	if err := d.startChild(fail, "outpost", outpostBinary, "-config", filepath.Join(d.Dir, "outpost.yaml")); err != nil {
		return err
	}
	return d.startChild(fail, "nginx", "nginx", "-p", d.Dir, "-c", filepath.Join(d.Dir, "nginx.conf"), "-e", "stderr")
}

// serve answers on the socket that nginx.conf names.
func (d *demo) serve(name string, h http.Handler, fail context.CancelCauseFunc) error {
	l, err := net.Listen("unix", filepath.Join(d.Dir, name+".sock"))
	if err != nil {
		return fmt.Errorf("opening the socket of %s: %w", name, err)
	}
	s := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	d.servers = append(d.servers, s)
	go func() { fail(fmt.Errorf("%s: %w", name, s.Serve(l))) }()
	return nil
}

func (d *demo) startChild(fail context.CancelCauseFunc, name string, argv ...string) error {
	c, err := startChild(name, argv...)
	if err != nil {
		return err
	}
	d.children = append(d.children, c)
	go func() { <-c.done; fail(c.ended()) }()
	return nil
}

// writeFiles fills the demo's folder. Two things change in nginx's includes:
// the folder, and set_escape_uri, which needs a module that not every nginx
// has; the outpost takes a return URL that is not escaped as well.
func (d *demo) writeFiles() error {
	for _, name := range []string{"nginx.conf", "outpost.yaml"} {
		var text strings.Builder
		if err := files.ExecuteTemplate(&text, name, d); err != nil {
			return fmt.Errorf("filling %s: %w", name, err)
		}
		if err := d.writeFile(name, text.String()); err != nil {
			return err
		}
	}
	adapt := strings.NewReplacer("/config/nginx/", d.Dir+"/", "set_escape_uri ", "set ")
	for _, name := range []string{"authentik-server.conf", "authentik-location.conf"} {
		text, err := os.ReadFile(filepath.Join(includes, name))
		if err != nil {
			return fmt.Errorf("reading nginx's includes: %w", err)
		}
		if err := d.writeFile(name, adapt.Replace(string(text))); err != nil {
			return err
		}
	}
	return d.writeFile("resolver.conf", "# Sockets need no resolver.\n")
}

// writeFile writes for the owner alone: outpost.yaml holds the client secret.
func (d *demo) writeFile(name, text string) error {
	if err := os.WriteFile(filepath.Join(d.Dir, name), []byte(text), 0o600); err != nil {
		return fmt.Errorf("writing %s: %w", name, err)
	}
	return nil
}

// waitReady waits until an anonymous browser that opens photos is sent to sign
// in: then nginx, the outpost and the way between them work. When ctx ends
// before that, the error is its cause.
func (d *demo) waitReady(ctx context.Context) error {
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, d.Issuer(), nil)
	if err != nil {
		return err
	}
	r.Host = strings.TrimPrefix(d.URL("photos"), "http://")
	tooLate := time.After(15 * time.Second)
	for {
		if answer, err := client.Do(r); err == nil {
			answer.Body.Close()
			if strings.Contains(answer.Header.Get("Location"), prefix+"/start?") {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tooLate:
			var last strings.Builder
			for _, c := range d.children {
				fmt.Fprintf(&last, "\n%s said last:\n%s", c.name, c.log.last())
			}
			return fmt.Errorf("not ready after 15 seconds%s", last.String())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// showLogs passes on what the children say from now on.
func (d *demo) showLogs(out io.Writer) {
	for _, c := range d.children {
		c.log.show(out)
	}
}

// stop ends what was started, the last first, and removes the folder. Its
// error names every child that would not end or ended badly.
func (d *demo) stop() error {
	var problems []error
	for _, c := range slices.Backward(d.children) {
		problems = append(problems, c.stop())
	}
	for _, s := range d.servers {
		s.Close()
	}
	return errors.Join(append(problems, os.RemoveAll(d.Dir))...)
}
