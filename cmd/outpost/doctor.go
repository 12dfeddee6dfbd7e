package main

// `outpost doctor` looks for what keeps people from signing in. What is looked at,
// and what is wrong with it, package doctor knows; this file hands it what it needs
// of the machine, and prints.

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"

	"outpost/auth"
	"outpost/config"
	"outpost/doctor"
	"outpost/session"
	"outpost/session/memory"
)

// consultation is what the command line says.
type consultation struct {
	urls                     []string
	nginx, root, bundle, log string
	json, anonymous          bool
}

func doctorCommand() subcommand {
	var c consultation
	return subcommand{
		name: "doctor", says: "say what keeps people from signing in, and the edit that mends it",
		more: "--url may stand several times, one for each application that is to be looked at from outside.",
		flags: func(f *flag.FlagSet) {
			f.Func("url", "ask for `URL` as a browser does, through nginx", func(s string) error {
				c.urls = append(c.urls, s)
				return nil
			})
			f.StringVar(&c.nginx, "nginx", "", "look through nginx's files in `DIR` too")
			f.StringVar(&c.root, "root", "", "the `DIR` that nginx's files call /config/nginx")
			f.StringVar(&c.bundle, "bundle", "", "write what a bug report needs into `FILE`, secrets hidden")
			f.StringVar(&c.log, "log", "", "put the last lines of the log in `FILE` into the bundle")
			f.BoolVar(&c.json, "json", false, "print one JSON array")
			f.BoolVar(&c.anonymous, "anonymous", false, "hide hosts and names in the bundle")
		},
		do: func(ctx context.Context, p program, file string, _ []string) error { return c.run(ctx, p, file) },
	}
}

func (c consultation) run(ctx context.Context, p program, file string) error {
	if c.bundle == "" && (c.log != "" || c.anonymous) {
		return wrongUse{errors.New("doctor: --log and --anonymous are for a bundle: name its file with --bundle FILE")}
	}
	patient := patientOf(file, p)
	patient.URLs, patient.Nginx, patient.Root = c.urls, c.nginx, c.root
	lines := doctor.Examine(ctx, patient)
	if c.bundle != "" {
		if err := c.pack(ctx, patient, lines); err != nil {
			return err
		}
		fmt.Fprintf(p.stderr, "outpost: %s is written. Look through it before you put it in public.\n", c.bundle)
	}
	var err error
	if c.json {
		encoder := json.NewEncoder(p.stdout)
		encoder.SetEscapeHTML(false)
		encoder.SetIndent("", "  ")
		err = encoder.Encode(lines)
	} else {
		err = doctor.Print(p.stdout, lines)
	}
	switch {
	case err != nil:
		return fmt.Errorf("printing what was found: %w", err)
	case doctor.IsWrong(lines):
		return exitStatus(1)
	}
	return nil
}

// patientOf is a file with what the machine has to it.
func patientOf(file string, p program) doctor.Patient {
	c, err := config.Load(file, p.env)
	patient := doctor.Patient{File: file, Config: c, LoadErr: err, Version: versionOf(), UID: os.Geteuid(), Dial: dial}
	if err != nil {
		return patient
	}
	discard := slog.New(slog.DiscardHandler)
	patient.Providers, patient.Applications, patient.SecretFile = providers(c), applications(c), secretFile(c)
	patient.Outpost, patient.BuildErr = auth.New(wiring(c, memory.New(), [][]byte{make([]byte, 32)}, discard, newMetrics(c)))
	patient.OpenStore = func(log *slog.Logger) (session.Store, error) { return openStore(c, log) }
	patient.Admin = func(ctx context.Context, method, path string, q url.Values) ([]byte, error) {
		resp, err := ask(ctx, c, method, path, q)
		if err != nil {
			return nil, err
		}
		defer resp.Body.Close()
		return io.ReadAll(io.LimitReader(resp.Body, 8<<20))
	}
	return patient
}

// pack writes the bundle, beside the file that it then takes the place of.
func (c consultation) pack(ctx context.Context, patient doctor.Patient, lines []doctor.Line) error {
	b := doctor.Bundle{Program: versionLine(), Lines: lines, Config: patient.Config, Anonymous: c.anonymous}
	if patient.Config != nil {
		b.Metrics = metricsOf(ctx, patient)
		if kept, err := readSecretFile(patient.SecretFile); err == nil {
			for _, one := range kept {
				b.Secrets = append(b.Secrets, one.value)
			}
		}
	}
	if c.log != "" {
		log, err := os.Open(c.log)
		if err != nil {
			return fmt.Errorf("reading the log: %w: name a file with --log, such as what docker logs outpost > FILE 2>&1 writes", err)
		}
		defer log.Close()
		b.Log = log
	}
	f, err := os.CreateTemp(filepath.Dir(c.bundle), ".bundle-*")
	if err != nil {
		return fmt.Errorf("writing the bundle: %w: name a file with --bundle in a directory that this user may write to", err)
	}
	defer os.Remove(f.Name())
	if err := errors.Join(b.Write(f), f.Close()); err != nil {
		return fmt.Errorf("writing the bundle: %w", err)
	}
	if err := os.Rename(f.Name(), c.bundle); err != nil {
		return fmt.Errorf("writing the bundle: %w", err)
	}
	return nil
}

// metricsOf are those of the running process; nil where it cannot be asked.
func metricsOf(ctx context.Context, patient doctor.Patient) []byte {
	if patient.Config.Management == "off" {
		return nil
	}
	status, body, err := doctor.Get(ctx, patient.Dial, patient.Config.Management, "/metrics")
	if err != nil || status != http.StatusOK {
		return nil
	}
	return body
}
