package front

// One thread of the front: it waits for its sockets, and for nothing else. No
// system call but that wait blocks, so it is the only one that Go's scheduler is
// told of; to tell it of the others costs more than they do.

import (
	"errors"
	"net/http"
	"net/netip"
	"runtime"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	readSize    = 32 << 10              // what fills it is more than nginx sends by its defaults
	eventBatch  = 64                    // sockets in one wait
	acceptBatch = 16                    // connections accepted before others have their turn
	pause       = 10 * time.Millisecond // before connections are accepted again, or all are closed
)

// thread has everything of its own but the listening socket.
type thread struct {
	*listener
	epoll    int
	request  request
	read     []byte
	answer   []byte
	waits    []time.Time  // by descriptor: until when its connection may wait; zero for what is not here
	peers    []netip.Addr // by descriptor; the zero Addr for one of a unix socket
	now      time.Time    // when the last wait was over
	peer     unix.RawSockaddrAny
	peerSize uint32
	over     bool
}

func newThread(f *listener) (*thread, error) {
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	r := request{line: "GET " + f.config.Path + " HTTP/1.1", names: f.config.Headers, header: http.Header{}}
	t := &thread{listener: f, epoll: epoll, request: r, read: make([]byte, readSize)}
	// Of several threads that wait for one listener, one is woken.
	return t, errors.Join(err, t.watch(f.socket, unix.EPOLLIN|unix.EPOLLEXCLUSIVE), t.watch(f.wake, unix.EPOLLIN))
}

func (t *thread) watch(fd int, events uint32) error {
	return unix.EpollCtl(t.epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: events, Fd: int32(fd)})
}

func (t *thread) run() {
	runtime.LockOSThread() // and it ends with the goroutine
	defer unix.Close(t.epoll)
	events := make([]unix.EpollEvent, eventBatch)
	for !t.over {
		n, err := unix.EpollWait(t.epoll, events, 1000)
		if err != nil && !errors.Is(err, unix.EINTR) {
			t.failed(err)
		}
		before := t.now
		if t.now = time.Now(); t.now.Unix() != before.Unix() {
			t.closeAll(t.now)
		}
		for _, e := range events[:max(n, 0)] {
			switch fd := int(e.Fd); fd {
			case t.socket:
				t.accept()
			case t.wake:
				t.over = true
			default:
				if t.waiting(fd) {
					t.serve(fd)
				}
			}
		}
	}
	// A client whose request is cut off would take it for a failure.
	for !t.config.Inherited && t.accept() {
	}
	time.Sleep(pause) // who has just connected is about to ask
	for fd := range t.waits {
		if t.waiting(fd) {
			t.serve(fd)
		}
	}
	t.closeAll(time.Time{})
}

// accept takes new connections and serves each at once: its request is there
// already, as a rule. It reports whether there may be more.
func (t *thread) accept() bool {
	for range acceptBatch {
		t.peerSize = unix.SizeofSockaddrAny
		fd, _, errno := unix.RawSyscall6(unix.SYS_ACCEPT4, uintptr(t.socket), uintptr(unsafe.Pointer(&t.peer)), uintptr(unsafe.Pointer(&t.peerSize)), unix.SOCK_CLOEXEC, 0, 0)
		switch {
		case errno == unix.EAGAIN:
			return false
		case errno == unix.EINTR || errno == unix.ECONNABORTED:
		case errno != 0: // no descriptors, no memory: those that are here go on
			t.failed(errno)
			return false
		case t.trusted(int(fd)):
			t.serve(int(fd))
		default:
			t.handOver(int(fd), nil)
		}
	}
	return true
}

func (t *thread) failed(err error) {
	t.config.Failed(err)
	time.Sleep(pause)
}

