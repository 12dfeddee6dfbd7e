package main

// What protection costs a page that nginx serves. The stories' module knows how
// to bring up nginx with SWAG's configuration and a signed-in person in
// namespaces of their own, and measures there; here its figures become tables.

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
)

// price is one setting's figures, as e2e/price_test.go writes them: µs, and CPU
// time for each page.
type price struct {
	Name              string
	Pages             float64
	Check, Nginx      float64
	P50, P99          float64
	At50, At99, At999 float64
	Wrong             int
}

const (
	swagOutpost = "SWAG's includes, outpost"
	swagLimit   = "SWAG's includes, nginx return 204"
	swagFloor   = "SWAG's includes, bare net/http"
	swagTarget  = 1.3 // times what nginx return 204 takes, through SWAG's confs
)

// throughNginx runs that measurement and returns its two tables.
func throughNginx(ctx context.Context, folder string) ([]price, []*sheet, error) {
	if _, err := installVegeta(ctx, folder); err != nil {
		return nil, nil, err
	}
	if err := build(ctx, filepath.Join(folder, "floor"), "./bench/floor"); err != nil {
		return nil, nil, err
	}
	out := filepath.Join(folder, "price.json")
	test := exec.CommandContext(ctx, "go", "-C", "e2e", "test", "-run", "^$", "-bench", "^BenchmarkPrice$", "-benchtime", "1x", "-timeout", "20m", ".")
	test.Env = append(os.Environ(), "OUTPOST_BENCH_OUT="+out)
	said, err := test.CombinedOutput()
	if err != nil {
		return nil, nil, fmt.Errorf("measuring through nginx: %w\n%s", err, said)
	}
	text, err := os.ReadFile(out)
	if err != nil {
		return nil, nil, fmt.Errorf("measuring through nginx: nothing was measured, since SWAG's files are not at ../shared/swag: %w", err)
	}
	var prices []price
	if err := json.Unmarshal(text, &prices); err != nil {
		return nil, nil, fmt.Errorf("measuring through nginx: %w", err)
	}
	sheets, err := priceSheets(prices)
	if err != nil {
		return nil, nil, fmt.Errorf("%w\n%s", err, said)
	}
	return prices, sheets, nil
}

func priceSheets(prices []price) ([]*sheet, error) {
	full := &sheet{title: "A page through nginx, as many as can be had", columns: []string{"pages/s", "check, CPU µs", "nginx, CPU µs", "p50 µs", "p99 µs"}}
	steady := &sheet{title: "A page through nginx, 1,000 a second", columns: []string{"p50 µs", "p99 µs", "p99.9 µs"}}
	wrong := 0
	for _, p := range prices {
		check := "–"
		if p.Check > 0 {
			check = fmt.Sprintf("%.1f", p.Check)
		}
		full.add(p.Name, fmt.Sprintf("%.0f", p.Pages), check, fmt.Sprintf("%.1f", p.Nginx), fmt.Sprintf("%.0f", p.P50), fmt.Sprintf("%.0f", p.P99))
		steady.add(p.Name, fmt.Sprintf("%.0f", p.At50), fmt.Sprintf("%.0f", p.At99), fmt.Sprintf("%.0f", p.At999))
		wrong += p.Wrong
	}
	ratio := priceOf(prices, swagOutpost).Check / priceOf(prices, swagLimit).Check
	full.notes = append(full.notes, verdict("Through SWAG's confs", ratio, swagTarget, "nginx `return 204`"))
	if wrong > 0 {
		return nil, fmt.Errorf("%d pages did not come: the figures say nothing", wrong)
	}
	return []*sheet{full, steady}, nil
}

func priceOf(prices []price, name string) price {
	return prices[slices.IndexFunc(prices, func(p price) bool { return p.Name == name })]
}
