package config

import (
	"crypto/sha256"
	"os"
)

// Files are what a configuration was read from: the file itself, those that ${file:…}
// and variables name, and certificates. Each has the sum of what was read, so that
// whoever looks at it later can tell whether it has changed since, be it by an
// editor's rename, a write in place or a swapped symbolic link. The sum of a file
// that could not be read is zero.
type Files map[string][sha256.Size]byte

// Changed returns those of the files that hold something else by now, or cannot be
// read where they could be; nil if none.
func (f Files) Changed() []string {
	var changed []string
	for path, was := range f {
		if SumOf(path) != was {
			changed = append(changed, path)
		}
	}
	return changed
}

// SumOf is the sum of what is in a file now, as in Files.
func SumOf(path string) (sum [sha256.Size]byte) {
	// Looked at before it is opened: opening a pipe waits for its writer.
	if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
		return sum
	}
	text, _, err := readFile(path, maxFile)
	if err != nil {
		return sum
	}
	return sha256.Sum256(text)
}

// note remembers a file that was looked at, and what was read of it; nil where that
// failed.
func (r *reader) note(path string, text []byte) {
	if text == nil {
		r.files[path] = SumOf(path)
		return
	}
	r.files[path] = sha256.Sum256(text)
}
