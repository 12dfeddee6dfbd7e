package front

// The front over real sockets, with net/http behind it that says so.

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// stage is a front and a net/http server behind it.
type stage struct {
	listener net.Listener
	server   *http.Server
	network  string
	answered atomic.Int64 // by the front
	behind   atomic.Int64 // by net/http
	served   chan error
}

// patience is how long anything may take here before it counts as hung.
const patience = 20 * time.Second

func open(t *testing.T, network, address string, change func(*Config)) *stage {
	t.Helper()
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	s := &stage{network: network, served: make(chan error, 1)}
	c := config
	c.Trusts, c.Failed = func(netip.Addr) bool { return true }, func(err error) { t.Errorf("failed: %v", err) }
	c.HeaderTime, c.IdleTime, c.Threads = time.Minute, time.Minute, 1
	c.Answer = func(_ netip.Addr, h http.Header, host string, b []byte) []byte {
		if h.Get("Cookie") == "" {
			return nil
		}
		s.answered.Add(1)
		return fmt.Appendf(b, "HTTP/1.1 200 OK\r\nX-Cookie: %s\r\nX-Host: %s\r\n", h.Get("Cookie"), host)
	}
	if change != nil {
		change(&c)
	}
	if s.listener, err = Listen(l, c); err != nil {
		t.Fatal(err)
	}
	s.server = &http.Server{ReadHeaderTimeout: patience, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.behind.Add(1)
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "behind %s %s", r.URL.Path, body)
	})}
	go func() { s.served <- s.server.Serve(s.listener) }()
	t.Cleanup(func() { s.server.Close() })
	return s
}

func (s *stage) dial(t *testing.T) net.Conn {
	t.Helper()
	c, err := net.Dial(s.network, s.listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return c
}

func write(t *testing.T, c net.Conn, text string) {
	t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
}

// answer reads one answer, and returns its body where there is one, or else
// X-Cookie.
func answer(t *testing.T, in *bufio.Reader) (said string, closes bool) {
	t.Helper()
	response, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatalf("reading the answer: %v", err)
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatalf("reading the answer: %v", err)
	}
	if date, err := http.ParseTime(response.Header.Get("Date")); err != nil || time.Since(date).Abs() > time.Minute {
		t.Errorf("the answer is dated %q: %v", response.Header.Get("Date"), err)
	}
	return response.Header.Get("X-Cookie") + string(body), response.Close
}

// gone holds that the other side closes the connection.
func gone(t *testing.T, in io.Reader) {
	t.Helper()
	if n, err := in.Read(make([]byte, 1)); n > 0 || !errors.Is(err, io.EOF) {
		t.Errorf("the connection goes on: %d bytes, %v", n, err)
	}
}

func networks(t *testing.T) map[string]string {
	return map[string]string{"tcp": "127.0.0.1:0", "unix": filepath.Join(t.TempDir(), "socket")}
}

func TestAnswers(t *testing.T) {
	for network, address := range networks(t) {
		for _, threads := range []int{1, 3} {
			t.Run(fmt.Sprintf("%s-%d", network, threads), func(t *testing.T) {
				s := open(t, network, address, func(c *Config) { c.Threads = threads })
				stays := s.dial(t)
				in := bufio.NewReader(stays)
				for i := range 20 {
					write(t, stays, fmt.Sprintf("%sCookie: %d\r\n\r\n", head, i))
					if said, closes := answer(t, in); said != fmt.Sprint(i) || closes {
						t.Fatalf("answer %d is %q, closes %v", i, said, closes)
					}

					c := s.dial(t)
					write(t, c, head+"Cookie: once\r\nConnection: close\r\n\r\n")
					in := bufio.NewReader(c)
					if said, closes := answer(t, in); said != "once" || !closes {
						t.Fatalf("an answer that closes is %q, closes %v", said, closes)
					}
					gone(t, in)
				}
				if s.answered.Load() != 40 || s.behind.Load() != 0 {
					t.Errorf("the front has answered %d, net/http %d", s.answered.Load(), s.behind.Load())
				}
			})
		}
	}
}

