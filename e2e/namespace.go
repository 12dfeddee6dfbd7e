// Package e2e tells the outpost's story with the real components: the daemon as
// people build it, nginx with SWAG's configuration and with our own, OpenID
// providers that nobody here wrote, and Chromium.
//
// Everything runs in private namespaces: an own network with only a loopback,
// so that the ports 53, 80, 443 and 9000 are free and nothing can leave; an own
// mount table; an own process table, so that nothing outlives the test. The
// test binary enters them by starting itself again.
//
// Its stories need root, Linux and what install.sh fetches. It tests no unit,
// no limit of time or load, and no provider's own correctness.
package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"unsafe"
)

const (
	insideEnv = "OUTPOST_E2E_INSIDE" // set in the namespaces: the folder with the daemon and the CA
	cellEnv   = "OUTPOST_E2E_CELL"   // set for a process that changes its mounts first: a cell as JSON
)

// Main runs the tests of m inside private namespaces and returns the exit code.
// It is all that TestMain does, because the same binary plays three parts: the
// one that go test starts, the one inside that runs the stories, and the one
// that turns into a component after changing its mounts.
func Main(m *testing.M) int {
	if os.Getenv(cellEnv) != "" {
		fmt.Fprintln(os.Stderr, "entering the cell:", enterCell())
		return 1
	}
	if shared := os.Getenv(insideEnv); shared != "" {
		if err := settle(shared); err != nil {
			fmt.Fprintln(os.Stderr, "settling in the namespaces:", err)
			return 1
		}
		return m.Run()
	}
	code, err := reenter()
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		return 1
	}
	return code
}

// reenter builds the daemon while the network is still there and runs this
// binary again, with the same arguments, in namespaces of its own.
func reenter() (int, error) {
	if os.Geteuid() != 0 {
		return 0, errors.New("the stories need root: they make namespaces and listen on port 443")
	}
	if err := installed(); err != nil {
		return 0, err
	}
	shared, err := os.MkdirTemp("", "outpost-e2e-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(shared)
	build := exec.Command("go", "build", "-o", filepath.Join(shared, "outpost"), "./cmd/outpost")
	build.Dir, build.Env = repository(), append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("building the daemon: %w\n%s", err, out)
	}

	// The kernel kills the inner process when this thread ends, and with it
	// every process of its table.
	runtime.LockOSThread()
	inner := exec.Command("/proc/self/exe", os.Args[1:]...)
	inner.Env = append(os.Environ(), insideEnv+"="+shared)
	inner.Stdin, inner.Stdout, inner.Stderr = os.Stdin, os.Stdout, os.Stderr
	inner.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWNS | syscall.CLONE_NEWPID,
		Pdeathsig:  syscall.SIGKILL,
	}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	if err := inner.Start(); err != nil {
		return 0, fmt.Errorf("making the namespaces: %w", err)
	}
	go func() {
		<-signals
		inner.Process.Kill()
	}()
	if err := inner.Wait(); inner.ProcessState == nil {
		return 0, err
	}
	if code := inner.ProcessState.ExitCode(); code >= 0 {
		return code, nil
	}
	return 0, errors.New("the stories were killed")
}

// settle makes the inside habitable: mounts that do not spread, the process
// table of this namespace, a loopback that is up, and names that our own DNS
// answers.
func settle(shared string) error {
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("making the mounts private: %w", err)
	}
	if err := syscall.Mount("proc", "/proc", "proc", 0, ""); err != nil {
		return fmt.Errorf("mounting /proc: %w", err)
	}
	if err := raiseLoopback(); err != nil {
		return fmt.Errorf("raising the loopback: %w", err)
	}
	for path, content := range map[string]string{
		"/etc/resolv.conf": "nameserver 127.0.0.11\n",
		"/etc/hosts":       "127.0.0.1 localhost\n",
	} {
		source := filepath.Join(shared, filepath.Base(path))
		if err := os.WriteFile(source, []byte(content), 0o644); err != nil {
			return err
		}
		if err := bind(source, path); err != nil {
			return err
		}
	}
	// The components that give up their rights must still get to their files.
	if err := os.Chmod(shared, 0o755); err != nil {
		return err
	}
	if err := serveDNS("127.0.0.11:53"); err != nil {
		return err
	}
	return writeCA(shared)
}

