package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"gopkg.in/yaml.v3"
)

// Size limits, in bytes. Both are far beyond any sensible file and keep a
// mistaken path (a device, a database) from filling the memory.
const (
	maxFile   = 8 << 20 // tens of thousands of applications
	maxSecret = 64 << 10
)

// Load reads the configuration file at path, or where that is "" what the
// environment has in its place, fills in what it takes from the
// environment and from files, and checks it. Variables are looked up with env,
// which is os.LookupEnv in the program.
//
// The error is either [Problems], every one in the file at once, to be printed
// as it is, or says that the file could not be read. The Config is nil exactly
// when there is an error.
func Load(path string, env func(string) (string, bool)) (*Config, error) {
	c, _, err := Read(path, env)
	return c, err
}

// Read is Load, and says which files it looked at, also where there is an error.
func Read(path string, env func(string) (string, bool)) (*Config, Files, error) {
	r := &reader{file: path, env: env, files: Files{}, used: map[string]bool{}, sources: map[string][]string{}, places: map[string]place{}, homes: map[string][]string{}}
	c, err := r.load()
	return c, r.files, err
}

func (r *reader) load() (*Config, error) {
	path := r.file
	if path == "" {
		return r.loadEnvironment()
	}
	if unprintable(path) {
		return nil, fmt.Errorf("reading the configuration: the name %q holds control characters", path)
	}
	text, mode, err := readFile(path, maxFile)
	r.note(path, text)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("reading the configuration: %w: name the file with -config or OUTPOST_CONFIG; config.example.yaml shows what goes into it", err)
		}
		return nil, fmt.Errorf("reading the configuration: %w", err)
	}

	r.mode = mode
	root := r.parse(text)
	if root == nil {
		return nil, r.problems
	}
	return r.finish(root)
}

// finish makes the configuration of a tree.
func (r *reader) finish(root *yaml.Node) (*Config, error) {
	c := r.config(root)
	r.check(c)
	if r.variables == nil {
		r.checkBeside()
	}
	r.reportUnknown()
	if len(r.problems) > 0 {
		inOrder(r.problems)
		return nil, r.problems
	}
	r.warn(c)
	inOrder(r.warnings)
	c.Warnings = r.warnings
	return c, nil
}

// readFile returns what the file holds and its permission bits. It refuses
// directories and files larger than limit.
func readFile(path string, limit int64) ([]byte, fs.FileMode, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, 0, err
	}
	if info.IsDir() {
		// The usual way to get here is a container whose bind mount names a
		// file that was not there.
		return nil, 0, fmt.Errorf("%s is a directory, not a file: Docker makes one where the file to mount does not exist", path)
	}
	text, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, 0, err
	}
	if int64(len(text)) > limit {
		return nil, 0, fmt.Errorf("%s is larger than %d KiB", path, limit>>10)
	}
	return text, info.Mode().Perm(), nil
}
