package main

// watch.go has a configuration whose files have changed read anew. It looks at what
// is in them, every second, and asks no kernel for events: an editor renames, a
// bind mount of a single file keeps its inode, Kubernetes swaps a symbolic link two
// folders up, a network share tells nothing at all, and all of them are a file with
// something else in it. A few small files cost some microseconds.

import (
	"bytes"
	"maps"
	"os"
	"time"

	"outpost/config"
)

// watchTimes are how often files are looked at, and how long they have to stay as
// they are before they are read: whoever writes one may not have come to the end. A
// file of which not even the last line has an end has to for longer.
type watchTimes struct{ every, calm, calmUnended time.Duration }

var usualWatch = watchTimes{every: time.Second, calm: 2 * time.Second, calmUnended: 10 * time.Second}

// onChange reloads when the files have changed, until stop is called.
func (r *reloader) onChange(times watchTimes) (stop func()) {
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(times.every)
		defer tick.Stop()
		var w watch
		for {
			select {
			case <-done:
				return
			case now := <-tick.C:
				if w.due(r.lastRead(), times, now) {
					r.reload(byChange)
				}
			}
		}
	}()
	return func() {
		close(done)
		<-ended
	}
}

// lastRead are the files of the configuration as they were read last.
func (r *reloader) lastRead() config.Files {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.files
}

// watch is what was seen of files that have changed.
type watch struct {
	seen  config.Files // nil while nothing has changed
	since time.Time    // for how long they have been so
}

// due reports whether the files hold something else than what was read, and have
// done so for long enough.
func (w *watch) due(read config.Files, times watchTimes, now time.Time) bool {
	seen := config.Files{}
	for path := range read {
		seen[path] = config.SumOf(path)
	}
	switch {
	case maps.Equal(seen, read):
		w.seen = nil
		return false
	case !maps.Equal(seen, w.seen):
		w.seen, w.since = seen, now
		return false
	}
	calm := times.calm
	for path, sum := range seen {
		if sum != read[path] && unended(path) {
			calm = times.calmUnended
		}
	}
	return now.Sub(w.since) >= calm
}

// unended reports whether a file's last line has no end.
func unended(path string) bool {
	text, err := os.ReadFile(path)
	return err == nil && len(text) > 0 && !bytes.HasSuffix(text, []byte("\n"))
}
