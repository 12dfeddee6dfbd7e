package main

// The program as a process: main itself, signals, and what a kill leaves.

import (
	"errors"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestMain lets the tests' own binary be the program.
func TestMain(m *testing.M) {
	if os.Getenv("OUTPOST_TEST_PROCESS") != "" {
		main()
	}
	os.Exit(m.Run())
}

// process is a daemon in a process of its own.
type process struct {
	daemon
	*exec.Cmd
}

func startProcess(t *testing.T, s settings) *process {
	t.Helper()
	return startChanged(t, s, func(*exec.Cmd) {})
}

// startChanged starts it with a command line of the test's own.
func startChanged(t *testing.T, s settings, change func(*exec.Cmd)) *process {
	t.Helper()
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := &process{daemon{log: newJournal(), ended: make(chan struct{})}, exec.Command(binary)}
	p.Env = append(os.Environ(), "OUTPOST_TEST_PROCESS=1", "OUTPOST_CONFIG="+s.file(t))
	p.Stderr = &lines{to: p.log}
	change(p.Cmd)
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.ended)
		p.Wait()
	}()
	t.Cleanup(func() {
		p.Process.Kill()
		<-p.ended
	})
	select {
	case line := <-p.log.serving:
		p.public, p.management, p.tls = address(line["listen"]), address(line["management"]), address(line["tls"])
	case <-p.ended:
		t.Fatalf("it ended with %v:\n%s", p.ProcessState, p.log)
	case <-time.After(patience):
		t.Fatalf("it does not serve:\n%s", p.log)
	}
	return p
}

// lines passes on what a process writes line by line, as slog wrote it.
type lines struct {
	to   *journal
	rest string
}

func (l *lines) Write(b []byte) (int, error) {
	l.rest += string(b)
	for {
		line, rest, whole := strings.Cut(l.rest, "\n")
		if !whole {
			return len(b), nil
		}
		l.to.Write([]byte(line + "\n"))
		l.rest = rest
	}
}

func (p *process) signal(t *testing.T, s os.Signal) {
	t.Helper()
	if err := p.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

func (p *process) wait(t *testing.T) {
	t.Helper()
	select {
	case <-p.ended:
	case <-time.After(patience):
		t.Fatalf("it does not end:\n%s", p.log)
	}
}

func TestSignals(t *testing.T) {
	for name, signal := range map[string]os.Signal{"sigterm": syscall.SIGTERM, "sigint": syscall.SIGINT} {
		t.Run(name, func(t *testing.T) {
			p := startProcess(t, usual(t))
			if got := p.check(t, ""); got.status != http.StatusUnauthorized {
				t.Errorf("the check answers %+v", got)
			}
			p.signal(t, signal)
			p.wait(t)
			if !p.ProcessState.Success() || len(p.log.find("stopping")) != 1 || len(p.log.find("stopped")) != 1 {
				t.Errorf("it ended with %v:\n%s", p.ProcessState, p.log)
			}
		})
	}
}

// Who asks twice does not want to wait for the requests under way.
func TestSecondSignal(t *testing.T) {
	p := startProcess(t, usual(t))
	slow, err := net.Dial("tcp", p.public)
	if err != nil {
		t.Fatal(err)
	}
	defer slow.Close()
	if _, err := slow.Write([]byte("GET / HTTP/1.1\r\nHost: router.example.com\r\n")); err != nil {
		t.Fatal(err)
	}
	if got := p.check(t, ""); got.status != http.StatusUnauthorized { // the slow one was accepted before
		t.Errorf("the check answers %+v", got)
	}
	p.signal(t, syscall.SIGTERM)
	eventually(t, "stopping", func() bool { return len(p.log.find("stopping")) == 1 })
	begun := time.Now()
	// The first one is handled in its own time: the second may come too early
	// to end anything.
	eventually(t, "ended", func() bool {
		if err := p.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
			t.Fatal(err)
		}
		select {
		case <-p.ended:
			return true
		default:
			return false
		}
	})
	if took := time.Since(begun); took > drainTime*3/4 {
		t.Errorf("it ended after %s", took)
	}
	if status, ok := p.ProcessState.Sys().(syscall.WaitStatus); !ok || status.Signal() != syscall.SIGTERM {
		t.Errorf("it ended with %v", p.ProcessState)
	}
}

// A kill leaves the sessions, and a socket that is in nobody's way.
func TestKill(t *testing.T) {
	provider := newProvider(t)
	s := usual(t).with(provider.settings(), settings{"listen": "unix:" + filepath.Join(t.TempDir(), "socket")})
	p := startProcess(t, s)
	cookie := provider.signIn(t, &p.daemon)
	p.signal(t, syscall.SIGKILL)
	p.wait(t)
	p = startProcess(t, s)
	if got := p.check(t, cookie); got.status != http.StatusOK {
		t.Errorf("after the kill the check answers %+v\n%s", got, p.log)
	}
}
