package main

// Who the process is when it was started as root and PUID and PGID say who it is
// meant to be, as the images of linuxserver.io have it: that user, for good,
// before anything listens and before anything that a stranger may have written is
// read but the configuration, which is read once to learn where the data
// directory is.
//
// The process gives up what it has and executes itself anew. Users are a matter
// of each thread on Linux, and that ends every other one; what root had read goes
// with it.

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"unsafe"
)

// rootNeeds is what becoming somebody else takes; Docker's default has it.
const rootNeeds = "its capabilities (cap_add: [CHOWN, DAC_OVERRIDE, SETGID, SETUID])"

// account is a user and a group by number.
type account struct{ uid, gid int }

// become goes on as the user of PUID and PGID, and does not return if it had to
// change for that. data is the directory to make theirs; "" for none. What is
// worth a line in the log is in warning.
func (p program) become(data string) (warning string, err error) {
	mask, err := p.number("UMASK", 8, 0o777)
	if err != nil {
		return "", err
	}
	if mask >= 0 {
		syscall.Umask(mask)
	}
	meant, err := p.account()
	if err != nil {
		return "", err
	}
	uid, gid := os.Geteuid(), os.Getegid()
	switch {
	case meant == nil && uid == 0:
		return "this runs as root: set PUID and PGID, or start it as another user", nil
	case meant == nil:
		return "", nil
	case uid != 0 && *meant == (account{uid, gid}):
		return "", nil
	case uid != 0:
		return fmt.Sprintf("PUID and PGID are %d and %d, and this runs as %d and %d, who may not change that: start it as root (user: \"0:0\"), or remove them", meant.uid, meant.gid, uid, gid), nil
	case meant.uid == 0:
		return "this runs as root, since PUID is 0: name another user", nil
	}
	if data != "" {
		if err := give(data, *meant); err != nil {
			return "", fmt.Errorf("giving the data directory to PUID %d and PGID %d: %w", meant.uid, meant.gid, err)
		}
	}
	return "", fmt.Errorf("going on as PUID %d and PGID %d: %w", meant.uid, meant.gid, drop(*meant))
}

// account is who PUID and PGID name, nil for nobody. The one that is left out is
// the other.
func (p program) account() (*account, error) {
	uid, err := p.number("PUID", 10, 1<<31-1)
	if err != nil {
		return nil, err
	}
	gid, err := p.number("PGID", 10, 1<<31-1)
	switch {
	case err != nil:
		return nil, err
	case uid < 0 && gid < 0:
		return nil, nil
	case uid < 0:
		return nil, errors.New("PGID is set and PUID is not: set both, or neither")
	case gid < 0:
		gid = uid
	}
	return &account{uid, gid}, nil
}

// number is a variable of the environment, -1 where it is not there or empty.
func (p program) number(name string, base, most int) (int, error) {
	text, _ := p.env(name)
	if text == "" {
		return -1, nil
	}
	n, err := strconv.ParseUint(text, base, 32)
	if err != nil || n > uint64(most) {
		return 0, fmt.Errorf("%s must be a number between 0 and %s, got %q", name, strconv.FormatInt(int64(most), base), text)
	}
	return int(n), nil
}

// ours are the names in a data directory of what the daemon keeps there.
func ours(name string) bool {
	for _, pattern := range []string{"secret", "sessions.db", "sessions.db.corrupt-*", "provider-*.json", "admin.sock", "tls.pem"} {
		if fits, _ := filepath.Match(pattern, name); fits {
			return true
		}
	}
	return false
}

