package main

// The demo as a process: how it is started and asked to end, and that nothing
// of it is left then.

import (
	"bufio"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// process is a demo that runs: run.sh, which became the demo.
type process struct {
	port, password string
	cmd            *exec.Cmd
	temp           string // its TMPDIR
	children       map[string]int
	ended          chan error

	mu    sync.Mutex
	lines []string
}

// startDemo builds and starts the demo on a free port and waits until it says
// that it is ready.
func startDemo(t *testing.T) *process {
	t.Helper()
	d := &process{port: freePort(t), temp: t.TempDir(), ended: make(chan error, 1)}
	d.cmd = exec.Command("./run.sh")
	d.cmd.Env = append(os.Environ(), "PORT="+d.port, "TMPDIR="+d.temp)
	d.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out, err := d.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	d.cmd.Stderr = d.cmd.Stdout
	if err := d.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		d.cmd.Process.Kill() // its children follow it: Pdeathsig
		if t.Failed() {
			t.Log("the demo said:\n" + d.output())
		}
	})

	ready := make(chan struct{})
	go func() {
		for lines := bufio.NewScanner(out); lines.Scan(); {
			d.mu.Lock()
			d.lines = append(d.lines, lines.Text())
			d.mu.Unlock()
			if after, ok := strings.CutPrefix(lines.Text(), "  password  "); ok {
				d.password = after
			}
			if strings.HasPrefix(lines.Text(), "Ctrl-C ends") {
				close(ready)
			}
		}
		d.ended <- d.cmd.Wait()
	}()
	select {
	case <-ready:
	case err := <-d.ended:
		t.Fatalf("the demo did not start: %v", err)
	case <-time.After(5 * time.Minute):
		t.Fatal("the demo was not ready after five minutes")
	}
	d.children = childrenOf(t, d.cmd.Process.Pid)
	return d
}

func (d *process) url(name string) string { return "http://" + name + ".demo.localhost:" + d.port }
func (d *process) issuer() string         { return "http://127.0.0.1:" + d.port }

func (d *process) output() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return strings.Join(d.lines, "\n")
}

// child returns the process ID of the child with this name.
func (d *process) child(t *testing.T, name string) int {
	t.Helper()
	pid, ok := d.children[name]
	if !ok {
		t.Fatalf("the demo has no child %q among %v", name, d.children)
	}
	return pid
}

// wait returns how the demo ended.
func (d *process) wait(t *testing.T) error {
	t.Helper()
	select {
	case err := <-d.ended:
		return err
	case <-time.After(30 * time.Second):
		t.Fatal("the demo did not end within 30 seconds")
		return nil
	}
}

// end asks the demo to end and checks that it does so without a fault or a trace.
func (d *process) end(t *testing.T, signal os.Signal) {
	t.Helper()
	if err := d.cmd.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
	if err := d.wait(t); err != nil {
		t.Errorf("the demo ended with %v, want status 0", err)
	}
	d.expectNothingLeft(t)
}

func (d *process) expectNothingLeft(t *testing.T) {
	t.Helper()
	for _, name := range []string{"outpost", "nginx"} {
		if err := syscall.Kill(d.child(t, name), 0); !errors.Is(err, syscall.ESRCH) {
			t.Errorf("%s still runs", name)
		}
	}
	expectEmpty(t, d.temp)
}

func expectEmpty(t *testing.T, dir string) {
	t.Helper()
	left, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// childrenOf maps the names of a process's children to their IDs.
func childrenOf(t *testing.T, parent int) map[string]int {
	t.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	children := map[string]int{}
	for _, stat := range stats {
		text, err := os.ReadFile(stat)
		if err != nil {
			continue // it has ended in between
		}
		// proc(5): pid (name) state ppid …
		before, after, _ := strings.Cut(string(text), ") ")
		pid, name, _ := strings.Cut(before, " (")
		fields := strings.Fields(after)
		if len(fields) > 1 && fields[1] == strconv.Itoa(parent) {
			children[name], _ = strconv.Atoi(pid)
		}
	}
	return children
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}
