package main

// One round of load: wrk against one server, every answer's status counted,
// and the server's CPU time taken before and after.

import (
	"context"
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

//go:embed wrk.lua
var script []byte

// load is how wrk is to ask.
type load struct {
	script      string // path of wrk.lua
	duration    time.Duration
	connections int
	headers     []string // "Name: value", as nginx sends them
	path        string
}

// figures are what one round gave.
type figures struct {
	requests  int
	not2xx    int           // answers with another status
	broken    int           // connections refused, broken or timed out
	perSecond float64       // requests a second
	cpu       time.Duration // of the server, for each request
	p50, p99  time.Duration // how long wrk waited for an answer
	others    float64       // share of the machine that neither wrk nor the server used, but somebody else: 0 to 1
}

// run asks the server for the duration, over connections that it keeps or over
// one for each request.
func (l load) run(ctx context.Context, s *server, keepAlive bool) (figures, error) {
	args := []string{"-t2", fmt.Sprintf("-c%d", l.connections), fmt.Sprintf("-d%ds", int(l.duration.Seconds())), "-s", l.script}
	for _, line := range l.headers {
		args = append(args, "-H", line)
	}
	if !keepAlive {
		args = append(args, "-H", "Connection: close")
	}
	args = append(args, "http://"+s.address+l.path)

	machineBefore, began := busy(), time.Now()
	before, err := s.cpu()
	if err != nil {
		return figures{}, err
	}
	wrk := exec.CommandContext(ctx, "wrk", args...)
	wrk.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	output, err := wrk.CombinedOutput()
	if err != nil {
		return figures{}, fmt.Errorf("asking %s: wrk: %w\n%s", s.name, err, output)
	}
	after, err := s.cpu()
	if err != nil {
		return figures{}, err
	}
	f, err := parse(output)
	if err != nil {
		return figures{}, fmt.Errorf("asking %s: %w", s.name, err)
	}
	f.cpu = (after - before) / time.Duration(f.requests)
	ours := after - before + wrk.ProcessState.UserTime() + wrk.ProcessState.SystemTime()
	f.others = max(0, float64(busy()-machineBefore-ours)/float64(time.Since(began))/float64(runtime.NumCPU()))
	return f, nil
}

// busy is the CPU time that the whole machine has spent since it started, in
// steps of 10 ms: user, nice, system, irq, softirq and steal of proc_stat(5).
// It is 0 where that cannot be read.
func busy() time.Duration {
	stat, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0
	}
	line, _, _ := strings.Cut(string(stat), "\n")
	var sum time.Duration
	for i, field := range strings.Fields(line) {
		if i < 1 || i == 4 || i == 5 || i > 8 { // the name, idle, iowait, and what user has in it already
			continue
		}
		ticks, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0
		}
		sum += time.Duration(ticks) * 10 * time.Millisecond
	}
	return sum
}

// figuresLine is the line that wrk.lua ends with.
var figuresLine = regexp.MustCompile(`(?m)^figures requests=(\d+) microseconds=(\d+) not_2xx=(\d+) broken=(\d+) p50=(\d+) p99=(\d+)$`)

// parse reads wrk.lua's line out of what wrk has printed. The CPU time is not
// in it.
func parse(output []byte) (figures, error) {
	match := figuresLine.FindSubmatch(output)
	if match == nil {
		return figures{}, fmt.Errorf("wrk printed no figures:\n%s", output)
	}
	var n [6]int
	for i := range n {
		var err error
		if n[i], err = strconv.Atoi(string(match[i+1])); err != nil {
			return figures{}, fmt.Errorf("reading wrk's figures: %w", err)
		}
	}
	if n[0] == 0 || n[1] == 0 {
		return figures{}, fmt.Errorf("no request was answered:\n%s", output)
	}
	return figures{
		requests:  n[0],
		perSecond: float64(n[0]) / (time.Duration(n[1]) * time.Microsecond).Seconds(),
		not2xx:    n[2],
		broken:    n[3],
		p50:       time.Duration(n[4]) * time.Microsecond,
		p99:       time.Duration(n[5]) * time.Microsecond,
	}, nil
}
