package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	stdlog "log"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"time"
)

// Every connection is bounded in time. idleTime is above nginx's own
// keepalive_timeout (60 s), so that it is nginx that closes and no request
// meets a closing connection.
const (
	headerTime = 10 * time.Second
	readTime   = 30 * time.Second
	writeTime  = 30 * time.Second
	idleTime   = 90 * time.Second

	// drainTime leaves time for the last write to the store: Docker kills
	// ten seconds after SIGTERM.
	drainTime = 8 * time.Second

	// settleTime is more than nginx takes from connecting to having sent its
	// request.
	settleTime = 50 * time.Millisecond

	// maxHeader is more than nginx accepts from a browser by default: what
	// nginx let through must not be answered with a 431, which it would turn
	// into a 500.
	maxHeader = 64 << 10
)

// listen opens address: host:port or unix:PATH. key is where the configuration
// has it, for the error's next step.
func listen(ctx context.Context, key, address string) (net.Listener, error) {
	network, where := "tcp", address
	if path, unix := strings.CutPrefix(address, "unix:"); unix {
		network, where = "unix", path
		if err := removeStale(path); err != nil {
			return nil, fmt.Errorf("listening on %s: %w", address, err)
		}
	}
	var c net.ListenConfig
	c.SetMultipathTCP(false) // Go's default is on; nginx does not speak it, and each connection would pay for it
	l, err := c.Listen(ctx, network, where)
	if err == nil && network == "unix" {
		// Everybody who gets as far as the socket may connect, as on
		// loopback: nginx's workers have a user of their own, often in
		// another container. Who gets that far its directory says.
		if err = os.Chmod(where, 0o666); err != nil {
			l.Close()
		}
	}
	if err != nil {
		return nil, fmt.Errorf("listening on %s: %w", address, explain(key, err))
	}
	return l, nil
}

// explain adds the next step, and leaves out the address, which net repeats.
func explain(key string, err error) error {
	var op *net.OpError
	if errors.As(err, &op) {
		err = op.Err
	}
	for cause, hint := range map[error]string{
		syscall.EADDRINUSE:    "another process has it: stop that one, or set " + key + " to another one",
		syscall.EADDRNOTAVAIL: "no interface of this machine has it: correct " + key + ", or leave its host out to listen on all of them",
		syscall.EACCES:        "set " + key + " to a port above 1023, or to a socket in a directory that this user may write to",
		syscall.ENOENT:        "create its directory for this user",
		syscall.EROFS:         "mount its directory writable",
	} {
		if errors.Is(err, cause) {
			return fmt.Errorf("%w: %s", err, hint)
		}
	}
	return err
}

// removeStale takes away the socket that a killed process left behind, and
// nothing else: who does not answer may be busy, or not ours to ask.
func removeStale(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.Mode().Type() != fs.ModeSocket {
		return errors.New("there is a file that is no socket: remove it, or name another path")
	}
	c, err := net.DialTimeout("unix", path, time.Second)
	switch {
	case err == nil:
		c.Close()
		return errors.New("another process is listening there: stop that one, or name another path")
	case !errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("there is a socket, and whether a process is behind it cannot be told: %w: remove it, or name another path", err)
	}
	return os.Remove(path)
}

func newServer(h http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: headerTime,
		ReadTimeout:       readTime,
		WriteTimeout:      writeTime,
		IdleTimeout:       idleTime,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          stdlog.New(serverLog{log}, "", 0),

		// Else net/http answers OPTIONS * with 200 by itself.
		DisableGeneralOptionsHandler: true,
	}
}

// serverLog writes what net/http has to say: at debug, since most of it is
// what strangers do to a connection; at error where it is our own trouble.
type serverLog struct{ log *slog.Logger }

func (s serverLog) Write(line []byte) (int, error) {
	level, text := slog.LevelDebug, strings.TrimSuffix(string(line), "\n")
	if strings.HasPrefix(text, "http: Accept error") || strings.HasPrefix(text, "http: panic serving") {
		level = slog.LevelError
	}
	s.log.Log(context.Background(), level, "http server", "cause", text)
	return len(line), nil
}
