//go:build !linux

package main

// become is for Linux alone, which the images are of.
func (p program) become(string) (warning string, err error) {
	if user, _ := p.env("PUID"); user != "" {
		warning = "PUID and PGID mean nothing on this system: start it as the user that it is meant to be"
	}
	return warning, nil
}
