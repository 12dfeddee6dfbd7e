package main

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
)

// version is set when the program is built: -ldflags "-X main.version=1.2.3".
var version = ""

// versionOf falls back on what the Go toolchain knows of the checkout.
func versionOf() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" && len(s.Value) >= 12 {
				return "dev-" + s.Value[:12]
			}
		}
	}
	return "dev"
}

// printVersion handles `outpost version`.
func printVersion(_ context.Context, p program, _ string, _ []string) error {
	_, err := fmt.Fprintln(p.stdout, versionLine())
	return err
}

func versionLine() string {
	return "outpost " + versionOf() + " " + runtime.Version() + " " + runtime.GOOS + "/" + runtime.GOARCH
}
