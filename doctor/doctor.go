// Package doctor looks for what keeps people from signing in, in the order in
// which a request meets it: the file, the provider, the process, nginx. Each
// finding is a line with what is so, why that matters, and the edit that mends it.
//
// It changes nothing and signs nobody in. What it cannot find out is a warning,
// never ok. It reads the configuration through package config, asks providers
// through auth, reads nginx's files through nginx and tries the store through
// session; the program passes what they need of the machine.
package doctor

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/url"

	"outpost/auth"
	"outpost/auth/provider"
	"outpost/config"
	"outpost/session"
)

// Status is how a line says things are.
type Status string

// The three.
const (
	OK      Status = "ok"
	Warning Status = "warning" // it works, or it cannot be told whether it does
	Wrong   Status = "wrong"   // it does not work, or lets people in
)

// Line is one finding.
type Line struct {
	Check   string `json:"check"` // one of Checks
	Status  Status `json:"status"`
	Message string `json:"message"`
	Fix     string `json:"fix"` // the exact edit, and where; "" where there is nothing to do

	group string
}

// The groups, in order.
const (
	groupFile     = "the file and its surroundings"
	groupProvider = "the provider"
	groupProcess  = "the running process"
	groupNginx    = "nginx's files"
	groupURL      = "from outside: "
)

// Checks are the names of all checks there are, in the order in which they stand
// in the output.
func Checks() []string {
	return []string{
		"config", "secret", "cookie-domain", "dns", "data", "store",
		"provider", "issuer", "algorithms", "clock", "scopes", "client", "redirect-uri", "end-session",
		"process", "listen", "metrics", "ready",
		"lint", "resolver",
		"application", "certificate", "protected", "outpost", "trusted-proxies", "headers", "scheme", "client-address", "http3", "buffers",
		"instances", "cache", "sign-in", "cookies", "loop",
	}
}

// Process is what the running process says of itself.
type Process struct {
	Instance  string `json:"instance"` // made up anew at each start
	Version   string `json:"version"`
	File      string `json:"file"`       // that it was started with
	FileError string `json:"file_error"` // why that cannot be compared; "" if it can
	Changed   bool   `json:"changed"`    // since the start, in more than secrets
}

// Patient is what is looked at, and how.
type Patient struct {
	File    string         // the configuration's
	Config  *config.Config // nil where it could not be loaded
	LoadErr error          // then of config.Load
	Version string         // this program's
	UID     int            // this program's user

	Providers    []provider.Config  // as the configuration has them
	Applications []auth.Application // likewise
	Outpost      *auth.Outpost      // made of it, to explain; nil where BuildErr says why not
	BuildErr     error
	SecretFile   string                                    // of the data directory
	OpenStore    func(*slog.Logger) (session.Store, error) // another connection to a store that can be shared

	// Admin asks the running process; the error says why it cannot be asked.
	Admin func(ctx context.Context, method, path string, q url.Values) ([]byte, error)
	// Dial connects to an address as the configuration writes it.
	Dial func(ctx context.Context, address string) (net.Conn, error)

	Network http.RoundTripper // the way to providers; nil for the real one
	URLs    []string          // to look at from outside
	Nginx   string            // folder or file of nginx's configuration; "" for none
	Root    string            // what nginx has as /config/nginx; "" for what the folder says
}

// chart gathers lines.
type chart struct {
	Patient
	lines   []Line
	group   string
	process *Process // nil where none could be asked
}

func (c *chart) ok(check, message string)         { c.add(check, OK, message, "") }
func (c *chart) warn(check, message, fix string)  { c.add(check, Warning, message, fix) }
func (c *chart) wrong(check, message, fix string) { c.add(check, Wrong, message, fix) }
func (c *chart) add(check string, s Status, m, fix string) {
	c.lines = append(c.lines, Line{Check: check, Status: s, Message: m, Fix: fix, group: c.group})
}

// edit is a fix in the configuration file.
func (c *chart) edit(where, text string) string {
	if where != "" {
		where = " under " + where
	}
	return "in " + c.File + where + " write " + text
}

// Examine goes through everything. The lines are in the order of the groups; there
// is at least one. With a file that cannot be loaded there is nothing to compare
// anything with, and the lines are about the file alone.
func Examine(ctx context.Context, p Patient) []Line {
	c := &chart{Patient: p, group: groupFile}
	c.configuration()
	if c.Config == nil || c.Outpost == nil {
		c.files()
		return c.lines
	}
	c.askProcess(ctx) // told of later, and what is looked at before depends on it
	c.secrets()
	c.domains(ctx)
	c.data()
	c.store(ctx)
	c.group = groupProvider
	c.providers(ctx)
	c.group = groupProcess
	c.running(ctx)
	c.files()
	for _, address := range c.URLs {
		c.group = groupURL + address
		c.visit(ctx, address)
	}
	return c.lines
}

// IsWrong reports whether any line is.
func IsWrong(lines []Line) bool {
	for _, l := range lines {
		if l.Status == Wrong {
			return true
		}
	}
	return false
}
