package main

// What a daemon costs with as many sessions as an installation may ever have:
//
//	go run ./bench scale [-sessions 1000000]
//
// It fills a store, starts the daemon on it, asks as nginx does, and then sweeps
// half of the sessions out of the store while others use it. Everything is
// printed as one table, line by line, for README.md. It fails if an answer is wrong; a slow
// machine makes it slow and nothing else.

import (
	"context"
	"crypto/sha256"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"outpost/session"
	"outpost/session/file"
)

// asked is how many sessions are looked at, once cold and then hot.
const asked = 2000

type figure struct{ what, value string }

func scale(ctx context.Context, args []string, stdout io.Writer) error {
	flags := flag.NewFlagSet("bench scale", flag.ContinueOnError)
	n := flags.Int("sessions", 1_000_000, "sessions in the store")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *n < 2*asked {
		return fmt.Errorf("want at least %d sessions", 2*asked)
	}
	folder, err := os.MkdirTemp("", "outpost-scale-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	if err := build(ctx, binary(folder), "./cmd/outpost"); err != nil {
		return err
	}
	d, err := newDaemon(outpostName, filepath.Join(folder, "data"), "https://provider.invalid", "session: { recheck: off }\n")
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "%s, %d CPUs, %s, load %s; filling the store with %d sessions\n", model(), runtime.NumCPU(), runtime.Version(), loadAverage(), *n)
	began := time.Now()
	cookies, err := d.fill(ctx, *n, asked)
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "\n| with %d sessions | |\n|---|--:|\n", *n)
	show(stdout, []figure{{"filling the store", rounded(time.Since(began))}})
	for _, part := range []func(context.Context, *daemon, string, []string, int) ([]figure, error){opening, serving, sweeping} {
		more, err := part(ctx, d, folder, cookies, *n)
		if err != nil {
			return err
		}
		show(stdout, more)
	}
	return nil
}

// show prints the figures at once: the next ones take minutes.
func show(w io.Writer, figures []figure) {
	for _, f := range figures {
		fmt.Fprintf(w, "| %-56s | %14s |\n", f.what, f.value)
	}
}

// opening opens and closes the store.
func opening(_ context.Context, d *daemon, _ string, _ []string, n int) ([]figure, error) {
	info, err := os.Stat(filepath.Join(d.data, "sessions.db"))
	if err != nil {
		return nil, err
	}
	began := time.Now()
	store, err := file.Open(filepath.Join(d.data, "sessions.db"), nil)
	if err != nil {
		return nil, err
	}
	opened := time.Since(began)
	// The first write waits until the file has been checked whole.
	err = store.Delete(context.Background(), session.Key{})
	checked := time.Since(began)
	if closeErr := store.Close(); err == nil {
		err = closeErr
	}
	return []figure{
		{"bytes a session on the disk", fmt.Sprint(info.Size() / int64(n))},
		{"opening the store until it can be read", rounded(opened)},
		{"opening the store until it can be written", rounded(checked)},
	}, err
}

// serving starts the daemon and asks it.
func serving(ctx context.Context, d *daemon, folder string, cookies []string, n int) ([]figure, error) {
	var first []time.Duration
	for range 4 {
		began := time.Now()
		s, err := d.startNow(binary(folder))
		if err != nil {
			return nil, err
		}
		for !answers(s.address, cookies[0]) {
			if time.Since(began) > startTimeout {
				s.stop()
				return nil, fmt.Errorf("no answer of 200 within %v", startTimeout)
			}
			time.Sleep(time.Millisecond)
		}
		first = append(first, time.Since(began))
		s.stop()
	}
	s, err := d.startNow(binary(folder))
	if err != nil {
		return nil, err
	}
	defer s.stop()
	for began := time.Now(); !answers(s.address, cookies[0]) && time.Since(began) < startTimeout; {
		time.Sleep(time.Millisecond)
	}
	figures := []figure{{"from exec to the first 200, the longest of four starts", rounded(slices.Max(first))}}
	for _, name := range []string{"a check whose session is in the store", "a check whose session is in memory"} {
		took, err := askEach(s.address, cookies)
		if err != nil {
			return nil, err
		}
		figures = append(figures, figure{name + ", p50 / p99", quantiles(took)})
	}
	rss, err := memory(s.pid, "RssAnon")
	if err != nil {
		return nil, err
	}
	return append(figures, figure{"the daemon's own memory, its mapping of the file aside", fmt.Sprintf("%d MiB", rss>>20)}), nil
}

