package main

// Does anything grow that should not? The daemon runs for minutes or hours with
// browsers coming and going:
//
//	go run ./bench soak [-duration 7m]
//
// They sign in at a provider of this program's own, look around, sign out, stay
// away until their session is over, or leave it behind. Every answer is held
// against what it has to be. Memory, goroutines, open files, the session file
// and the sessions in it are looked at all the while: they may be no more in the
// last third than the second third explains.

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"text/tabwriter"
	"time"
)

const (
	visitors   = 32
	soakIdle   = 20 * time.Second
	soakLimit  = 2000 // max_sessions of soakConfig
	soakConfig = `insecure_http: true
session: { idle: 20s, max: 2m, max_sessions: 2000, max_sessions_per_user: 5, cached_sessions: 500 }
log: { level: warn }
`
)

// sample is what is looked at. The names are those of the table.
type sample [5]int64

var sampled = [5]string{"memory, KiB", "goroutines", "open files", "session file, KiB", "sessions"}

// slack is what each may be more in the end than it was in the middle: an eighth,
// and this.
var slack = sample{8 << 10, 50, 50, 4 << 10, 200}

func soak(ctx context.Context, args []string, stdout io.Writer) error {
	flags := flag.NewFlagSet("bench soak", flag.ContinueOnError)
	duration := flags.Duration("duration", 7*time.Minute, "how long; a sweep comes every five minutes")
	if err := flags.Parse(args); err != nil {
		return err
	}
	folder, err := os.MkdirTemp("", "outpost-soak-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	if err := build(ctx, binary(folder), "./cmd/outpost"); err != nil {
		return err
	}
	provider, err := startSigningProvider()
	if err != nil {
		return err
	}
	defer provider.server.Close()
	d, err := newDaemon(outpostName, filepath.Join(folder, "data"), provider.issuer, soakConfig)
	if err != nil {
		return err
	}
	s, err := d.start(ctx, binary(folder))
	if err != nil {
		return err
	}
	defer s.stop()

	running, stop := context.WithTimeout(ctx, *duration)
	defer stop()
	var stays atomic.Int64
	var failed atomic.Pointer[error]
	var all sync.WaitGroup
	for i := range visitors {
		all.Go(func() {
			if err := comeAndGo(running, s.address, provider, i, &stays); err != nil {
				failed.CompareAndSwap(nil, &err)
				stop()
			}
		})
	}
	samples, err := watch(running, d, s, *duration)
	stop()
	all.Wait()
	if failed := failed.Load(); failed != nil {
		return fmt.Errorf("after %d visits: %w", stays.Load(), *failed)
	}
	if err != nil {
		return err
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	fmt.Fprintf(stdout, "%v, %d visits of %d browsers, no answer was wrong\n\n", *duration, stays.Load(), visitors)
	return bounded(stdout, samples)
}

// comeAndGo is one browser after the other, every second one of a person who has
// not been here before.
func comeAndGo(ctx context.Context, address string, provider *signingProvider, i int, stays *atomic.Int64) error {
	client := &http.Client{
		Transport:     &http.Transport{MaxIdleConnsPerHost: 1},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Timeout:       30 * time.Second,
	}
	defer client.CloseIdleConnections()
	for n := 0; ctx.Err() == nil; n++ {
		v := &visitor{client: client, address: address, provider: provider, who: fmt.Sprintf("regular-%d", i)}
		if n%2 == 1 {
			v.who = fmt.Sprintf("stranger-%d-%d", i, n)
		}
		if err := v.stay(ctx, soakIdle); err != nil && ctx.Err() == nil {
			return err
		}
		stays.Add(1)
	}
	return nil
}

// watch takes a sample a hundred times.
func watch(ctx context.Context, d *daemon, s *server, duration time.Duration) ([]sample, error) {
	var samples []sample
	every := time.NewTicker(duration / 100)
	defer every.Stop()
	for {
		select {
		case <-ctx.Done():
			return samples, nil
		case err := <-s.exited:
			return nil, fmt.Errorf("the daemon has ended: %w", errors.Join(err))
		case <-every.C:
		}
		rss, err := memory(s.pid, "RssAnon")
		if err != nil {
			return nil, err
		}
		info, err := os.Stat(filepath.Join(d.data, "sessions.db"))
		if err != nil {
			return nil, err
		}
		one := sample{rss >> 10, 0, 0, info.Size() >> 10, 0}
		for i, series := range map[int]string{1: "go_goroutines", 2: "process_open_fds", 4: "outpost_sessions"} {
			n, err := metric(ctx, "http://"+d.management+"/metrics", series)
			if err != nil {
				if ctx.Err() != nil {
					return samples, nil
				}
				return nil, err
			}
			one[i] = int64(n)
		}
		samples = append(samples, one)
	}
}

// bounded prints the most of each in each third, and is an error if anything
// grew in the last one, or if there were more sessions than there may be.
func bounded(w io.Writer, samples []sample) error {
	if len(samples) < 30 {
		return fmt.Errorf("%d samples are too few to tell", len(samples))
	}
	var most [3]sample
	for i, one := range samples {
		third := &most[i*3/len(samples)]
		for j, n := range one {
			third[j] = max(third[j], n)
		}
	}
	t := tabwriter.NewWriter(w, 0, 0, 1, ' ', 0)
	fmt.Fprintln(t, "| the most in\t| the first third\t| the second\t| the last\t|\n|---\t|--:\t|--:\t|--:\t|")
	var grown []error
	for j, name := range sampled {
		fmt.Fprintf(t, "| %s\t| %d\t| %d\t| %d\t|\n", name, most[0][j], most[1][j], most[2][j])
		before := max(most[0][j], most[1][j])
		if most[2][j] > before+before/8+slack[j] {
			grown = append(grown, fmt.Errorf("%s grew to %d in the last third, from at most %d before", name, most[2][j], before))
		}
		if name == "sessions" && most[2][j] > soakLimit+slack[j] {
			grown = append(grown, fmt.Errorf("there were %d sessions, where %d are allowed", most[2][j], soakLimit))
		}
	}
	t.Flush()
	return errors.Join(grown...)
}
