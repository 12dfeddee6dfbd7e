package main

import (
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

func versionLine() string {
	return "outpost " + versionOf() + " " + runtime.Version() + " " + runtime.GOOS + "/" + runtime.GOARCH
}
