package main

// The secrets: those of the configuration, or the file in the data directory.
//
//	# The first secret seals, every one opens; `outpost secret rotate` puts a new one in front.
//	vJ8k…
//	# replaced 2026-11-26T00:12:42Z
//	Qz3f…
//
// Blank lines and other comments count for nothing, and so a file with one secret
// alone, as it is at first, is the same thing. What is replaced stays for as long
// as a session may last: a cookie is never sealed anew.

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"outpost/config"
)

const (
	// maxSecrets is how many the file may hold: a forged cookie costs a MAC for
	// each of them.
	maxSecrets = 16

	leastSecret    = 32 // bytes
	replacedPrefix = "# replaced "
	secretHeading  = "# The first secret seals, every one opens; `outpost secret rotate` puts a new one in front.\n"
)

// keptSecret is one of the file.
type keptSecret struct {
	value    string
	replaced time.Time // since when another one seals; zero for the one that does, and where the file does not say
}

func secretFile(c *config.Config) string { return filepath.Join(c.Data, "secret") }

// secrets are those of the configuration, or those in the data directory, where
// the first one is made the first time.
func secrets(c *config.Config) ([][]byte, error) {
	if len(c.Secrets) == 0 {
		err := writeOnce(secretFile(c), []byte(newSecret()+"\n"))
		if err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, fmt.Errorf("making the secret: %w: make the data directory writable for this user (uid %d), or set secret in the configuration", err, os.Geteuid())
		}
	}
	return presentSecrets(c)
}

// presentSecrets is secrets, and makes none: what is missing once a process runs
// must not be replaced behind its back, which would sign everybody out.
func presentSecrets(c *config.Config) ([][]byte, error) {
	var all [][]byte
	for _, s := range c.Secrets {
		all = append(all, []byte(s.Reveal()))
	}
	if len(all) > 0 {
		return all, nil
	}
	kept, err := readSecretFile(secretFile(c))
	if err != nil {
		return nil, err
	}
	for _, k := range kept {
		all = append(all, []byte(k.value))
	}
	return all, nil
}

func newSecret() string {
	made := make([]byte, 48)
	rand.Read(made)
	return base64.StdEncoding.EncodeToString(made)
}

// readSecretFile returns the secrets of the file, at least one. No error repeats
// any of them.
func readSecretFile(path string) ([]keptSecret, error) {
	body, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading the secret: %w: make it readable for this user (uid %d)", err, os.Geteuid())
	}
	var all []keptSecret
	var replaced time.Time
	for i, line := range strings.Split(string(body), "\n") {
		line = strings.TrimSpace(line)
		if at, ok := strings.CutPrefix(line, replacedPrefix); ok {
			if replaced, err = time.Parse(time.RFC3339, at); err != nil {
				return nil, fmt.Errorf("reading the secret: line %d of %s has no time in RFC 3339 after %q: correct it, or remove the line", i+1, path, strings.TrimSpace(replacedPrefix))
			}
			continue
		}
		switch {
		case line == "" || line[0] == '#':
			continue
		case len(line) < leastSecret:
			return nil, fmt.Errorf("reading the secret: line %d of %s has %d bytes, and %d is the least: remove it, which signs out whose cookies it sealed", i+1, path, len(line), leastSecret)
		}
		all = append(all, keptSecret{line, replaced})
		replaced = time.Time{}
	}
	switch {
	case len(all) == 0:
		return nil, fmt.Errorf("reading the secret: there is none in %s: remove it for a new one, which signs everybody out", path)
	case len(all) > maxSecrets:
		return nil, fmt.Errorf("reading the secret: %s has %d of them, and %d is the most: remove the last ones", path, len(all), maxSecrets)
	}
	return all, nil
}

