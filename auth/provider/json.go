package provider

// json.go decides which JSON of a provider is read at all. Two readers of one
// document must not read two things: encoding/json takes the last of two
// members of one name where others take the first, and puts U+FFFD where the
// text is no UTF-8 (RFC 8259 §4 and §8.1, RFC 7519 §4).

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// maxDepth is how deep JSON may be nested; claims of real providers go to
// five or so.
const maxDepth = 64

// errJSON is what every error of checkJSON Is.
var errJSON = errors.New("not JSON that everybody reads alike")

// checkJSON refuses a document that is not one JSON value in UTF-8, that is
// nested deeper than maxDepth or names a member of an object twice. Names in
// another case are other names: see checkSpelling.
func checkJSON(doc []byte) error {
	if !utf8.Valid(doc) {
		return fmt.Errorf("%w: not UTF-8", errJSON)
	}
	d := json.NewDecoder(bytes.NewReader(doc))
	d.UseNumber() // 1e999 is a number; who needs it as one says so
	if err := checkValue(d, 0); err != nil {
		return fmt.Errorf("%w: %w", errJSON, err)
	}
	if _, err := d.Token(); err != io.EOF {
		return fmt.Errorf("%w: something follows it", errJSON)
	}
	return nil
}

func checkValue(d *json.Decoder, depth int) error {
	token, err := d.Token()
	if err != nil {
		return err
	}
	open, nested := token.(json.Delim)
	switch {
	case !nested:
		return nil
	case depth == maxDepth:
		return fmt.Errorf("nested deeper than %d", maxDepth)
	}
	seen := map[string]bool{}
	for d.More() {
		if open == '{' {
			token, err := d.Token()
			if err != nil {
				return err
			}
			name, _ := token.(string)
			if seen[name] {
				return fmt.Errorf("member %q twice", cut(name))
			}
			seen[name] = true
		}
		if err := checkValue(d, depth+1); err != nil {
			return err
		}
	}
	_, err = d.Token() // what closes it
	return err
}
