package main

// A store with as many sessions as an installation may ever have.

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"outpost/session"
	"outpost/session/file"
)

// fillers is how many sign in at once: so many share one commit. More would have
// bbolt sort ever longer pages.
const fillers = 8192

// shared is a file system in memory, where there is one: in it a commit waits for
// no disk. A session takes up to roomEach bytes there.
const (
	shared   = "/dev/shm"
	roomEach = 6000
)

// fill creates n sessions in the daemon's file store, before it has it open: of
// n people, each of whom has an ID token and a refresh token of the usual size.
// It returns the cookies of the first keep, each "name=value".
func (d *daemon) fill(ctx context.Context, n, keep int) ([]string, error) {
	var room syscall.Statfs_t
	if syscall.Statfs(shared, &room) != nil || int64(room.Bavail)*room.Bsize < int64(n)*roomEach {
		return d.fillIn(ctx, d.data, n, keep)
	}
	folder, err := os.MkdirTemp(shared, "outpost-fill-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder)
	cookies, err := d.fillIn(ctx, folder, n, keep)
	if err != nil {
		return nil, err
	}
	return cookies, os.CopyFS(d.data, os.DirFS(folder))
}

// fillIn fills a store in the folder.
func (d *daemon) fillIn(ctx context.Context, folder string, n, keep int) ([]string, error) {
	store, err := file.Open(filepath.Join(folder, "sessions.db"), nil)
	if err != nil {
		return nil, err
	}
	sessions, err := session.New(session.Config{Store: store, Secrets: [][]byte{[]byte(d.secret)}, Max: 168 * time.Hour})
	if err != nil {
		return nil, err
	}
	name := "__Host-outpost-" + application
	cookies := make([]string, keep)
	token := rand.Text() + rand.Text() + rand.Text()
	for len(token) < 900 {
		token += token
	}
	var next atomic.Int64
	var failed atomic.Pointer[error]
	var all sync.WaitGroup
	for range fillers {
		all.Go(func() {
			for i := int(next.Add(1)) - 1; i < n && failed.Load() == nil; i = int(next.Add(1)) - 1 {
				value, _, err := sessions.Create(ctx, name, person(d.issuer, i, token))
				if err != nil {
					failed.Store(&err)
					return
				}
				if i < keep {
					cookies[i] = name + "=" + value
				}
			}
		})
	}
	all.Wait()
	if err := failed.Load(); err != nil {
		return nil, fmt.Errorf("filling the store: %w", *err)
	}
	if err := sessions.Close(); err != nil {
		return nil, fmt.Errorf("filling the store: %w", err)
	}
	return cookies, nil
}

// person is the i-th one, signed in.
func person(issuer string, i int, token string) session.Session {
	return session.Session{
		Application:  application,
		Provider:     "default",
		SID:          fmt.Sprintf("%032x", i),
		RefreshToken: token[:120],
		IDToken:      token[:900],
		Identity: session.Identity{
			Issuer:   issuer,
			Subject:  fmt.Sprintf("f7b1c8a6-4f1d-4a7e-9a52-%012x", i),
			Username: fmt.Sprintf("person-%d", i),
			Name:     fmt.Sprintf("Ada Lovelace the %dth", i),
			Email:    fmt.Sprintf("person-%d@example.com", i),
			Groups:   []string{"family", "media"},
		},
	}
}
