package auth_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"outpost/auth"
)

const mark = "0123456789abcdef"

func marked(mark string) http.Header {
	return http.Header{
		"Host": {"app.example.com"}, "X-Original-Url": {"https://app.example.com/?" + auth.WatchQuery + "=" + mark}, "X-Forwarded-For": {"192.0.2.7"},
		"Cookie": {"a=secret"}, "Authorization": {"Bearer secret"}, auth.WatchHeader: {mark},
	}
}

// Only marked requests are kept, no credential of them, as many as there is room
// for, and only while somebody watches.
func TestWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		s.check(marked(mark), "127.0.0.1:1")
		if got := s.outpost.Watched(mark); got != nil {
			t.Errorf("nobody watches: got %v", got)
		}
		s.outpost.Watch("short")
		s.check(marked("short"), "127.0.0.1:1")
		if got := s.outpost.Watched("short"); got != nil {
			t.Errorf("a short mark: got %v", got)
		}
		s.outpost.Watch(mark)
		s.check(marked("another mark"), "127.0.0.1:1")
		for range 100 {
			s.check(marked(mark+".1"), "127.0.0.1:1")
		}
		got := s.outpost.Watched(mark)
		if len(got) != 64 {
			t.Fatalf("kept %d", len(got))
		}
		if a := got[0]; a.Mark != mark+".1" || a.Client != "192.0.2.7" || a.Status != 401 || a.Reason != string(auth.NotSignedIn) || !a.Trusted || !a.Cookies {
			t.Errorf("got %+v", a)
		}
		if text := fmt.Sprint(got); strings.Contains(text, "secret") {
			t.Errorf("kept a credential: %s", text)
		}
		if s.outpost.Watched("another mark, long enough") != nil {
			t.Error("told to who does not know the mark")
		}
		time.Sleep(31 * time.Second)
		if got := s.outpost.Watched(mark); got != nil {
			t.Errorf("still there after half a minute: %v", got)
		}
	})
}

// While somebody watches, the short way leaves checks to the long one.
func TestWatchSeesEveryCheck(t *testing.T) {
	s := newStage(t, func(c *auth.Config) { c.Log = nil }) // at debug the short way is closed
	hot := func() bool {
		return s.outpost.AnswerHot(netip.MustParseAddr("127.0.0.1"), marked(mark), "app.example.com", nil) != nil
	}
	if !hot() {
		t.Fatal("the short way answers no check at all")
	}
	s.outpost.Watch(mark)
	if hot() {
		t.Error("a check went the short way")
	}
	s.outpost.Watch("")
	if !hot() {
		t.Error("the watch does not end")
	}
}

// The answer is as large as the mark asks for, to trusted proxies, and only while
// somebody watches. Its status stays the decision's.
func TestWatchMakesRoom(t *testing.T) {
	s := newStage(t)
	s.outpost.Watch(mark)
	for _, tt := range []struct {
		mark, peer string
		want       int
	}{
		{mark + ".1.room4000", "127.0.0.1:1", 4000},
		{mark + ".1.room99999999", "127.0.0.1:1", 0},
		{mark + ".1.room-1", "127.0.0.1:1", 0},
		{mark + ".1.room4000", "192.0.2.1:1", 0},
		{"another.room4000", "127.0.0.1:1", 0},
	} {
		resp := s.check(marked(tt.mark), tt.peer)
		size := 0
		if v := resp.Header.Get("X-Outpost-Room"); v != "" {
			size = len("X-Outpost-Room: \r\n") + len(v)
		}
		if size != tt.want || resp.StatusCode == http.StatusOK {
			t.Errorf("%s from %s: %d with %d bytes", tt.mark, tt.peer, resp.StatusCode, size)
		}
	}
	r := httptest.NewRequest(http.MethodGet, "http://app.example.com"+prefix+"/ping", nil)
	r.Header.Set(auth.WatchHeader, mark+".2")
	s.public.ServeHTTP(httptest.NewRecorder(), r)
	if got := s.outpost.Watched(mark); got[len(got)-1].Path != prefix+"/ping" || got[len(got)-1].Status != 0 {
		t.Errorf("the ping: got %+v", got[len(got)-1])
	}
}