// rotated puts a new secret before those there are. Those that were replaced
// longer than lifetime ago have nothing left to open, and go.
func rotated(kept []keptSecret, made string, lifetime time.Duration, now time.Time) ([]keptSecret, error) {
	all := []keptSecret{{value: made}}
	for _, k := range kept {
		if k.replaced.IsZero() {
			k.replaced = now.UTC().Truncate(time.Second)
		}
		if now.Sub(k.replaced) < lifetime {
			all = append(all, k)
		}
	}
	if len(all) > maxSecrets {
		oldest := all[len(all)-1].replaced
		return nil, fmt.Errorf("rotating the secret: there would be %d of them, and %d is the most: wait until %s, when the oldest has nothing left to open, or remove the last one from the file, which signs out whose cookies it sealed",
			len(all), maxSecrets, oldest.Add(lifetime).Format(time.RFC3339))
	}
	return all, nil
}

// rotateSecretFile puts a new secret in front, and returns what is in the file
// then: that, or what was there before, whenever the process ends.
func rotateSecretFile(path string, lifetime time.Duration, now time.Time) ([]keptSecret, error) {
	unlock, err := lockDirectory(filepath.Dir(path))
	if err != nil {
		return nil, fmt.Errorf("rotating the secret: %w", err)
	}
	defer unlock()
	var kept []keptSecret
	owner, err := os.Stat(path)
	switch {
	case err == nil:
		if kept, err = readSecretFile(path); err != nil {
			return nil, err
		}
	case !errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("rotating the secret: %w", err)
	}
	all, err := rotated(kept, newSecret(), lifetime, now)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	b.WriteString(secretHeading)
	for _, k := range all {
		if !k.replaced.IsZero() {
			b.WriteString(replacedPrefix + k.replaced.Format(time.RFC3339) + "\n")
		}
		b.WriteString(k.value + "\n")
	}
	if err := replaceFile(path, b.Bytes(), owner); err != nil {
		return nil, fmt.Errorf("rotating the secret: %w: run this as the user that outpost runs as, on a disk with room", err)
	}
	return all, nil
}

// lockDirectory keeps two rotations apart: the later one would otherwise throw the
// earlier one's secret away, with which somebody may have been signed in since.
func lockDirectory(dir string) (unlock func(), err error) {
	d, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(d.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		d.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("another rotation is under way in %s: try again when it is done", dir)
		}
		return nil, err
	}
	return func() { d.Close() }, nil
}

// replaceFile puts a whole new file in the place of the one at path, if there is
// one, or leaves that one as it is. It belongs to whom the old one belonged: root,
// who rotates for another user, must not lock that one out.
func replaceFile(path string, body []byte, old fs.FileInfo) error {
	left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".secret-*"))
	for _, name := range left { // of who was killed; the caller has the lock
		os.Remove(name)
	}
	temp, err := writeTemp(path, body)
	if err != nil {
		return err
	}
	defer os.Remove(temp)
	if old != nil {
		if was, ok := old.Sys().(*syscall.Stat_t); ok && int(was.Uid) != os.Geteuid() {
			if err := os.Chown(temp, int(was.Uid), int(was.Gid)); err != nil {
				return err
			}
		}
	}
	if err := os.Rename(temp, path); err != nil {
		return err
	}
	return syncDirectory(filepath.Dir(path))
}

// writeOnce makes a file that was not there, whole or not at all: a process
// that is killed while it writes leaves no half a secret behind.
func writeOnce(path string, body []byte) error {
	if _, err := os.Lstat(path); err == nil {
		return fs.ErrExist
	}
	temp, err := writeTemp(path, body)
	if err != nil {
		return err
	}
	defer os.Remove(temp)
	if err := os.Link(temp, path); err != nil { // fails where another process was faster
		return err
	}
	return syncDirectory(filepath.Dir(path))
}

// writeTemp writes a file with mode 0600 beside path, down to the disk.
func writeTemp(path string, body []byte) (name string, err error) {
	temp, err := os.CreateTemp(filepath.Dir(path), ".secret-*") // mode 0600
	if err != nil {
		return "", err
	}
	_, err = temp.Write(body)
	if err == nil {
		err = temp.Sync()
	}
	if err = errors.Join(err, temp.Close()); err != nil {
		os.Remove(temp.Name())
		return "", err
	}
	return temp.Name(), nil
}

// syncDirectory makes a name in a directory outlive a power cut.
func syncDirectory(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
