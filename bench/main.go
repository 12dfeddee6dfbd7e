// Bench measures what a check costs, in one run on one machine, beside the floor
// that Go gives and the limit above it, nginx's own `return 204`: asked directly
// (check.go), through nginx (nginx.go), while a provider hangs (hang.go), and as
// a function call; and what the daemon takes of a machine (size.go). README.md
// explains the method and has the figures, which -write puts there.
//
// It fails if any answer was not 2xx, for then it has measured something else.
// It does not fail over a slow check: figures from a busy machine would make a
// test that nobody believes.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	do, args := run, os.Args[1:]
	if len(args) > 0 && args[0] == "scale" {
		do, args = scale, args[1:]
	} else if len(args) > 0 && args[0] == "soak" {
		do, args = soak, args[1:]
	}
	err := do(ctx, args, os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// run must be called in the module's root folder: it compiles the packages
// that it measures.
func run(ctx context.Context, args []string, stdout io.Writer) error {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	// Many short rounds: the machine is another one from second to second, and
	// what is taken close together can be compared.
	rounds := flags.Int("rounds", 15, "rounds for each server and mode; the figures are their medians")
	duration := flags.Duration("duration", time.Second, "length of a round, in whole seconds")
	connections := flags.Int("connections", 64, "connections that wrk keeps busy")
	only := flags.String("only", "", "measure this part alone: check, nginx, hang, size or function")
	write := flags.Bool("write", false, "write the figures into bench/README.md and README.md, and draw docs/pictures/check.svg")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *rounds < 1 || *duration < time.Second || flags.NArg() > 0 {
		return fmt.Errorf("want at least one round of at least a second, and no arguments")
	}
	if *write && *only != "" {
		return fmt.Errorf("-write is for the whole: leave -only out")
	}

	folder, err := os.MkdirTemp("", "outpost-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	ask := load{script: filepath.Join(folder, "wrk.lua"), duration: *duration, connections: *connections}
	if err := os.WriteFile(ask.script, script, 0o600); err != nil {
		return err
	}
	machine := fmt.Sprintf("%s: %s, %d CPUs, %s; load %s when it began; %d rounds of %v, wrk with 2 threads and %d connections.",
		time.Now().Format(time.DateOnly), model(), runtime.NumCPU(), runtime.Version(), loadAverage(), *rounds, *duration, *connections)
	fmt.Fprintln(stdout, machine)
	if err := build(ctx, binary(folder), "./cmd/outpost"); err != nil {
		return err
	}
	var sheets []*sheet
	var groups []bars
	parts := []struct {
		name    string
		measure func() ([]*sheet, error)
	}{
		{"check", func() (sheets []*sheet, err error) { groups, sheets, err = checks(ctx, ask, folder, *rounds); return }},
		{"nginx", func() ([]*sheet, error) {
			prices, sheets, err := throughNginx(ctx, folder)
			if err == nil {
				groups = append(groups, bars{"through SWAG's confs", []string{outpostName, limitName, floorName},
					[]float64{priceOf(prices, swagOutpost).Check, priceOf(prices, swagLimit).Check, priceOf(prices, swagFloor).Check}})
			}
			return sheets, err
		}},
		{"hang", func() ([]*sheet, error) {
			s, err := whileHanging(ctx, folder, *rounds, *duration)
			return []*sheet{s}, err
		}},
		{"size", func() ([]*sheet, error) { s, err := size(ctx, ask, folder); return []*sheet{s}, err }},
		{"function", func() ([]*sheet, error) { s, err := functions(ctx); return []*sheet{s}, err }},
	}
	for _, part := range parts {
		if *only != "" && *only != part.name {
			continue
		}
		of, err := part.measure()
		if err != nil {
			return err
		}
		for _, s := range of {
			s.text(stdout)
		}
		sheets = append(sheets, of...)
	}
	if *write {
		return publish(machine, sheets, groups)
	}
	return nil
}

// publish puts the figures where people read them.
func publish(machine string, sheets []*sheet, groups []bars) error {
	var b strings.Builder
	fmt.Fprintf(&b, "\n%s\n", machine)
	for _, s := range sheets {
		s.markdown(&b)
	}
	if err := rewrite("bench/README.md", b.String()); err != nil {
		return err
	}
	if err := rewrite("README.md", "\n"+summary(groups)); err != nil {
		return err
	}
	return os.WriteFile("docs/pictures/check.svg", []byte(picture(groups)), 0o644)
}

// summary is one table over all groups: what each server takes for a check.
func summary(groups []bars) string {
	s := &sheet{}
	for _, g := range groups {
		s.columns = append(s.columns, g.title)
	}
	for i, name := range groups[0].names {
		var row []string
		for _, g := range groups {
			row = append(row, fmt.Sprintf("%.1f µs", g.µs[i]))
		}
		s.add(name, row...)
	}
	var b strings.Builder
	s.markdown(&b)
	_, table, _ := strings.Cut(b.String(), "\n\n") // it has no title
	return table
}

// functions runs the Go benchmarks of the check.
func functions(ctx context.Context) (*sheet, error) {
	output, err := exec.CommandContext(ctx, "go", "test", "-run", "^$", "-bench", "^BenchmarkCheck$", "-benchmem", "./auth").CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("running the Go benchmarks: %w\n%s", err, output)
	}
	s := &sheet{title: "The check as a function call", columns: []string{"ns", "bytes", "allocations"}}
	for _, m := range benchmark.FindAllStringSubmatch(string(output), -1) {
		s.add(m[1], m[2], m[3], m[4])
	}
	if len(s.rows) == 0 {
		return nil, fmt.Errorf("the Go benchmarks printed no figures:\n%s", output)
	}
	return s, nil
}

var benchmark = regexp.MustCompile(`(?m)^BenchmarkCheck/(\S+?)-\d+\s+\d+\s+([\d.]+) ns/op\s+(\d+) B/op\s+(\d+) allocs/op`)

// model is the name of the CPU, as the kernel knows it.
func model() string {
	cpus, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return runtime.GOARCH
	}
	for line := range strings.Lines(string(cpus)) {
		if name, value, _ := strings.Cut(line, ":"); strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}

// loadAverage is how many tasks were ready to run in the last minute: what
// else the machine was doing.
func loadAverage() string {
	average, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	minute, _, _ := strings.Cut(string(average), " ")
	return minute
}