// What the front does not answer net/http does, from its first byte on, and
// whatever more comes on the connection.
func TestHandsOver(t *testing.T) {
	for network, address := range networks(t) {
		s := open(t, network, address, nil)
		tests := []struct {
			name string
			sent []string // one after the other
			want []string
		}{
			{"undecided", []string{head + "\r\n"}, []string{"behind " + path + " "}},
			{"another-path", []string{"GET /a HTTP/1.1\r\nHost: b\r\n\r\n"}, []string{"behind /a "}},
			{"body", []string{"POST /a HTTP/1.1\r\nHost: b\r\nContent-Length: 4\r\n\r\nbo", "dy"}, []string{"behind /a body"}},
			{"in-pieces", []string{"GE", "T /a HTTP/1.1\r\nHo", "st: b\r\n\r\n"}, []string{"behind /a "}},
			{"check-in-pieces", []string{head[:30], head[30:] + "Cookie: c\r\n\r\n"}, []string{"behind " + path + " "}},
			{"pipelined", []string{head + "Cookie: c\r\n\r\n" + head + "\r\n" + head + "\r\n"}, []string{"behind " + path + " ", "behind " + path + " ", "behind " + path + " "}},
			{"larger-than-the-buffer", []string{head + "A: " + strings.Repeat("a", 40<<10) + "\r\nCookie: c\r\n\r\n"}, []string{"behind " + path + " "}},
		}
		for _, tt := range tests {
			t.Run(network+"-"+tt.name, func(t *testing.T) {
				for _, before := range []string{"first", "after-checks"} {
					c := s.dial(t)
					in := bufio.NewReader(c)
					if before == "after-checks" {
						for range 2 {
							write(t, c, head+"Cookie: before\r\n\r\n")
							if said, _ := answer(t, in); said != "before" {
								t.Fatalf("a check before is answered by %q", said)
							}
						}
					}
					for i, piece := range tt.sent {
						if i > 0 {
							time.Sleep(20 * time.Millisecond) // else they arrive as one
						}
						write(t, c, piece)
					}
					for _, want := range tt.want {
						if said, _ := answer(t, in); said != want {
							t.Errorf("%s: the answer is %q, want %q", before, said, want)
						}
					}
					write(t, c, head+"Cookie: later\r\n\r\n")
					if said, _ := answer(t, in); said != "behind "+path+" " {
						t.Errorf("%s: what comes later is answered by %q", before, said)
					}
				}
			})
		}
	}
}

func TestStrangersAreHandedOver(t *testing.T) {
	var asked atomic.Value
	s := open(t, "tcp", "127.0.0.1:0", func(c *Config) {
		c.Trusts = func(a netip.Addr) bool { asked.Store(a); return false }
	})
	c := s.dial(t)
	write(t, c, head+"Cookie: c\r\n\r\n")
	if said, _ := answer(t, bufio.NewReader(c)); said != "behind "+path+" " {
		t.Errorf("a stranger is answered by %q", said)
	}
	if a := asked.Load(); a != netip.MustParseAddr("127.0.0.1") {
		t.Errorf("it was asked about %v", a)
	}
}

func TestPeerOverIPv6(t *testing.T) {
	var asked atomic.Value
	s := open(t, "tcp", "[::1]:0", func(c *Config) {
		c.Trusts = func(a netip.Addr) bool { asked.Store(a); return true }
	})
	c := s.dial(t)
	write(t, c, head+"Cookie: c\r\n\r\n")
	if said, _ := answer(t, bufio.NewReader(c)); said != "c" || asked.Load() != netip.MustParseAddr("::1") {
		t.Errorf("the answer is %q, of peer %v", said, asked.Load())
	}
}

// A check that panics panics once more where it is known what to do.
func TestPanicIsNetHTTPs(t *testing.T) {
	s := open(t, "tcp", "127.0.0.1:0", func(c *Config) {
		c.Answer = func(netip.Addr, http.Header, string, []byte) []byte { panic("a bug") }
	})
	for range 3 {
		c := s.dial(t)
		write(t, c, head+"\r\n")
		if said, _ := answer(t, bufio.NewReader(c)); said != "behind "+path+" " {
			t.Errorf("after a panic the answer is %q", said)
		}
	}
}

// Many clients that send half a request, or nothing, or do not read, hold up
// nobody.
func TestSlowClients(t *testing.T) {
	for network, address := range networks(t) {
		t.Run(network, func(t *testing.T) {
			s := open(t, network, address, nil)
			for i := range 300 {
				c := s.dial(t)
				switch i % 3 {
				case 0:
					write(t, c, head) // and no more
				case 1: // sends nothing
				case 2:
					for range 200 { // and reads nothing
						if _, err := io.WriteString(c, head+"Cookie: c\r\n\r\n"); err != nil {
							break
						}
					}
				}
			}
			for range 20 {
				c := s.dial(t)
				begun := time.Now()
				write(t, c, head+"Cookie: quick\r\n\r\n")
				if said, _ := answer(t, bufio.NewReader(c)); said != "quick" || time.Since(begun) > patience/2 {
					t.Errorf("beside them the answer is %q, after %v", said, time.Since(begun))
				}
			}
		})
	}
}

