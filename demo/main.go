// Command demo shows outpost at work on one machine, with nothing to set up:
// an OpenID provider, the outpost, nginx with the includes of nginx/, and two
// small applications, on names below demo.localhost, which every browser finds
// on its own machine.
//
// One port is open, on loopback alone: nginx's. Everything else talks through
// Unix sockets in a temporary folder, which goes when the demo ends.
//
// It is a module of its own, so that the outpost's dependencies stay few. It is
// no example of how to run a provider, and keeps nothing from one run to the
// next.
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	slog.SetDefault(slog.New(slog.DiscardHandler)) // the op package logs states and codes
	ctx, _ := signal.NotifyContext(context.Background(),
		os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGPIPE) // the last two: the terminal is gone
	port := cmp.Or(os.Getenv("PORT"), "8080")
	if err := run(ctx, port, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

// run brings the demo up and keeps it up until ctx ends, which is no error, or
// a part of it does. When it returns, nothing is left of the demo.
func run(ctx context.Context, port string, out io.Writer) (err error) {
	d, err := newDemo(port)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.stop()) }()

	up, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	if err := d.start(fail); err != nil {
		return err
	}
	if err = d.waitReady(up); err == nil {
		if err := files.ExecuteTemplate(out, "welcome.txt", d); err != nil {
			return err
		}
		d.showLogs(out)
		<-up.Done()
		err = context.Cause(up)
	}
	if ctx.Err() != nil {
		fmt.Fprintln(out, "\nending the demo")
		return nil
	}
	return err
}
