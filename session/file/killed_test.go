package file_test

// What survives when the process is killed at any moment. That needs processes
// of their own: this test binary, told by its environment to be a writer. Each
// says on its stdout what it begins and what was acknowledged; what a store then
// has is compared with what was said.

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"outpost/session"
	"outpost/session/file"
)

const (
	writerPath  = "OUTPOST_TEST_WRITER_PATH"
	visitorPath = "OUTPOST_TEST_VISITOR_PATH"

	killsOfEach = 20 // kills that one store goes through: all that it has is looked for after each
	sideBySide  = 6  // stores at a time: a round is waiting, mostly
	restartTime = 2 * time.Second
)

func TestMain(m *testing.M) {
	for variable, work := range map[string]func(string) error{writerPath: writeUntilKilled, visitorPath: visitUntilKilled} {
		if path := os.Getenv(variable); path != "" {
			fmt.Println(work(path))
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

func newSessions(store session.Store) (*session.Sessions, error) {
	secrets := [][]byte{[]byte("a secret that all processes know")}
	return session.New(session.Config{Store: store, Secrets: secrets, Idle: time.Hour, Max: 24 * time.Hour})
}

// writeUntilKilled creates sessions, has each seen a little later, and ends every
// third.
func writeUntilKilled(path string) error {
	store, err := file.Open(path, nil)
	if err != nil {
		return err
	}
	s, err := newSessions(store)
	if err != nil {
		return err
	}
	errs := make(chan error)
	for worker := range 4 {
		go func() {
			for n := 0; ; n++ {
				if err := writeOne(s, store, fmt.Sprintf("%d-%d-%d", os.Getpid(), worker, n), n%3 == 0); err != nil {
					errs <- err
				}
			}
		}()
	}
	return <-errs
}

func writeOne(s *session.Sessions, store session.Store, name string, end bool) error {
	ctx := context.Background()
	fmt.Printf("began %s\n", name)
	value, key, err := s.Create(ctx, "c", session.Session{
		Identity: session.Identity{Issuer: "i", Subject: name},
		IDToken:  idToken(name),
	})
	if err != nil {
		return err
	}
	fmt.Printf("created %s %s\n", name, value)
	seen := time.Now()
	if err := store.Touch(ctx, map[session.Key]time.Time{key: seen}); err != nil {
		return err
	}
	fmt.Printf("seen %s %d\n", name, seen.UnixNano())
	if !end {
		return nil
	}
	fmt.Printf("ending %s\n", name)
	if err := s.End(ctx, key); err != nil {
		return err
	}
	fmt.Printf("ended %s\n", name)
	return nil
}

func idToken(name string) string { return strings.Repeat(name, 50) }

// TestKilledAtAnyMoment kills a thousand writers, several stores side by side.
func TestKilledAtAnyMoment(t *testing.T) {
	kills := 1000
	if testing.Short() {
		kills = 100
	}
	stores := make(chan *witness)
	var all []*witness
	var wg sync.WaitGroup
	for range sideBySide {
		wg.Go(func() {
			for w := range stores {
				for range killsOfEach {
					if !w.round(t) {
						return
					}
				}
			}
		})
	}
	for range kills / killsOfEach {
		w := &witness{path: newPath(t), of: map[string]*told{}}
		all = append(all, w)
		stores <- w
	}
	close(stores)
	wg.Wait()

	var sum witness
	count := make(map[string]int)
	for _, w := range all {
		sum.kills += w.kills
		sum.early += w.early
		sum.longest = max(sum.longest, w.longest)
		for _, told := range w.of {
			count[told.last]++
		}
	}
	t.Logf("%d kills, %d of them before anything was written; what was said last of the sessions: %v; the longest restart took %v",
		sum.kills, sum.early, count, sum.longest)
	if sum.kills != kills || sum.early > kills/2 || count["seen"] < kills || count["ended"] < kills {
		t.Error("too little was written to tell")
	}
}

// witness is one store and what was said of it.
type witness struct {
	path         string
	of           map[string]*told // by name
	kills, early int
	longest      time.Duration // a start, until what was there could be read
}

// told is what was said of one session.
type told struct {
	last  string // what was said last
	value string // of its cookie; "" until it was created
	seen  int64  // what was acknowledged, Unix nanoseconds
	fresh bool   // said since the last look
}

// round runs a writer, kills it a while after it began to write or at once, and
// looks at what is left. It returns false where there is no point in going on.
func (w *witness) round(t *testing.T) bool {
	// From within the opening to well into the writing.
	after := rand.N(120 * time.Millisecond)
	first := true
	err := killed(writerPath+"="+w.path, after, after < 10*time.Millisecond, func(line string) error {
		first = false
		return w.hear(line)
	})
	if err != nil {
		t.Errorf("the writer: %v", err)
		return false
	}
	w.kills++
	if first {
		w.early++
	}
	return w.look(t)
}

// killed runs this binary as something else, kills it a while after its first
// line, or after its start, and hands on every whole line that it printed.
func killed(env string, after time.Duration, fromStart bool, line func(string) error) error {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), env)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	end := func() { cmd.Process.Kill() }
	// It hangs rather than fails if nothing is ever printed.
	defer time.AfterFunc(after+20*time.Second, end).Stop()
	if fromStart {
		defer time.AfterFunc(after, end).Stop()
	}
	var heard error
	r := bufio.NewReader(out)
	for first := true; ; first = false {
		text, err := r.ReadString('\n')
		if err != nil {
			break // what was cut short was not said
		}
		if first && !fromStart {
			defer time.AfterFunc(after, end).Stop()
		}
		if err := line(text); err != nil && heard == nil {
			heard = err
			end()
		}
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); heard == nil && (!errors.As(err, &exit) || exit.ExitCode() != -1) {
		return fmt.Errorf("it was not killed: %w", err)
	}
	return heard
}

func (w *witness) hear(line string) error {
	fields := strings.Fields(line)
	if len(fields) < 2 {
		return fmt.Errorf("it said %q", line)
	}
	what, name := fields[0], fields[1]
	s := w.of[name]
	switch {
	case what == "began" && s == nil:
		s = &told{}
		w.of[name] = s
	case s == nil:
		return fmt.Errorf("it said %q of what it had not begun", line)
	case what == "created" && len(fields) == 3:
		s.value = fields[2]
	case what == "seen" && len(fields) == 3:
		var err error
		if s.seen, err = strconv.ParseInt(fields[2], 10, 64); err != nil {
			return err
		}
	case what != "ending" && what != "ended":
		return fmt.Errorf("it said %q", line)
	}
	s.last, s.fresh = what, true
	return nil
}

// look opens the file as a restart does, and compares.
func (w *witness) look(t *testing.T) bool {
	var log logged
	began := time.Now()
	store, err := file.Open(w.path, log.logger())
	if err != nil {
		t.Errorf("opening after a kill: %v", err)
		return false
	}
	defer closeStore(t, store)
	s, err := newSessions(store)
	if err != nil {
		t.Errorf("New: %v", err)
		return false
	}
	there := make(map[string]time.Time) // when each was last seen
	if err := s.List(t.Context(), session.Filter{}, func(l session.Listed) bool {
		there[l.Identity.Subject] = l.Seen
		return true
	}); err != nil {
		t.Errorf("List: %v", err)
	}
	took := time.Since(began)
	if w.longest = max(w.longest, took); took > restartTime {
		t.Errorf("after a kill it took %v until the sessions could be read, want at most %v", took, restartTime)
	}
	for name, seen := range there {
		switch told := w.of[name]; {
		case told == nil:
			t.Errorf("%s is there, which nobody began", name)
		case told.last == "ended":
			t.Errorf("%s was ended and is listed", name)
		case seen.UnixNano() < told.seen || seen.After(began):
			t.Errorf("%s was last seen at %v, after %v was acknowledged", name, seen, time.Unix(0, told.seen))
		}
	}
	if n, err := store.Len(t.Context()); n != len(there) || err != nil {
		t.Errorf("Len = %d, %v; %d are listed", n, err, len(there))
	}
	for name, told := range w.of {
		w.find(t, s, name, told)
	}
	if log.String() != "" {
		t.Errorf("after a kill it is logged:\n%s", &log)
	}
	return !t.Failed()
}

// find asks for one session by its cookie.
func (w *witness) find(t *testing.T, s *session.Sessions, name string, told *told) {
	if told.value == "" {
		return
	}
	l, err := s.Find(t.Context(), "c", told.value)
	switch {
	case told.last == "ending" && errors.Is(err, session.ErrNone):
		told.last = "ended" // and from now on it has to be
	case told.last == "ending" && err == nil:
		told.last = "seen" // nobody ends it any more
	case told.last == "ended" && !errors.Is(err, session.ErrNone):
		t.Errorf("%s was ended and is back: %v", name, err)
	case told.last != "ended" && err != nil:
		t.Errorf("%s was created and is lost: %v", name, err)
	case err == nil && l.Session().Identity.Subject != name:
		t.Errorf("%s has become %s", name, l.Session().Identity.Subject)
	}
	if err != nil || !told.fresh {
		return
	}
	told.fresh = false
	if whole, err := s.Load(t.Context(), l.Session().Key); err != nil || whole.IDToken != idToken(name) {
		t.Errorf("%s has lost its ID token: %v", name, err)
	}
}
