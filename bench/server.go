package main

// A server under load: one child process in a session of its own, and the CPU
// time that it has spent.

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unsafe"
)

// startTimeout is how long a server may take until it accepts a connection.
const startTimeout = 10 * time.Second

// server is a running process that answers on address.
type server struct {
	name    string
	address string // host:port
	pid     int
	exited  chan error
}

// start runs the command and waits until address accepts connections. The
// process ends with ctx. What it writes is part of the error if it never
// answers, and goes nowhere otherwise.
//
// The process leads a session of its own: the kernel then gives it a
// scheduling group of its own, as a container has. In one group with the load
// generator, a server's figures shrink by up to half.
func start(ctx context.Context, name, address string, command *exec.Cmd) (*server, error) {
	var output bytes.Buffer
	command.Stdout, command.Stderr = &output, &output
	command.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := command.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", name, err)
	}
	s := &server{name: name, address: address, pid: command.Process.Pid, exited: make(chan error, 1)}
	go func() { s.exited <- command.Wait() }()

	deadline := time.After(startTimeout)
	for {
		select {
		case err := <-s.exited:
			return nil, fmt.Errorf("starting %s: it ended (%v) and said:\n%s", name, err, output.Bytes())
		case <-deadline:
			s.stop()
			return nil, fmt.Errorf("starting %s: nothing answers on %s after %v; it said:\n%s", name, address, startTimeout, output.Bytes())
		case <-ctx.Done():
			s.stop()
			return nil, ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
		if connection, err := net.Dial("tcp", address); err == nil {
			connection.Close()
			return s, nil
		}
	}
}

// stop asks the process to end and waits until it has.
func (s *server) stop() {
	syscall.Kill(s.pid, syscall.SIGTERM)
	select {
	case <-s.exited:
	case <-time.After(startTimeout):
		syscall.Kill(s.pid, syscall.SIGKILL)
		<-s.exited
	}
}

// cpu is the user and system time that the process and its children have spent
// since they started.
//
// It reads the processes' CPU clocks, which count nanoseconds;
// /proc/PID/stat has the same sum in steps of 10 ms.
func (s *server) cpu() (time.Duration, error) {
	pids := []int{s.pid}
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%[1]d/children", s.pid))
	if err != nil {
		return 0, fmt.Errorf("listing the processes of %s: %w", s.name, err)
	}
	for field := range strings.FieldsSeq(string(children)) {
		pid, err := strconv.Atoi(field)
		if err != nil {
			return 0, fmt.Errorf("listing the processes of %s: %w", s.name, err)
		}
		pids = append(pids, pid)
	}
	var sum time.Duration
	for _, pid := range pids {
		// The clock of a process is its complemented ID above the bits that
		// say "the scheduler's clock, of all threads": clock_getcpuclockid(3).
		const scheduler = 2
		var spent syscall.Timespec
		if _, _, errno := syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, uintptr(int32(^pid<<3|scheduler)), uintptr(unsafe.Pointer(&spent)), 0); errno != 0 {
			return 0, fmt.Errorf("reading the CPU clock of %s: %w", s.name, errno)
		}
		sum += time.Duration(spent.Nano())
	}
	return sum, nil
}

// freeAddress is a loopback address that nothing listens on yet.
func freeAddress() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return listener.Addr().String(), listener.Close()
}

// build compiles a package of this module to the file.
func build(ctx context.Context, file, pkg string) error {
	command := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags=-s -w", "-o", file, pkg)
	command.Env = append(os.Environ(), "CGO_ENABLED=0")
	if output, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("building %s: %w", pkg, errors.Join(err, errors.New(string(output))))
	}
	return nil
}
