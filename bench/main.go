// Bench measures what a check costs, beside the floor it stands on and the
// limit above it, in one run on one machine:
//
//   - outpost: the daemon, asked as nginx asks it, by a browser that is signed in;
//   - floor: a bare net/http handler that writes the same headers, once with the
//     daemon's timeouts and once with Go's defaults, which have none;
//   - nginx: `return 204`, the limit.
//
// Each is asked over connections that stay and over one for each request, in
// interleaved rounds, since the machine is not the same from one minute to the
// next. Then it asks two daemons with many sessions, one of them with a provider
// that hangs, and at last it runs the Go benchmarks of the check. README.md
// explains the method and has the figures.
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
	"runtime"
	"strings"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// mode is how long a connection lives.
type mode struct {
	name      string
	keepAlive bool
}

var modes = []mode{{"keep-alive", true}, {"Connection: close", false}}

// run must be called in the module's root folder: it compiles the packages
// that it measures.
func run(ctx context.Context, args []string, stdout io.Writer) error {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	// Many short rounds: the machine is another one from second to second, and
	// what is taken close together can be compared.
	rounds := flags.Int("rounds", 15, "rounds for each server and mode; the figures are their medians")
	duration := flags.Duration("duration", time.Second, "length of a round, in whole seconds")
	connections := flags.Int("connections", 64, "connections that wrk keeps busy")
	only := flags.String("only", "", "measure this part alone: check, hang or function")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *rounds < 1 || *duration < time.Second || flags.NArg() > 0 {
		return fmt.Errorf("want at least one round of at least a second, and no arguments")
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

	fmt.Fprintf(stdout, "%s, %d CPUs, %s, load %s; %d rounds of %v, wrk with 2 threads and %d connections\n",
		model(), runtime.NumCPU(), runtime.Version(), loadAverage(), *rounds, *duration, *connections)
	if err := build(ctx, binary(folder), "./cmd/outpost"); err != nil {
		return err
	}
	parts := []struct {
		name    string
		measure func() error
	}{
		{"check", func() error { return compare(ctx, ask, folder, *rounds, stdout) }},
		{"hang", func() error { return whileHanging(ctx, folder, *rounds, *duration, stdout) }},
		{"function", func() error { return functions(ctx, stdout) }},
	}
	for _, part := range parts {
		if *only != "" && *only != part.name {
			continue
		}
		if err := part.measure(); err != nil {
			return err
		}
	}
	return nil
}

// functions runs the Go benchmarks of the check.
func functions(ctx context.Context, stdout io.Writer) error {
	fmt.Fprint(stdout, "\nThe check as a function call\n\n")
	test := exec.CommandContext(ctx, "go", "test", "-run", "^$", "-bench", "^BenchmarkCheck$", "-benchmem", "./auth")
	test.Stdout, test.Stderr = stdout, os.Stderr
	if err := test.Run(); err != nil {
		return fmt.Errorf("running the Go benchmarks: %w", err)
	}
	return nil
}

// compare measures the check against the floor and the limit.
func compare(ctx context.Context, ask load, folder string, rounds int, stdout io.Writer) error {
	servers, headers, err := startAll(ctx, folder)
	for _, s := range servers {
		defer s.stop()
	}
	if err != nil {
		return err
	}
	ask.headers, ask.path = headers, checkPath
	results, err := measure(ctx, ask, servers, modes, rounds)
	if err != nil {
		return err
	}
	return report(stdout, results)
}

// measure takes all rounds: each server once in each mode, then all over again,
// beginning with the next, so that none always comes first. The rows of
// results[i] are those of modes[i], in the servers' order.
func measure(ctx context.Context, ask load, servers []*server, modes []mode, rounds int) ([][]row, error) {
	results := make([][]row, len(modes))
	for i := range results {
		for _, s := range servers {
			results[i] = append(results[i], row{server: s.name})
		}
	}
	warm := ask
	warm.duration = time.Second
	for round := range rounds {
		for i, mode := range modes {
			for j := range servers {
				j = (j + round) % len(servers)
				s := servers[j]
				if round == 0 {
					if _, err := warm.run(ctx, s, mode.keepAlive); err != nil {
						return nil, err
					}
				}
				f, err := ask.run(ctx, s, mode.keepAlive)
				if err != nil {
					return nil, err
				}
				results[i][j].rounds = append(results[i][j].rounds, f)
			}
		}
	}
	return results, nil
}

// report prints the tables and whether the target holds. The error says that
// some answers were not 2xx.
func report(w io.Writer, results [][]row) error {
	wrong, others := 0, 0.0
	for i, mode := range modes {
		table(w, mode.name, results[i], []string{floorName, defaultsName, limitName})
		for _, r := range results[i] {
			m := r.median()
			wrong += m.not2xx + m.broken
			others = max(others, m.others)
		}
	}
	fmt.Fprintf(w, "\nTarget: outpost spends at most %.2f times the CPU time of the floor, in both modes.\n", target)
	for _, base := range []string{floorName, defaultsName} {
		verdict := "holds"
		for _, rows := range results {
			if ratio(rows, outpostName, base) > target {
				verdict = "does not hold"
			}
		}
		fmt.Fprintf(w, "  %s: %s\n", base, verdict)
	}
	if others > quiet {
		fmt.Fprintln(w, "\nThe machine had other work to do meanwhile: measure again when it is quiet.")
	}
	if wrong > 0 {
		return fmt.Errorf("%d requests did not end with a 2xx: the figures say nothing", wrong)
	}
	return nil
}

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
