package doctor

// Where things are kept: the data directory, and the sessions.

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"outpost/config"
	"outpost/session"
)

const (
	storeTime  = 5 * time.Second
	leastSpace = 100 << 20 // bytes: compaction of a session file takes as much as it has
)

// data tries to write where the daemon does.
func (c *chart) data() {
	dir := c.Config.Data
	info, err := os.Stat(dir)
	if errors.Is(err, os.ErrNotExist) && c.process == nil {
		parent := filepath.Dir(dir)
		if err := writable(parent); err != nil {
			c.wrong("data", fmt.Sprintf("%s is not there, and cannot be made in %s: %s", dir, parent, cause(err)), c.makeData())
			return
		}
		c.ok("data", dir+" is not there yet; the first start makes it")
		return
	}
	if err == nil && !info.IsDir() {
		err = syscall.ENOTDIR
	}
	if err == nil {
		err = writable(dir)
	}
	var fs syscall.Statfs_t
	switch {
	case err != nil:
		c.wrong("data", fmt.Sprintf("%s cannot be written by this user (uid %d): %s. Sessions and the generated secret have nowhere to be", dir, c.UID, cause(err)), c.makeData())
	case info.Mode().Perm()&0o022 != 0:
		c.wrong("data", fmt.Sprintf("others on this machine may write in %s (mode %#o): they can put a secret of theirs there", dir, info.Mode().Perm()), "chmod 0700 "+dir)
	case syscall.Statfs(dir, &fs) == nil && uint64(fs.Bsize)*fs.Bavail < leastSpace:
		c.warn("data", fmt.Sprintf("%s has %d MB left", dir, uint64(fs.Bsize)*fs.Bavail>>20), "free space on its disk, or set data in "+c.File+" to another one")
	default:
		c.ok("data", dir+" can be written")
	}
}

func (c *chart) makeData() string {
	return fmt.Sprintf("mkdir -p %[1]s && chown %[2]d %[1]s && chmod 0700 %[1]s; in a container mount it writable: -v ./outpost:%[1]s; or set data in %[3]s", c.Config.Data, c.UID, c.File)
}

// writable makes a file and takes it away again.
func writable(dir string) error {
	f, err := os.CreateTemp(dir, ".doctor-*")
	if err != nil {
		return err
	}
	f.Close()
	return os.Remove(f.Name())
}

// cause is what the system says, without the path.
func cause(err error) string {
	var path *os.PathError
	if errors.As(err, &path) {
		err = path.Err
	}
	return err.Error()
}

func (c *chart) store(ctx context.Context) {
	switch c.Config.Session.Store {
	case config.StoreMemory:
		c.warn("store", "memory: a restart signs everybody out", c.edit("session", "store: file"))
	case config.StoreFile:
		c.fileStore()
	default:
		c.sharedStore(ctx)
	}
}

// fileStore looks at the file from beside it: the daemon holds its lock, and
// says under ready how it fares.
func (c *chart) fileStore() {
	path := filepath.Join(c.Config.Data, "sessions.db")
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, os.ErrNotExist) && c.process == nil:
		c.ok("store", "no "+path+" yet; the first start makes it")
		return
	case err != nil:
		c.wrong("store", path+": "+cause(err), "restart outpost, with data in "+c.File+" on a volume that is mounted")
		return
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		c.wrong("store", fmt.Sprintf("%s cannot be written by this user (uid %d): %s", path, c.UID, cause(err)), fmt.Sprintf("chown %d %s", c.UID, path))
		return
	}
	f.Close()
	if info.Mode().Perm()&0o077 != 0 {
		c.warn("store", fmt.Sprintf("others on this machine may read %s (mode %#o); what is in it is sealed", path, info.Mode().Perm()), "chmod 0600 "+path)
		return
	}
	c.ok("store", path+" can be written")
}

// sharedStore saves a record that means nothing, reads it and takes it away.
func (c *chart) sharedStore(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, storeTime)
	defer cancel()
	where := c.redisAddress()
	fix := c.edit("session.redis", "the address, user name and password of a server that runs and that this machine reaches; try: redis-cli -u "+where+" ping")
	causes := &causes{}
	store, err := c.OpenStore(slog.New(causes))
	if err != nil {
		c.wrong("store", where+" cannot be used: "+err.Error(), fix)
		return
	}
	defer store.Close()
	for {
		if err = tryOut(ctx, store); err == nil {
			c.ok("store", where+" kept a record and gave it back")
			return
		}
		select { // it connects in the background
		case <-time.After(storeTime / 20):
			continue
		case <-ctx.Done():
		}
		break
	}
	why := err.Error()
	if said := causes.first(); said != "" {
		why = said
	}
	c.wrong("store", fmt.Sprintf("%s does not keep a record: %s. Nobody can sign in, and checks of sessions that are not in memory are 500", where, why), fix)
}

func tryOut(ctx context.Context, store session.Store) error {
	var key session.Key
	rand.Read(key[:])
	record := session.Record{Sealed: []byte("outpost doctor"), Expires: time.Now().Add(time.Minute), Seen: time.Now()}
	if err := store.Save(ctx, key, record); err != nil {
		return err
	}
	_, err := store.Load(ctx, key)
	return errors.Join(err, store.Delete(ctx, key))
}

// causes is a log that keeps the first cause that it is told of.
type causes struct {
	mu   sync.Mutex
	said string
}

func (c *causes) Enabled(context.Context, slog.Level) bool { return true }
func (c *causes) WithAttrs([]slog.Attr) slog.Handler       { return c }
func (c *causes) WithGroup(string) slog.Handler            { return c }

func (c *causes) Handle(_ context.Context, r slog.Record) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == "cause" && c.said == "" {
			c.said = a.Value.String()
		}
		return true
	})
	return nil
}

func (c *causes) first() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.said
}

func (c *chart) redisAddress() string {
	r := c.Config.Session.Redis
	switch {
	case r.URL != "":
		return r.URL
	case len(r.Sentinel.Addresses) > 0:
		return "redis://" + r.Sentinel.Addresses[0] + " (sentinel)"
	case len(r.Cluster.Addresses) > 0:
		return "redis://" + r.Cluster.Addresses[0]
	}
	return "redis"
}