// give makes the data directory, where it is not there, and a person the owner of
// it and of what is ours in it. Whoever had the directory before may have put
// anything there: no link is followed, neither symbolic nor hard, and nothing
// below another directory is looked at.
func give(data string, to account) error {
	if err := os.MkdirAll(filepath.Dir(data), 0o755); err != nil { // they have to get through
		return err
	}
	if err := os.Mkdir(data, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	before, err := os.Lstat(data)
	if err == nil && !before.IsDir() {
		err = fmt.Errorf("%s is no directory, or a symbolic link to one: name the directory itself in data", data)
	}
	if err != nil {
		return err
	}
	root, err := os.OpenRoot(data)
	if errors.Is(err, fs.ErrPermission) {
		err = fmt.Errorf("%w: let root have %s, or change the owner yourself", err, rootNeeds)
	}
	if err != nil {
		return err
	}
	defer root.Close()
	if after, err := root.Lstat("."); err != nil || !os.SameFile(before, after) {
		return errors.Join(err, fmt.Errorf("%s was put elsewhere meanwhile", data))
	}
	entries, err := fs.ReadDir(root.FS(), ".")
	if err != nil {
		return err
	}
	// The directory last: until then its owner is the one who had it.
	for _, entry := range entries {
		if ours(entry.Name()) {
			if err := giveOne(root, entry.Name(), to); err != nil {
				return err
			}
		}
	}
	return giveOne(root, ".", to)
}

func giveOne(root *os.Root, name string, to account) error {
	info, err := root.Lstat(name)
	if err != nil {
		return err
	}
	has, ok := info.Sys().(*syscall.Stat_t)
	path := filepath.Join(root.Name(), name)
	switch mode := info.Mode().Type(); {
	case !ok:
		return fmt.Errorf("%s has no owner that can be told", path)
	case int(has.Uid) == to.uid && int(has.Gid) == to.gid:
		return nil
	case mode&^(fs.ModeDir|fs.ModeSocket) != 0:
		return fmt.Errorf("%s is a symbolic link, or another special file: remove it", path)
	case mode == 0 && has.Nlink > 1:
		return fmt.Errorf("%s has %d names, so it may be somebody else's file: remove it", path, has.Nlink)
	}
	err = root.Lchown(name, to.uid, to.gid)
	if errors.Is(err, fs.ErrPermission) {
		err = fmt.Errorf("%w: let root have %s, or change the owner yourself", err, rootNeeds)
	}
	return err
}

// drop becomes another person, makes sure that there is no way back, and executes
// this program anew. It returns only if that failed, and then the process must end.
func drop(to account) error {
	runtime.LockOSThread() // what is left of this thread is what goes on
	hint := func(call string, err error) error {
		if errors.Is(err, fs.ErrPermission) {
			return fmt.Errorf("%s: %w: let root have %s, or start it as that user", call, err, rootNeeds)
		}
		return fmt.Errorf("%s: %w", call, err)
	}
	if err := syscall.Setgroups([]int{to.gid}); err != nil {
		return hint("setgroups", err)
	}
	if err := syscall.Setresgid(to.gid, to.gid, to.gid); err != nil {
		return hint("setresgid", err)
	}
	if err := syscall.Setresuid(to.uid, to.uid, to.uid); err != nil {
		return hint("setresuid", err)
	}
	const setNoNewPrivileges = 38 // PR_SET_NO_NEW_PRIVS of linux/prctl.h
	if _, _, errno := syscall.RawSyscall6(syscall.SYS_PRCTL, setNoNewPrivileges, 1, 0, 0, 0, 0); errno != 0 {
		return fmt.Errorf("giving up new privileges: %w", errno)
	}
	if err := dropped(to); err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	if err := syscall.Exec(strings.TrimSuffix(self, " (deleted)"), os.Args, os.Environ()); err != nil {
		return fmt.Errorf("executing %s: %w: let this user execute it", self, err)
	}
	return nil
}

// dropped makes sure of what drop has done: no capability is left in force, and
// root cannot be had again.
func dropped(to account) error {
	header := struct {
		version uint32 // _LINUX_CAPABILITY_VERSION_3 of linux/capability.h
		pid     int32
	}{0x20080522, 0}
	var sets [2]struct{ effective, permitted, inheritable uint32 }
	if _, _, errno := syscall.RawSyscall(syscall.SYS_CAPGET, uintptr(unsafe.Pointer(&header)), uintptr(unsafe.Pointer(&sets)), 0); errno != 0 {
		return fmt.Errorf("asking for capabilities: %w", errno)
	}
	for _, set := range sets {
		if set.effective|set.permitted != 0 {
			return errors.New("capabilities are left: start it without securebits, or as that user")
		}
	}
	if syscall.Setresuid(0, 0, 0) == nil || to.gid != 0 && syscall.Setresgid(0, 0, 0) == nil {
		return errors.New("root can be had again")
	}
	return nil
}
