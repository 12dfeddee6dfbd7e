package auth

// background is the work for one provider that nobody waits for. It is bounded
// both ways: a provider that hangs holds up a few goroutines, and what cannot
// wait in line is turned away at once.

import (
	"context"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"
)

const (
	maxRunning = 8               // jobs at a time, for each provider
	maxWaiting = 1024            // jobs in line
	stopTime   = 2 * time.Second // what jobs that are under way get to finish
)

type background struct {
	log    *slog.Logger
	ctx    context.Context // of every job
	cancel context.CancelFunc

	mu      sync.Mutex
	waiting []func(context.Context)
	running int
	idle    chan struct{} // nil until stop; closed when nothing runs any more
}

func newBackground(log *slog.Logger) *background {
	b := &background{log: log}
	b.ctx, b.cancel = context.WithCancel(context.Background())
	return b
}

// try has the job done, soon, or returns false: then it never will be. It does
// not wait. A job bounds its own time.
func (b *background) try(job func(context.Context)) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.idle != nil || len(b.waiting) >= maxWaiting {
		return false
	}
	b.waiting = append(b.waiting, job)
	if b.running < maxRunning {
		b.running++
		go b.work()
	}
	return true
}

// busy reports whether a job waits or runs.
func (b *background) busy() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.running > 0 || len(b.waiting) > 0
}

// work does jobs until there is none in line.
func (b *background) work() {
	for {
		b.mu.Lock()
		if len(b.waiting) == 0 {
			if b.running--; b.running == 0 && b.idle != nil {
				close(b.idle)
			}
			b.mu.Unlock()
			return
		}
		job := b.waiting[0]
		b.waiting = b.waiting[1:]
		b.mu.Unlock()
		b.guarded(job)
	}
}

// guarded keeps a panic from ending the process: nobody stands behind this one
// to catch it.
func (b *background) guarded(job func(context.Context)) {
	defer func() {
		if p := recover(); p != nil {
			b.log.Error("background work panicked", "panic", p, "stack", string(debug.Stack()))
		}
	}()
	job(b.ctx)
}

// stop drops what waits, gives what runs stopTime, and returns when it is done.
// It is called once.
func (b *background) stop() {
	b.mu.Lock()
	b.idle = make(chan struct{})
	b.waiting = nil
	if b.running == 0 {
		close(b.idle)
	}
	b.mu.Unlock()
	timer := time.AfterFunc(stopTime, b.cancel)
	defer timer.Stop()
	<-b.idle
	b.cancel()
}
