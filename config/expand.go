package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"unicode/utf8"
)

// How ${NAME} and ${file:/path} in a value are filled in. It happens on single
// values after the file was parsed, so that nothing in a variable or a secret
// can become a key, a list or a comment; what was filled in is not looked at
// again. What cannot be filled in is a problem, never an empty string: a
// missing secret must stop the start, not weaken what it protects.

var variable = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// mounted is where container runtimes put secrets, readable to every user
// inside. Nobody else is in there, and the operator could not change it.
const mounted = "/run/secrets/"

// filling is one value while its ${…} are filled in.
type filling struct {
	r       *reader
	path    string
	place   place
	secret  bool     // the value is a Secret
	sources []string // what was filled in, in order: "$NAME", "/run/secrets/x"
}

// expand returns text with every ${…} filled in and $${ as ${. What cannot be
// filled in is reported, every part of it, and ok is false.
func (f *filling) expand(text string) (expanded string, ok bool) {
	var b strings.Builder
	ok = true
	for {
		before, after, found := strings.Cut(text, "${")
		if !found {
			b.WriteString(text)
			return b.String(), ok
		}
		if literal, escaped := strings.CutSuffix(before, "$"); escaped {
			b.WriteString(literal + "${")
			text = after
			continue
		}
		inside, tail, closed := strings.Cut(after, "}")
		if !closed {
			f.r.fail(f.path, f.place, "has a ${ without its }", "write $${ for the two characters themselves")
			return "", false
		}
		value, v := f.fill(inside)
		if v != nil {
			f.r.fail(f.path, place{line: f.place.line, column: f.place.column}, v.rule, v.hint)
			ok = false
		}
		b.WriteString(before + value)
		text = tail
	}
}

// fill returns what the inside of one ${…} stands for.
func (f *filling) fill(inside string) (string, *violation) {
	if file, is := strings.CutPrefix(inside, "file:"); is {
		f.sources = append(f.sources, file)
		return f.read(file)
	}
	if !variable.MatchString(inside) {
		return "", broken("has a ${…} that names neither a variable nor a file",
			"write ${NAME} or ${file:/run/secrets/name}, without a default; $${ stands for ${ itself")
	}
	f.r.used[inside] = true
	value, set, v := f.look(inside)
	switch {
	case v != nil:
		return "", v
	case !set:
		return "", broken("needs the environment variable "+inside+", which is not set", "set it, or write the value here")
	case value == "":
		return "", broken("needs the environment variable "+inside+", which is empty", "set it, or remove the key")
	case !utf8.ValidString(value):
		return "", broken("needs the environment variable "+inside+", which is not UTF-8 text", "")
	}
	return value, nil
}

// read returns what a file holds, without the newline that ends it.
func (f *filling) read(file string) (string, *violation) {
	if !filepath.IsAbs(file) || unprintable(file) {
		return "", broken("must name a file by its absolute path", "write ${file:/run/secrets/name}")
	}
	needs := "needs the file " + file + ", which "
	// Looked at before it is opened: opening a pipe waits for its writer.
	info, err := os.Stat(file)
	if err == nil && !info.Mode().IsRegular() {
		return "", broken(needs+"is not a regular file", "Docker makes a directory where the file to mount does not exist")
	}
	var text []byte
	var mode fs.FileMode
	if err == nil {
		text, mode, err = readFile(file, maxSecret)
	}
	f.r.note(file, text)
	if err != nil {
		return "", broken(needs+"cannot be read: "+withoutPath(err).Error(), "create or mount it, readable to the user that outpost runs as")
	}
	value := strings.TrimSuffix(string(text), "\n")
	value = strings.TrimSuffix(value, "\r")
	switch {
	case value == "":
		return "", broken(needs+"is empty", "")
	case !utf8.ValidString(value):
		return "", broken(needs+"is not UTF-8 text", "store random bytes as base64")
	}
	if f.secret && mode&0o044 != 0 && !strings.HasPrefix(filepath.Clean(file), mounted) {
		f.r.caution(f.path, f.place, fmt.Sprintf("comes from %s, which others on this machine may read (mode %#o)", file, mode),
			"chmod 0400 it and give it to the user that outpost runs as")
	}
	return value, nil
}

// withoutPath is err where the path is said already.
func withoutPath(err error) error {
	if pathError, is := errors.AsType[*fs.PathError](err); is {
		return pathError.Err
	}
	return err
}
