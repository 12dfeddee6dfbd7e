package main

// What systemd and the process tell one another: sockets that are open already,
// how the start, a reload and the end go, and that the check is answered. Without
// systemd all of it is nothing.
//
// Source: sd_listen_fds(3), sd_notify(3), sd_watchdog_enabled(3).

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/coreos/go-systemd/v22/activation"
	systemd "github.com/coreos/go-systemd/v22/daemon"

	"outpost/auth"
	"outpost/config"
)

// inheritance has the listeners that systemd has opened, by what FileDescriptorName
// in their unit calls them; nil for none. Whoever opens a name's own takes these.
type inheritance map[string][]net.Listener

// inheritable are the names that a socket may have.
var inheritable = []string{"listen", "management", "tls", "admin"}

// inherit takes over what systemd has opened for this process, and leaves nothing
// of it in the environment. Sockets that nobody named are all listen.
func inherit() (inheritance, error) {
	files := activation.Files(true)
	unnamed := !slices.ContainsFunc(files, func(f *os.File) bool {
		return f.Name() != files[0].Name() && !strings.HasPrefix(f.Name(), "LISTEN_FD_") // which is what the library calls it
	})
	var all inheritance
	for _, f := range files {
		name := f.Name()
		switch {
		case slices.Contains(inheritable, name):
		case unnamed:
			name = "listen"
		default:
			return nil, fmt.Errorf("taking over the socket that systemd calls %q: that is no name of ours: set FileDescriptorName in its unit to one of %s", name, strings.Join(inheritable, ", "))
		}
		l, err := inheritOne(f)
		if err != nil {
			return nil, fmt.Errorf("taking over the socket that systemd calls %q: %w", f.Name(), err)
		}
		if all == nil {
			all = inheritance{}
		}
		all[name] = append(all[name], l)
	}
	return all, nil
}

func inheritOne(f *os.File) (net.Listener, error) {
	defer f.Close() // the listener has a descriptor of its own
	listens, err := syscall.GetsockoptInt(int(f.Fd()), syscall.SOL_SOCKET, syscall.SO_ACCEPTCONN)
	if err == nil && listens == 0 {
		err = errors.New("nobody listens on it: write ListenStream in its unit, and Accept=no")
	}
	if err != nil {
		return nil, err
	}
	return net.FileListener(f)
}

// guarded reports whether a unix socket lets nobody in but its owner; the error
// says what to do.
func guarded(l net.Listener) error {
	address, ok := l.Addr().(*net.UnixAddr)
	if !ok || !strings.HasPrefix(address.Name, "/") {
		return errors.New("must be a unix socket: whoever connects to it can end every session")
	}
	info, err := os.Stat(address.Name)
	if err == nil && info.Mode().Perm()&0o077 != 0 {
		err = fmt.Errorf("%s has mode %#o: write SocketMode=0600 in its unit: whoever connects to it can end every session", address.Name, info.Mode().Perm())
	}
	return err
}

// tell sends assignments to systemd. What it does not get, it does not need to go on.
func tell(log *slog.Logger, assignments ...string) {
	if _, err := systemd.SdNotify(false, strings.Join(assignments, "\n")); err != nil {
		log.Warn("telling systemd how it goes", "cause", err.Error())
	}
}

// reloading tells of a reload that begins, and, when it is called, of its end.
func reloading(log *slog.Logger) (done func(status string)) {
	tell(log, systemd.SdNotifyReloading, strings.TrimSpace(systemd.SdNotifyMonotonicUsec()))
	return func(status string) { tell(log, systemd.SdNotifyReady, "STATUS="+status) }
}

// watchdog pings for as long as the check is answered behind every door for nginx,
// until ctx ends. systemd restarts a process that does not.
type watchdog struct {
	every time.Duration // 0: nobody waits for a ping
	doors []string      // addresses, as dial takes them
	check *http.Request
	trust func(netip.Addr) bool
	log   *slog.Logger
}

func newWatchdog(doors []door, c *config.Config, now *current, log *slog.Logger) *watchdog {
	limit, err := systemd.SdWatchdogEnabled(true)
	if err != nil {
		log.Warn("telling systemd how it goes", "cause", err.Error())
	}
	w := &watchdog{every: limit / 2, trust: func(a netip.Addr) bool { return now.outpost().Trusts(a) }, log: log}
	for _, d := range doors {
		if d.key != "listen" {
			continue
		}
		address := d.Addr().String()
		if d.Addr().Network() == "unix" {
			address = "unix:" + address
		}
		w.doors = append(w.doors, address)
	}
	host := c.Applications[0].ExternalURL
	w.check, err = http.NewRequest(http.MethodGet, "http://"+host.Host+auth.Prefix+"/auth/nginx", nil)
	if err != nil { // its URL has passed the configuration's rules
		panic(err)
	}
	w.check.Header.Set("X-Original-URL", host.Scheme+"://"+host.Host+"/")
	return w
}

func (w *watchdog) run(ctx context.Context) {
	if w.every <= 0 {
		return
	}
	ticks := time.NewTicker(w.every)
	defer ticks.Stop()
	for {
		err := w.ask(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			w.log.Error("the check is not answered; systemd is not told that all is well", "cause", err.Error())
		default:
			tell(w.log, systemd.SdNotifyWatchdog)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticks.C:
		}
	}
}

// ask is what nginx asks, from this machine and without a cookie: whoever it is,
// 401 is the answer, or 403 where only a person may ask. An address of ours that
// is no trusted proxy would be refused and counted, so only ping is asked from there.
func (w *watchdog) ask(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, w.every)
	defer cancel()
	for _, address := range w.doors {
		if err := w.askOne(ctx, address, auth.Prefix+"/ping"); err != nil {
			return err
		}
		if err := w.askOne(ctx, address, auth.Prefix+"/auth/nginx"); err != nil {
			return err
		}
	}
	return nil
}

func (w *watchdog) askOne(ctx context.Context, address, path string) error {
	c, err := dial(ctx, address)
	if err != nil {
		return err
	}
	defer c.Close()
	peer, ok := c.LocalAddr().(*net.TCPAddr)
	if r := w.check.Clone(ctx); !ok || w.trust(peer.AddrPort().Addr().Unmap()) || path != r.URL.Path {
		r.URL.Path = path
		transport := http.Transport{
			DialContext:       func(context.Context, string, string) (net.Conn, error) { return c, nil },
			DisableKeepAlives: true,
		}
		resp, err := transport.RoundTrip(r)
		if err != nil {
			return err
		}
		resp.Body.Close()
		if resp.StatusCode >= http.StatusInternalServerError {
			return fmt.Errorf("asking %s for %s: it answers %s", address, path, resp.Status)
		}
	}
	return nil
}
