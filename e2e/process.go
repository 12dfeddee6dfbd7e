package e2e

import (
	"bytes"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience is how long anything may take to start, to stop or to show up.
const patience = 40 * time.Second

// A process is a running component. It ends with the test that started it.
type process struct {
	name string
	log  string // path of what it writes to standard output and error
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended
}

// start runs cmd and prints the end of its log if the test fails.
func start(t testing.TB, dir, name string, cmd *exec.Cmd) *process {
	t.Helper()
	p := &process{name: name, log: filepath.Join(dir, name+".log"), cmd: cmd, done: make(chan struct{})}
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("starting %s: %v", name, err)
	}
	go func() {
		cmd.Wait()
		close(p.done)
	}()
	t.Cleanup(func() {
		p.stop(t)
		showLog(t, p.log)
	})
	return p
}

// stop asks the process to end, as an administrator would, and waits for it.
func (p *process) stop(t testing.TB) {
	t.Helper()
	if p.ended() {
		return
	}
	p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(patience):
		p.kill()
		t.Errorf("%s did not end on SIGTERM", p.name)
	}
}

// kill ends the process and its children at once, as a power cut would.
func (p *process) kill() {
	syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
	<-p.done
}

func (p *process) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// waitFor waits until address accepts connections.
func (p *process) waitFor(t testing.TB, address string) {
	t.Helper()
	network := "tcp"
	if filepath.IsAbs(address) {
		network = "unix"
	}
	eventually(t, p.name+" at "+address, func() bool {
		if p.ended() {
			t.Fatalf("%s ended instead of listening at %s: %v", p.name, address, p.cmd.ProcessState)
		}
		conn, err := net.DialTimeout(network, address, time.Second)
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
}

// eventually waits until ready is true, for as long as patience lasts.
func eventually(t testing.TB, what string, ready func() bool) {
	t.Helper()
	deadline := time.After(patience)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !ready() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("waited %v for %s", patience, what)
		}
	}
}

// shown keeps a log that several processes share from being printed for each.
var shown sync.Map

func showLog(t testing.TB, path string) {
	if !t.Failed() {
		return
	}
	if _, again := shown.LoadOrStore(path, true); again {
		return
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Log(err)
		return
	}
	const lines, width = 40, 400
	tail := bytes.Split(bytes.TrimSpace(content), []byte("\n"))
	tail = tail[max(0, len(tail)-lines):]
	for i, line := range tail {
		tail[i] = line[:min(len(line), width)]
	}
	t.Logf("%s:\n%s", path, bytes.Join(tail, []byte("\n")))
}

// listen opens a listener at an address of this network, which is ours alone.
// It is closed when the test ends, also where nothing has served on it yet: the
// next test may want the address at once.
func listen(t testing.TB, address string) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}
