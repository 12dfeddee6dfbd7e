package main

// A child is a program that the demo starts, listens to, and ends. It decides
// nothing about what runs: demo.go does.

import (
	"bytes"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

// child is nginx or outpost.
type child struct {
	name string
	cmd  *exec.Cmd
	log  *childLog
	done chan struct{} // closed when it has ended; err is set before that
	err  error         // nil: it ended with status 0
}

// startChild starts a program that is to run until stop.
func startChild(name string, argv ...string) (*child, error) {
	c := &child{
		name: name,
		cmd:  exec.Command(argv[0], argv[1:]...),
		log:  &childLog{name: name},
		done: make(chan struct{}),
	}
	c.cmd.Stdout, c.cmd.Stderr = c.log, c.log
	c.cmd.SysProcAttr = &syscall.SysProcAttr{
		Setpgid:   true,            // Ctrl-C reaches the demo alone, which then ends its children in order
		Pdeathsig: syscall.SIGKILL, // even kill -9 of the demo leaves nothing running
	}
	if err := c.cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", name, err)
	}
	go func() {
		c.err = c.cmd.Wait()
		close(c.done)
	}()
	return c, nil
}

// stop asks the child to end and waits. A child that has not ended after ten
// seconds is killed, and that is an error; so is any status but 0. A child that
// has ended already is not stop's to report.
func (c *child) stop() error {
	if c.cmd.Process.Signal(syscall.SIGTERM) != nil {
		return nil
	}
	select {
	case <-c.done:
	case <-time.After(10 * time.Second):
		c.cmd.Process.Kill()
		<-c.done
		return fmt.Errorf("%s did not end within ten seconds and was killed; its last lines:\n%s", c.name, c.log.last())
	}
	if c.err != nil {
		return c.ended()
	}
	return nil
}

// ended says how a child ended, and what it said last.
func (c *child) ended() error {
	how := "exit status 0"
	if c.err != nil {
		how = c.err.Error()
	}
	return fmt.Errorf("%s ended with %s; its last lines:\n%s", c.name, how, c.log.last())
}

// childLog keeps a child's last lines, and once it is told where, shows every
// new one.
type childLog struct {
	name string

	mu      sync.Mutex
	out     io.Writer // nil until show
	partial []byte    // the start of a line whose end has not come yet
	lines   []string  // at most keptLines, oldest first
}

const keptLines = 12

// show writes every line from now on to out, behind the child's name.
func (l *childLog) show(out io.Writer) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.out = out
}

// Write never fails: a child must not end because nobody reads it.
func (l *childLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.partial = append(l.partial, p...)
	for {
		line, rest, whole := bytes.Cut(l.partial, []byte("\n"))
		if !whole {
			return len(p), nil
		}
		l.partial = rest
		l.lines = append(l.lines, string(line))
		if len(l.lines) > keptLines {
			l.lines = l.lines[1:]
		}
		if l.out != nil {
			fmt.Fprintf(l.out, "%s | %s\n", l.name, line)
		}
	}
}

// last returns the kept lines, indented, or a sentence if there are none.
func (l *childLog) last() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.lines) == 0 {
		return "  (it said nothing)"
	}
	return "  " + strings.Join(l.lines, "\n  ")
}