func TestTimeBounds(t *testing.T) {
	for network, address := range networks(t) {
		t.Run(network, func(t *testing.T) {
			s := open(t, network, address, func(c *Config) { c.HeaderTime, c.IdleTime = 1200*time.Millisecond, 2500*time.Millisecond })
			idle, begun := s.dial(t), time.Now()
			write(t, idle, head+"Cookie: c\r\n\r\n")
			in := bufio.NewReader(idle)
			answer(t, in)
			if network == "unix" { // a TCP connection without a byte does not reach the front
				gone(t, s.dial(t))
				if took := time.Since(begun); took < time.Second {
					t.Errorf("a connection without a request was closed after %v", took)
				}
			}
			gone(t, in)
			if took := time.Since(begun); took < 2*time.Second {
				t.Errorf("an idle connection was closed after %v", took)
			}
		})
	}
}

// What has come is answered at the end, and nobody new is.
func TestClose(t *testing.T) {
	for network, address := range networks(t) {
		t.Run(network, func(t *testing.T) {
			s := open(t, network, address, nil)
			idle, busy, behind := s.dial(t), s.dial(t), s.dial(t)
			idleIn, behindIn := bufio.NewReader(idle), bufio.NewReader(behind)
			write(t, idle, head+"Cookie: c\r\n\r\n")
			answer(t, idleIn)
			write(t, behind, head+"\r\n")
			answer(t, behindIn)
			write(t, busy, head+"Cookie: last\r\n\r\n")
			if err := s.listener.Close(); err != nil {
				t.Fatal(err)
			}
			if err := s.listener.Close(); err != nil {
				t.Errorf("closing once more: %v", err)
			}
			if said, _ := answer(t, bufio.NewReader(busy)); said != "last" {
				t.Errorf("a request that had come is answered by %q", said)
			}
			gone(t, idleIn)
			if err := <-s.served; !errors.Is(err, net.ErrClosed) {
				t.Errorf("net/http ends with %v", err)
			}
			write(t, behind, head+"\r\n") // is net/http's, and it has not been closed
			if said, _ := answer(t, behindIn); said != "behind "+path+" " {
				t.Errorf("a connection of net/http's is answered by %q", said)
			}
			if c, err := net.Dial(network, s.listener.Addr().String()); err == nil {
				c.Close()
				t.Error("a connection was accepted after the end")
			}
			if _, err := os.Stat(address); network == "unix" && !errors.Is(err, os.ErrNotExist) {
				t.Errorf("the socket is still there: %v", err)
			}
		})
	}
}

func TestCloseWithoutServer(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := config
	c.Trusts, c.Threads = func(netip.Addr) bool { return false }, 1
	front, err := Listen(l, c)
	if err != nil {
		t.Fatal(err)
	}
	for range handOverQueue + 10 { // nobody takes them
		c, err := net.Dial("tcp", front.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		write(t, c, "x")
	}
	closed := make(chan error)
	go func() { closed <- front.Close() }()
	select {
	case err := <-closed:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(patience):
		t.Fatal("the front does not end")
	}
}

// However many come and go, no descriptor stays behind.
func TestDescriptors(t *testing.T) {
	count := func() int {
		entries, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(entries)
	}
	s := open(t, "tcp", "127.0.0.1:0", nil)
	before := count()
	for i := range 300 {
		c := s.dial(t)
		write(t, c, head+[]string{"Cookie: c\r\n\r\n", "Cookie: c\r\nConnection: close\r\n\r\n", "Connection: close\r\n\r\n", "A"}[i%4])
		if i%4 < 3 {
			answer(t, bufio.NewReader(c))
		}
		c.Close()
	}
	for begun := time.Now(); count() > before; time.Sleep(10 * time.Millisecond) {
		if time.Since(begun) > patience {
			t.Fatalf("%d descriptors more than before", count()-before)
		}
	}
}

func TestServesWithoutGarbage(t *testing.T) {
	s := open(t, "tcp", "127.0.0.1:0", func(c *Config) {
		c.Answer = func(_ netip.Addr, _ http.Header, _ string, b []byte) []byte {
			return append(b, "HTTP/1.1 200 OK\r\n"...)
		}
	})
	c := s.dial(t)
	request, answer := []byte(head+"\r\n"), make([]byte, 4096)
	if n := testing.AllocsPerRun(1000, func() {
		if _, err := c.Write(request); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Read(answer); err != nil {
			t.Fatal(err)
		}
	}); n >= 1 {
		t.Errorf("a request costs %v allocations", n)
	}
}
