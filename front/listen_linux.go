package front

// The listener that net/http is given: it yields the connections that the
// threads hand over.

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// Works reports whether there is a front on this system.
const Works = true

// handOverQueue is how many connections may wait for net/http to take them.
const handOverQueue = 128

// listener owns a listening socket that Go's poller does not watch.
type listener struct {
	config  Config
	address net.Addr
	socket  int
	wake    int // an eventfd that is readable once it is over

	handed  chan net.Conn
	closing chan struct{}
	once    sync.Once
	threads sync.WaitGroup
}

// Listen answers checks on what l listens on, and returns the listener for
// net/http to serve everything else on. It takes l over, which must be one of
// package net for TCP or a unix socket. Closing the returned listener ends the
// front: requests that have come are answered, connections that lie idle are
// closed, and those that are net/http's stay.
func Listen(l net.Listener, c Config) (net.Listener, error) {
	f := &listener{config: c, address: l.Addr(), handed: make(chan net.Conn, handOverQueue), closing: make(chan struct{})}
	var err error
	if f.socket, err = detach(l); err != nil {
		return nil, fmt.Errorf("taking over the listener on %s: %w", f.address, err)
	}
	// Wakes nobody before the request is there. Unix sockets do not have it, nor
	// has every TCP, and it changes nothing but the price.
	unix.SetsockoptInt(f.socket, unix.IPPROTO_TCP, unix.TCP_DEFER_ACCEPT, int(c.HeaderTime.Seconds()))
	f.wake, err = unix.Eventfd(0, unix.EFD_CLOEXEC)
	threads := make([]*thread, c.Threads)
	for i := 0; i < len(threads) && err == nil; i++ {
		threads[i], err = newThread(f)
	}
	if err != nil {
		return nil, fmt.Errorf("preparing the front: %w: set front to false to do without it", err)
	}
	for _, t := range threads {
		f.threads.Go(t.run)
	}
	return f, nil
}

// detach returns l's socket without Go's poller, which would wake a thread for
// each connection, and closes l.
func detach(l net.Listener) (int, error) {
	if u, ok := l.(*net.UnixListener); ok {
		u.SetUnlinkOnClose(false) // the socket goes on being listened on
	}
	raw, err := l.(syscall.Conn).SyscallConn()
	if err != nil {
		return 0, err
	}
	var socket int
	controlErr := raw.Control(func(fd uintptr) {
		socket, err = unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0)
	})
	return socket, errors.Join(controlErr, err, l.Close())
}

// Accept returns the next connection that is net/http's.
func (f *listener) Accept() (net.Conn, error) {
	if c, ok := <-f.handed; ok {
		return c, nil
	}
	return nil, net.ErrClosed
}

// Addr is where it listens.
func (f *listener) Addr() net.Addr { return f.address }

// Close ends the front. It waits until the threads have ended, which wait for
// nobody.
func (f *listener) Close() error {
	f.once.Do(func() {
		close(f.closing)
		unix.Write(f.wake, []byte{1, 0, 0, 0, 0, 0, 0, 0})
		f.threads.Wait()
		unix.Close(f.socket)
		unix.Close(f.wake)
		if a, ok := f.address.(*net.UnixAddr); ok && !f.config.Inherited {
			os.Remove(a.Name)
		}
		close(f.handed) // after what is in it: net/http serves that too
	})
	return nil
}

// handOver gives a connection to net/http, with the bytes that were read.
func (f *listener) handOver(fd int, read []byte) {
	file := os.NewFile(uintptr(fd), "")
	c, err := net.FileConn(file) // has a descriptor of its own
	file.Close()
	if err != nil {
		f.config.Failed(fmt.Errorf("handing a connection over: %w", err))
		return
	}
	h := &handed{Conn: c, read: bytes.Clone(read)}
	select {
	case f.handed <- h:
	default:
		select {
		case f.handed <- h:
		case <-f.closing:
			c.Close()
		}
	}
}

// handed is a connection some of whose bytes have been read.
type handed struct {
	net.Conn
	read []byte
}

// Read gives what the front has read first.
func (h *handed) Read(b []byte) (int, error) {
	n := copy(b, h.read)
	if h.read = h.read[n:]; n > 0 || len(b) == 0 {
		return n, nil
	}
	return h.Conn.Read(b)
}

// CloseWrite is what net/http looks for, so that a client can read the whole
// answer before the connection is gone.
func (h *handed) CloseWrite() error {
	return h.Conn.(interface{ CloseWrite() error }).CloseWrite() // TCP and unix sockets have it
}