// trusted reports whether the peer that has just been accepted is a trusted
// proxy, and remembers who it is.
func (t *thread) trusted(fd int) bool {
	for len(t.peers) <= fd {
		t.peers, t.waits = append(t.peers, netip.Addr{}), append(t.waits, time.Time{})
	}
	t.peers[fd] = netip.Addr{}
	switch t.peer.Addr.Family {
	case unix.AF_INET:
		t.peers[fd] = netip.AddrFrom4((*unix.RawSockaddrInet4)(unsafe.Pointer(&t.peer)).Addr)
	case unix.AF_INET6:
		t.peers[fd] = netip.AddrFrom16((*unix.RawSockaddrInet6)(unsafe.Pointer(&t.peer)).Addr)
	}
	return t.peer.Addr.Family == unix.AF_UNIX || t.peers[fd].IsValid() && t.config.Trusts(t.peers[fd])
}

// serve reads once and answers, or gives the connection to net/http.
func (t *thread) serve(fd int) {
	n, errno := transfer(unix.SYS_RECVFROM, fd, t.read, 0)
	switch {
	case errno == unix.EAGAIN || errno == unix.EINTR:
		if !t.waiting(fd) {
			t.wait(fd, t.config.HeaderTime)
		}
		return
	case errno != 0 || n == 0:
		t.close(fd)
		return
	}
	read := t.read[:n]
	if n == len(t.read) || !t.request.parse(read) || !t.decide(fd) {
		if t.waiting(fd) {
			t.waits[fd] = time.Time{}
			unix.EpollCtl(t.epoll, unix.EPOLL_CTL_DEL, fd, nil)
		}
		t.handOver(fd, read)
		return
	}
	closes, flags := t.request.close || t.over, uintptr(unix.MSG_NOSIGNAL)
	if closes {
		flags |= unix.MSG_MORE // close sends it, in one packet with its own
	}
	// An answer fits into the buffer of a socket whose client reads.
	if n, errno = transfer(unix.SYS_SENDTO, fd, t.answer, flags); errno != 0 || n < len(t.answer) || closes {
		t.close(fd)
		return
	}
	t.wait(fd, t.config.IdleTime)
}

// decide makes the answer, and reports whether there is one. Should the check
// panic, net/http sees it panic again, and knows what to do.
func (t *thread) decide(fd int) (decided bool) {
	defer func() {
		if recover() != nil {
			decided = false
		}
	}()
	b := t.config.Answer(t.peers[fd], t.request.header, t.request.host, t.answer[:0])
	if b == nil {
		return false
	}
	b = t.now.UTC().AppendFormat(append(b, "Date: "...), http.TimeFormat)
	b = append(b, "\r\nContent-Length: 0\r\n"...)
	if t.request.close || t.over {
		b = append(b, "Connection: close\r\n"...)
	}
	t.answer = append(b, "\r\n"...)
	return true
}

func (t *thread) waiting(fd int) bool { return !t.waits[fd].IsZero() }

// wait keeps a connection for its next request.
func (t *thread) wait(fd int, bound time.Duration) {
	if !t.waiting(fd) && (t.over || t.watch(fd, unix.EPOLLIN|unix.EPOLLRDHUP) != nil) {
		t.close(fd)
		return
	}
	t.waits[fd] = t.now.Add(bound)
}

func (t *thread) close(fd int) {
	t.waits[fd] = time.Time{}
	unix.RawSyscall(unix.SYS_CLOSE, uintptr(fd), 0, 0)
}

// closeAll closes the connections that may not wait any longer than now; the
// zero time is for all.
func (t *thread) closeAll(now time.Time) {
	for fd, until := range t.waits {
		if t.waiting(fd) && (now.IsZero() || now.After(until)) {
			t.close(fd)
		}
	}
}

// transfer is recv or send of what is there or fits at once.
func transfer(call uintptr, fd int, b []byte, flags uintptr) (int, unix.Errno) {
	n, _, errno := unix.RawSyscall6(call, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)), flags|unix.MSG_DONTWAIT, 0, 0)
	return int(n), errno
}
