package main

// configured.go finds out where the configuration is: a file, or the environment.

import (
	"errors"
	"io/fs"
	"os"

	"outpost/config"
)

// usualFile is where containers have the file; it counts where no other is named.
const usualFile = "/config/outpost.yaml"

// locate returns the file that holds the configuration, or "" where variables of the
// environment do.
func (p program) locate(named string) (string, error) {
	if named != "" {
		return named, nil
	}
	if _, err := os.Stat(usualFile); !errors.Is(err, fs.ErrNotExist) {
		return usualFile, nil // one that cannot be looked at says why when it is read
	}
	if err := config.CheckEnvironment(p.names()); err != nil {
		return "", err
	}
	if !config.InEnvironment(p.env) {
		return "", wrongUse{errors.New("no configuration: name a file with -config FILE or in OUTPOST_CONFIG, or set OUTPOST_ISSUER, OUTPOST_CLIENT_ID and OUTPOST_EXTERNAL_URL")}
	}
	return "", nil
}

// whereFrom is how messages call what locate has found.
func whereFrom(file string) string {
	if file == "" {
		return "the environment"
	}
	return file
}
