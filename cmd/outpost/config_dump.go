package main

import (
	"context"

	"outpost/config"
)

// configDump handles `outpost config dump`.
func configDump(_ context.Context, p program, file string) error {
	c, err := config.Load(file, p.env)
	if err != nil {
		return err
	}
	return c.Dump(p.stdout)
}
