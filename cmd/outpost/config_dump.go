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

// configSchema handles `outpost config schema`.
func configSchema() subcommand {
	return subcommand{
		name: "config schema", says: "print the JSON Schema of the configuration, for editors", noFile: true,
		do: func(_ context.Context, p program, _ string, _ []string) error {
			_, err := p.stdout.Write(config.Schema())
			return err
		},
	}
}
