package main

// What the daemon takes of a machine before anybody asks: the binary, the time
// until it answers, and memory, idle and under load.

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

const coldStarts = 21

func size(ctx context.Context, checks load, folder string) (*sheet, error) {
	s := &sheet{title: "Size", columns: []string{""}}
	body, err := os.ReadFile(binary(folder))
	if err != nil {
		return nil, err
	}
	var packed bytes.Buffer
	gz := gzip.NewWriter(&packed)
	gz.Write(body)
	gz.Close()
	const mb = 1e6
	s.add("binary, static and stripped; the image holds it and the certificates", fmt.Sprintf("%.1f MB", float64(len(body))/mb))
	s.add("the same, compressed", fmt.Sprintf("%.1f MB", float64(packed.Len())/mb))

	d, err := newDaemon("size", filepath.Join(folder, "size"), "https://provider.invalid", "")
	if err != nil {
		return nil, err
	}
	cookies, err := d.signIn(ctx, 1)
	if err != nil {
		return nil, err
	}
	var starts []time.Duration
	for range coldStarts {
		took, err := d.coldStart(binary(folder))
		if err != nil {
			return nil, err
		}
		starts = append(starts, took)
	}
	s.add("from exec to the first answer", fmt.Sprintf("%.0f ms", middle(starts, func(t time.Duration) float64 { return t.Seconds() * 1000 })))

	running, err := d.start(ctx, binary(folder))
	if err != nil {
		return nil, err
	}
	defer running.stop()
	time.Sleep(time.Second)
	idle, err := memory(running.pid, "VmRSS")
	if err != nil {
		return nil, err
	}
	checks.headers, checks.path, checks.duration = swag(cookies[0]), checkPath, 5*time.Second
	if _, err := checks.run(ctx, running, false); err != nil {
		return nil, err
	}
	loaded, err := memory(running.pid, "VmRSS")
	if err != nil {
		return nil, err
	}
	s.add("resident memory, idle", mebibytes(idle))
	s.add("resident memory, after five seconds of as many checks as it can answer", mebibytes(loaded))
	return s, nil
}

// coldStart is the time from exec until the daemon has answered a check, and
// ends it again.
func (d *daemon) coldStart(binary string) (time.Duration, error) {
	begun := time.Now()
	s, err := d.startNow(binary)
	if err != nil {
		return 0, err
	}
	defer s.stop()
	for time.Since(begun) < startTimeout {
		switch status := ask(s.address, "none=none"); status {
		case http.StatusUnauthorized:
			return time.Since(begun), nil
		case 0: // nobody listens yet
			time.Sleep(200 * time.Microsecond)
		default:
			return 0, fmt.Errorf("after a cold start it answers %d, want 401", status)
		}
	}
	return 0, fmt.Errorf("after a cold start nothing answers within %v", startTimeout)
}

func mebibytes(n int64) string { return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20)) }
