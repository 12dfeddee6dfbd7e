package config

import "reflect"

// Differs reports whether the two configurations differ in anything but Secrets:
// whether taking the other one over takes more than new secrets. Where the files
// are, and how a value is written in them, does not count.
func (c *Config) Differs(other *Config) bool {
	plain := func(c *Config) Config {
		d := *c
		d.Secrets, d.Warnings, d.file, d.effective = nil, nil, "", nil
		return d
	}
	return !reflect.DeepEqual(plain(c), plain(other))
}
