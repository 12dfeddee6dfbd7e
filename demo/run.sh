#!/bin/sh
# Builds the daemon and the demo, and becomes the demo, so that a signal to
# this process is a signal to it. `make demo` calls it; PORT=8090 moves it.
set -eu
cd "$(dirname "$0")/.."

PATH=$PATH:/usr/sbin # where Debian keeps nginx, and not on everybody's PATH
command -v nginx >/dev/null || .ci/install nginx-light

echo "building outpost and the demo (the first time takes a minute)"
# git refuses a clone that is somebody else's, and go with it: -buildvcs=false.
CGO_ENABLED=0 go build -buildvcs=false -o build/demo/outpost ./cmd/outpost
go -C demo build -buildvcs=false -o ../build/demo/demo .
exec build/demo/demo
