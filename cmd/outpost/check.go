package main

import (
	"context"
	"fmt"
	"log/slog"

	"outpost/auth"
	"outpost/config"
	"outpost/session/memory"
)

// check handles `outpost check`: it reads the file and wires what serve would,
// but opens no store, generates nothing, asks nobody and listens nowhere.
func check(_ context.Context, p program, file string) error {
	c, err := config.Load(file, p.env)
	if err != nil {
		return err
	}
	discard, stand, metrics := slog.New(slog.DiscardHandler), make([]byte, 32), newMetrics(c)
	if _, err := auth.New(wiring(c, memory.New(), [][]byte{stand}, discard, metrics)); err != nil {
		return fmt.Errorf("%s: %w", whereFrom(file), err)
	}
	if c.TLS.Certificate != "" {
		if _, err := newCertificate(c, discard, metrics); err != nil {
			return err
		}
	}
	for _, w := range c.Warnings {
		fmt.Fprintf(p.stdout, "warning: %s\n", w)
	}
	fmt.Fprintf(p.stdout, "%s is good (applications: %d, providers: %d)\n", whereFrom(file), len(c.Applications), len(c.Providers))
	for _, line := range redirectURIs(c) {
		fmt.Fprintln(p.stdout, line)
	}
	return nil
}