func raiseLoopback() error {
	socket, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_DGRAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer syscall.Close(socket)
	request := struct {
		name  [syscall.IFNAMSIZ]byte
		flags uint16
		_     [22]byte
	}{flags: syscall.IFF_UP | syscall.IFF_RUNNING}
	copy(request.name[:], "lo")
	_, _, errno := syscall.Syscall(syscall.SYS_IOCTL, uintptr(socket), syscall.SIOCSIFFLAGS, uintptr(unsafe.Pointer(&request)))
	if errno != 0 {
		return errno
	}
	return nil
}

// A cell is the file system that one component sees.
type cell struct {
	Root  string      // chroot to this folder; "" for no change
	Binds [][2]string // source, mount point as the component sees it
	Tmpfs []string    // mount points as the component sees them
	Argv  []string
}

// command returns the command that turns into c.Argv once the cell is made.
// The environment is env and nothing else.
func (c cell) command(env ...string) *exec.Cmd {
	spec, err := json.Marshal(c)
	if err != nil {
		panic(err) // strings marshal
	}
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(env, cellEnv+"="+string(spec))
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS, Setpgid: true}
	return cmd
}

// enterCell does not return but for an error.
func enterCell() error {
	var c cell
	if err := json.Unmarshal([]byte(os.Getenv(cellEnv)), &c); err != nil {
		return err
	}
	os.Unsetenv(cellEnv)
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return err
	}
	for _, target := range c.Tmpfs {
		if err := os.MkdirAll(c.Root+target, 0o755); err != nil {
			return err
		}
		if err := syscall.Mount("tmpfs", c.Root+target, "tmpfs", 0, "mode=1777"); err != nil {
			return fmt.Errorf("mounting %s: %w", target, err)
		}
	}
	for _, b := range c.Binds {
		if err := bind(b[0], c.Root+b[1]); err != nil {
			return err
		}
	}
	if c.Root != "" {
		if err := syscall.Chroot(c.Root); err != nil {
			return err
		}
		if err := os.Chdir("/"); err != nil {
			return err
		}
	}
	return syscall.Exec(c.Argv[0], c.Argv, os.Environ())
}

// bind mounts a file or folder over target, which it makes if it must.
func bind(source, target string) error {
	if real, err := filepath.EvalSymlinks(target); err == nil {
		target = real
	}
	info, err := os.Stat(source)
	if err != nil {
		return err
	}
	if info.IsDir() {
		err = os.MkdirAll(target, 0o755)
	} else if _, err = os.Stat(target); errors.Is(err, os.ErrNotExist) {
		err = os.MkdirAll(filepath.Dir(target), 0o755)
		if err == nil {
			err = os.WriteFile(target, nil, 0o644)
		}
	}
	if err != nil {
		return err
	}
	if err := syscall.Mount(source, target, "", syscall.MS_BIND|syscall.MS_REC, ""); err != nil {
		return fmt.Errorf("mounting %s on %s: %w", source, target, err)
	}
	return nil
}

// repository is the checkout that this module lies in.
func repository() string {
	wd, err := os.Getwd()
	if err != nil {
		panic(err)
	}
	return filepath.Dir(wd)
}

// installed names the first thing that install.sh has yet to fetch.
func installed() error {
	for _, path := range []string{
		filepath.Join(nginxRoot(releases[0]), "complete"),
		filepath.Join(nginxRoot(releases[1]), "complete"),
		filepath.Join(repository(), "e2e/provider/node_modules/oidc-provider/package.json"),
		axePath(),
		filepath.Join(glewlwydRoot(), "complete"),
		llngServer,
		chromium,
		caddy,
		haproxy,
	} {
		if _, err := os.Stat(path); err != nil {
			return fmt.Errorf("%w; run e2e/install.sh first", err)
		}
	}
	return nil
}
