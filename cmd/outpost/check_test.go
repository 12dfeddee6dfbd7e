package main

import (
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

// Everything that check could touch is either taken or watched.
func TestCheckTouchesNothing(t *testing.T) {
	var asked atomic.Int64
	provider := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	defer provider.Close()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	directory := t.TempDir()
	s := usual(t).with(settings{
		"listen": taken.Addr().String(), "management": "unix:" + filepath.Join(directory, "socket"), "data": filepath.Join(directory, "data"),
		"insecure_http": true,
		"provider":      settings{"issuer": provider.URL, "client_id": "outpost"},
	})
	file := s.file(t)
	got := command(t, nil, "check", "-config", file)
	if got.status != 0 || got.stderr != "" {
		t.Fatalf("got %+v", got)
	}
	for _, want := range []string{
		"warning: " + file + ":",
		"insecure_http: is on",
		file + " is good (applications: 2, providers: 1)\n",
		"register at provider default: redirect URIs https://router.example.com/outpost.goauthentik.io/callback https://outpost.example.net/outpost.goauthentik.io/callback; " +
			"post-logout redirect URIs https://router.example.com/outpost.goauthentik.io/sign_out https://outpost.example.net/outpost.goauthentik.io/sign_out; " +
			"back-channel logout URI https://router.example.com/outpost.goauthentik.io/backchannel_logout\n",
	} {
		if !strings.Contains(got.stdout, want) {
			t.Errorf("stdout lacks %q:\n%s", want, got.stdout)
		}
	}
	left, err := os.ReadDir(directory)
	if err != nil || len(left) > 0 {
		t.Errorf("check made %v (%v)", left, err)
	}
	if n := asked.Load(); n > 0 {
		t.Errorf("check asked the provider %d times", n)
	}
}

// What serve refuses is found by check too, in the same words, before a restart
// finds it.
func TestCheckRefusesWhatServeRefuses(t *testing.T) {
	s := usual(t).with(settings{"applications": []settings{
		{"name": "one", "mode": "single", "external_url": "https://app.example.com"},
		{"name": "two", "mode": "single", "external_url": "https://app.example.com:8443"},
	}})
	file := s.file(t)
	checked, served := command(t, nil, "check", "-config", file), command(t, nil, "-config", file)
	if checked.status != 1 || checked.stderr != served.stderr || served.status != 1 || !strings.Contains(served.stderr, "applications[1].external_url") {
		t.Errorf("two applications of one host: check %+v\nserve %+v", checked, served)
	}
}

// Where people choose among providers, each has a redirect URI of its own.
func TestCheckNamesARedirectURIForEachProvider(t *testing.T) {
	s := usual(t).with(settings{
		"provider": nil,
		"providers": []settings{
			{"name": "work", "issuer": "https://work.example.com", "client_id": "outpost"},
			{"name": "house", "issuer": "https://house.example.com", "client_id": "outpost"},
		},
		"applications": []settings{
			{"name": "both", "mode": "single", "external_url": "https://both.example.com", "provider": []string{"work", "house"}},
			{"name": "one", "mode": "single", "external_url": "https://one.example.com", "provider": "work"},
		},
	})
	got := command(t, nil, "check", "-config", s.file(t))
	for _, want := range []string{
		"register at provider work: redirect URIs https://both.example.com/outpost.goauthentik.io/callback/work https://one.example.com/outpost.goauthentik.io/callback; ",
		"register at provider house: redirect URIs https://both.example.com/outpost.goauthentik.io/callback/house; ",
	} {
		if !strings.Contains(got.stdout, want) {
			t.Errorf("stdout lacks %q:\n%s\n%s", want, got.stdout, got.stderr)
		}
	}
}

// Applications below paths of one host have the URIs of their host, once.
func TestCheckNamesTheURIsOfAHostOnce(t *testing.T) {
	s := usual(t).with(settings{"applications": []settings{
		{"name": "one", "mode": "single", "external_url": "https://app.example.com/one/"},
		{"name": "two", "mode": "single", "external_url": "https://app.example.com/two"},
	}})
	got := command(t, nil, "check", "-config", s.file(t))
	want := "register at provider default: redirect URIs https://app.example.com/outpost.goauthentik.io/callback; " +
		"post-logout redirect URIs https://app.example.com/outpost.goauthentik.io/sign_out; " +
		"back-channel logout URI https://app.example.com/outpost.goauthentik.io/backchannel_logout\n"
	if !strings.Contains(got.stdout, want) {
		t.Errorf("stdout lacks %q:\n%s\n%s", want, got.stdout, got.stderr)
	}
}
