package config

import (
	"bytes"
	"fmt"
	"io"

	"gopkg.in/yaml.v3"
)

// Dump writes the effective configuration: every key with the value that Load
// arrived at and, as a comment, where it is from: "default", "config.yaml:12",
// "config.yaml:12 from $NAME" or "config.yaml:9 from /run/secrets/x". Secrets
// are "<secret>"; Load accepts the rest again and makes the same Config of it.
// What the program changed since Load does not show.
//
// The error is w's.
func (c *Config) Dump(w io.Writer) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "# The effective configuration of %s. Secrets are hidden.\n", c.file)
	encoder := yaml.NewEncoder(&b)
	encoder.SetIndent(2)
	err := encoder.Encode(c.effective)
	if err == nil {
		err = encoder.Close()
	}
	if err == nil {
		_, err = w.Write(b.Bytes())
	}
	return err
}
