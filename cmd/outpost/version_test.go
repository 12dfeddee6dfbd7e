package main

import (
	"regexp"
	"runtime"
	"testing"
)

func TestVersion(t *testing.T) {
	got := command(t, nil, "version")
	line := regexp.MustCompile(`^outpost \S+ ` + regexp.QuoteMeta(runtime.Version()+" "+runtime.GOOS+"/"+runtime.GOARCH) + "\n$")
	if got.status != 0 || got.stderr != "" || !line.MatchString(got.stdout) {
		t.Errorf("got %+v", got)
	}
}

// What -ldflags "-X main.version=…" says goes before what the toolchain knows.
func TestVersionOfRelease(t *testing.T) {
	old := version
	defer func() { version = old }()
	version = "1.2.3"
	if got := versionOf(); got != "1.2.3" {
		t.Errorf("got %q", got)
	}
}
