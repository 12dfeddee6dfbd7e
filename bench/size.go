package main

// What the daemon takes of a machine before anybody asks: the binary, the time
// until it answers, and memory, idle and under load.

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

const coldStarts = 21

func size(ctx context.Context, ask load, folder string) (*sheet, error) {
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
		took, err := d.coldStart(ctx, binary(folder))
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
	idle, err := rss(running.pid)
	if err != nil {
		return nil, err
	}
	ask.headers, ask.path, ask.duration = swag(cookies[0]), checkPath, 5*time.Second
	if _, err := ask.run(ctx, running, false); err != nil {
		return nil, err
	}
	loaded, err := rss(running.pid)
	if err != nil {
		return nil, err
	}
	s.add("resident memory, idle", fmt.Sprintf("%.1f MiB", idle))
	s.add("resident memory, after five seconds of as many checks as it can answer", fmt.Sprintf("%.1f MiB", loaded))
	return s, nil
}

// coldStart is the time from exec until the daemon has answered a check, and
// ends it again.
func (d *daemon) coldStart(ctx context.Context, binary string) (time.Duration, error) {
	address, err := freeAddress()
	if err != nil {
		return 0, err
	}
	configuration := d.data + ".yaml"
	text := fmt.Appendf(nil, settings, address, "off", d.data, d.secret, d.issuer)
	if err := os.WriteFile(configuration, text, 0o600); err != nil {
		return 0, err
	}
	command := exec.CommandContext(ctx, binary, "-config", configuration)
	begun := time.Now()
	if err := command.Start(); err != nil {
		return 0, err
	}
	defer command.Wait()
	defer command.Process.Signal(os.Interrupt)
	for time.Since(begun) < startTimeout {
		connection, err := net.Dial("tcp", address)
		if err != nil {
			time.Sleep(200 * time.Microsecond)
			continue
		}
		defer connection.Close()
		fmt.Fprintf(connection, "GET %s HTTP/1.1\r\n%s\r\n\r\n", checkPath, strings.Join(swag("none=none"), "\r\n"))
		answer := make([]byte, 12)
		if _, err := connection.Read(answer); err != nil || string(answer) != "HTTP/1.1 401" {
			return 0, fmt.Errorf("after a cold start it answers %q: %w", answer, err)
		}
		return time.Since(begun), nil
	}
	return 0, fmt.Errorf("after a cold start nothing answers within %v", startTimeout)
}

// rss is a process's resident memory in MiB (proc_pid_status(5)).
func rss(pid int) (float64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(status)) {
		if value, found := strings.CutPrefix(line, "VmRSS:"); found {
			kib, err := strconv.ParseFloat(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(value), "kB")), 64)
			return kib / 1024, err
		}
	}
	return 0, fmt.Errorf("process %d has no memory", pid)
}
