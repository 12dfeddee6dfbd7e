package main

// `outpost secret rotate` puts a new secret in front of those in the data
// directory, and has a running process take it over.

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"outpost/config"
)

func secretRotate(ctx context.Context, p program, file string, _ []string) error {
	c, err := config.Load(file, p.env)
	if err != nil {
		return err
	}
	if len(c.Secrets) > 0 {
		return configuredSecret(whereFrom(file), c)
	}
	kept, err := rotateSecretFile(secretFile(c), c.Session.Max, time.Now())
	if err != nil {
		return err
	}
	fmt.Fprintf(p.stdout, "%s has a new secret in front; older ones that still open what they sealed: %d\n", secretFile(c), len(kept)-1)

	resp, err := ask(ctx, c, http.MethodPost, "/reload", nil)
	switch {
	case errors.Is(err, errNobodyListens):
		fmt.Fprintf(p.stdout, "%v; a process that runs without it takes the new secret with SIGHUP, and every process when it starts\n", err)
		return nil
	case err != nil:
		return fmt.Errorf("the new secret is in the file, and the running outpost goes on with the old one: %w: mend that and send it SIGHUP", err)
	}
	defer resp.Body.Close()
	var done reloaded
	if err := json.NewDecoder(resp.Body).Decode(&done); err != nil {
		return fmt.Errorf("the new secret is in the file, and whether the running outpost took it over is not known, for its answer was cut off (%w): see its log", err)
	}
	fmt.Fprintln(p.stdout, "the running outpost seals with it from now on; nobody was signed out")
	if len(done.Restart) > 0 {
		fmt.Fprintf(p.stdout, "%s has changes that take a restart: %s\n", whereFrom(file), strings.Join(done.Restart, ", "))
	}
	return nil
}

// configuredSecret says what to do where the secrets are the operator's.
func configuredSecret(file string, c *config.Config) error {
	oldest := ""
	if len(c.Secrets) > 1 {
		oldest = ", and take out those that stopped sealing longer ago than that"
	}
	return fmt.Errorf(`%s sets secret, so a new one is yours to put there. Write

secret:
  - NEW     # first, so that it seals: openssl rand -base64 48
  - OLD     # what stands there now, for another %s (session.max)%s

or ${file:…} for each of them, and send the process SIGHUP. Several replicas: put NEW second
everywhere and reload, then first, or one seals what another cannot open`, file, c.Session.Max, oldest)
}