// sweeping removes half of the sessions while others are loaded and saved.
func sweeping(ctx context.Context, d *daemon, _ string, _ []string, n int) ([]figure, error) {
	store, err := file.Open(filepath.Join(d.data, "sessions.db"), nil)
	if err != nil {
		return nil, err
	}
	defer store.Close()
	// In an hour every second session has been used, and the others have not.
	now := time.Now().Add(time.Hour)
	seen, i := map[session.Key]time.Time{}, 0
	err = store.Scan(ctx, func(key session.Key, _ session.Record) bool {
		if i++; i%2 == 0 {
			seen[key] = now
		}
		return true
	})
	if err != nil {
		return nil, err
	}
	if err := store.Touch(ctx, seen); err != nil {
		return nil, err
	}
	use := func(done <-chan struct{}) (loads, saves []time.Duration, err error) {
		key := session.Key(sha256.Sum256([]byte("one who is there")))
		r := session.Record{Sealed: make([]byte, 1200), Expires: now.Add(time.Hour), Seen: now}
		for {
			select {
			case <-done:
				return loads, saves, nil
			case <-time.After(time.Millisecond):
			}
			began := time.Now()
			if err := store.Save(ctx, key, r); err != nil {
				return nil, nil, err
			}
			saves = append(saves, time.Since(began))
			began = time.Now()
			if _, err := store.Load(ctx, key); err != nil {
				return nil, nil, err
			}
			loads = append(loads, time.Since(began))
		}
	}
	quiet := make(chan struct{})
	time.AfterFunc(3*time.Second, func() { close(quiet) })
	loads, saves, err := use(quiet)
	if err != nil {
		return nil, err
	}
	done := make(chan struct{})
	var removed int
	var sweepErr error
	began := time.Now()
	var took time.Duration
	go func() {
		defer close(done)
		removed, sweepErr = store.Sweep(ctx, now, 30*time.Minute)
		took = time.Since(began)
	}()
	sweepLoads, sweepSaves, err := use(done)
	if err != nil {
		return nil, err
	}
	if sweepErr != nil || removed != n-n/2 {
		return nil, fmt.Errorf("the sweep removed %d of %d sessions: %w", removed, n, sweepErr)
	}
	return []figure{
		{"a load, quiet, p50 / p99", quantiles(loads)},
		{"a save, quiet, p50 / p99", quantiles(saves)},
		{fmt.Sprintf("a sweep that removes %d", removed), rounded(took)},
		{"a load during the sweep, p50 / p99", quantiles(sweepLoads)},
		{"a save during the sweep, p50 / p99", quantiles(sweepSaves)},
	}, nil
}

// ask is one check; the status is 0 where nothing answers.
func ask(address, cookie string) int {
	request, err := http.NewRequest(http.MethodGet, "http://"+address+checkPath, nil)
	if err != nil {
		return 0
	}
	for _, line := range swag(cookie) {
		name, value, _ := strings.Cut(line, ": ")
		request.Header.Set(name, value)
	}
	request.Host = request.Header.Get("Host")
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		return 0
	}
	response.Body.Close()
	return response.StatusCode
}

func answers(address, cookie string) bool { return ask(address, cookie) == http.StatusOK }

// askEach asks once with each cookie.
func askEach(address string, cookies []string) ([]time.Duration, error) {
	var took []time.Duration
	for _, cookie := range cookies {
		began := time.Now()
		if status := ask(address, cookie); status != http.StatusOK {
			return nil, fmt.Errorf("a check answers %d, want 200", status)
		}
		took = append(took, time.Since(began))
	}
	return took, nil
}

// memory is a line of what the kernel says of a process's memory, in bytes:
// VmRSS is all that is resident, RssAnon its own, without the pages of files,
// which are the kernel's to take away (proc_pid_status(5)).
func memory(pid int, line string) (int64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for text := range strings.Lines(string(status)) {
		var kb int64
		if n, _ := fmt.Sscanf(text, line+": %d kB", &kb); n == 1 {
			return kb << 10, nil
		}
	}
	return 0, fmt.Errorf("the status of process %d does not say %s", pid, line)
}

func quantiles(took []time.Duration) string {
	slices.Sort(took)
	return rounded(took[len(took)/2]) + " / " + rounded(took[len(took)*99/100])
}

func rounded(d time.Duration) string {
	switch {
	case d < time.Millisecond:
		return d.Round(time.Microsecond).String()
	case d < time.Second:
		return d.Round(100 * time.Microsecond).String()
	}
	return d.Round(10 * time.Millisecond).String()
}
