package main

// Load at a fixed rate, where load.go asks as fast as the server answers: how
// long a check takes when the machine is not saturated. vegeta sends each
// request at its time, whether or not those before it were answered, so that an
// answer that comes late is late for all who asked meanwhile.

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// vegetaModule is built once for each run of the bench; it is no dependency of
// the daemon's.
const vegetaModule = "github.com/tsenart/vegeta/v12@v12.13.0"

// installVegeta returns the path of its binary.
func installVegeta(ctx context.Context, folder string) (string, error) {
	command := exec.CommandContext(ctx, "go", "install", vegetaModule)
	command.Env = append(os.Environ(), "GOBIN="+folder, "GOFLAGS=", "CGO_ENABLED=0")
	if output, err := command.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building %s: %w\n%s", vegetaModule, err, output)
	}
	return filepath.Join(folder, "vegeta"), nil
}

// steady is how vegeta is to ask one server.
type steady struct {
	vegeta   string // its binary
	targets  string // the file with the requests, which are asked in turn
	rate     int    // requests a second
	duration time.Duration
}

// write makes the targets: one check for each browser's cookie.
func (a steady) write(url string, cookies []string) error {
	var b bytes.Buffer
	for _, cookie := range cookies {
		fmt.Fprintf(&b, "GET %s\n%s\n\n", url, strings.Join(swag(cookie), "\n"))
	}
	return os.WriteFile(a.targets, b.Bytes(), 0o600)
}

// run asks for the duration and returns how long each answer took, and 0 for
// each that was not 2xx or did not come.
func (a steady) run(ctx context.Context) ([]time.Duration, error) {
	results := a.targets + ".results"
	attack := exec.CommandContext(ctx, a.vegeta, "attack", "-targets", a.targets, "-rate", strconv.Itoa(a.rate), "-duration", a.duration.String(),
		"-workers", "64", "-redirects", "-1", "-output", results)
	attack.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if output, err := attack.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("asking with vegeta: %w\n%s", err, output)
	}
	encode := exec.CommandContext(ctx, a.vegeta, "encode", "-to", "csv", results)
	output, err := encode.Output()
	if err != nil {
		return nil, fmt.Errorf("reading vegeta's results: %w", err)
	}
	return answersOf(bytes.NewReader(output))
}

// answersOf reads vegeta's CSV: the time stamp, the status, how many
// nanoseconds it took, and more.
func answersOf(r io.Reader) ([]time.Duration, error) {
	lines := csv.NewReader(r)
	var answers []time.Duration
	for {
		line, err := lines.Read()
		if errors.Is(err, io.EOF) {
			if len(answers) == 0 {
				return nil, errors.New("vegeta asked for nothing")
			}
			return answers, nil
		}
		if err != nil {
			return nil, fmt.Errorf("reading vegeta's results: %w", err)
		}
		status, err := strconv.Atoi(line[1])
		if err != nil {
			return nil, fmt.Errorf("reading vegeta's results: %w", err)
		}
		took, err := strconv.ParseInt(line[2], 10, 64)
		if err != nil {
			return nil, fmt.Errorf("reading vegeta's results: %w", err)
		}
		if status < 200 || status > 299 {
			took = 0
		}
		answers = append(answers, time.Duration(took))
	}
}

// pace is what the rounds of one server came to.
type pace struct {
	server  string
	answers []time.Duration // of all rounds
	wrong   int             // not 2xx
}

func (p *pace) add(answers []time.Duration) {
	for _, took := range answers {
		if took == 0 {
			p.wrong++
			continue
		}
		p.answers = append(p.answers, took)
	}
}

// percentile is the time within which the share q of the answers came.
func (p *pace) percentile(q float64) time.Duration {
	if len(p.answers) == 0 {
		return 0
	}
	slices.Sort(p.answers)
	return p.answers[min(len(p.answers)-1, int(q*float64(len(p.answers))))]
}

// paces adds one row for each server and returns how many answers were wrong.
func paces(s *sheet, rows []pace) (wrong int) {
	s.columns = []string{"p50 µs", "p99 µs", "p99.9 µs", "longest µs", "answers"}
	for _, r := range rows {
		var figures []string
		for _, q := range []float64{.5, .99, .999, 1} {
			figures = append(figures, fmt.Sprint(r.percentile(q).Microseconds()))
		}
		s.add(r.server, append(figures, fmt.Sprint(len(r.answers)))...)
		wrong += r.wrong
	}
	return wrong
}
