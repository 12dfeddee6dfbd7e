package main

// The demo as a newcomer meets it: run.sh is started as `make demo` starts it,
// and a browser does what the terminal says to try.

import (
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
)

func TestStory(t *testing.T) {
	d := startDemo(t)
	alice, bob := newBrowser(t), newBrowser(t)

	// Each step needs the one before it.
	deepLink := d.url("photos") + "/albums?year=2026&view=map"
	steps := []struct {
		name string
		do   func(t *testing.T)
	}{
		{"a-deep-link-asks-for-a-sign-in", func(t *testing.T) {
			alice.open(t, deepLink)
			alice.expectAt(t, d.issuer()+"/sign_in?")
		}},
		{"a-wrong-password-is-refused", func(t *testing.T) {
			alice.signIn(t, "alice", "wrong")
			alice.expect(t, ".problem", "password is wrong")
		}},
		{"alice-lands-on-the-deep-link", func(t *testing.T) {
			alice.signIn(t, "alice", d.password)
			alice.expect(t, "#url", deepLink)
			alice.expectAt(t, deepLink)
			alice.expect(t, "#X-authentik-username", "alice")
			alice.expect(t, "#X-authentik-groups", "admins|users")
			alice.expect(t, "#X-authentik-email", "alice@example.com")
			alice.expect(t, "#X-authentik-name", "Alice Adams")
			alice.expect(t, "#X-authentik-uid", "alice")
		}},
		{"one-sign-in-does-for-the-domain", func(t *testing.T) {
			alice.open(t, d.url("notes")+"/")
			alice.expectAt(t, d.url("notes")+"/")
			alice.expect(t, "#X-authentik-username", "alice")
		}},
		{"alice-may-use-router-and-is-not-asked-again", func(t *testing.T) {
			alice.open(t, d.url("router")+"/")
			alice.expectAt(t, d.url("router")+"/")
			alice.expect(t, "#X-authentik-groups", "admins|users")
		}},
		{"bob-may-use-photos", func(t *testing.T) {
			bob.open(t, d.url("photos")+"/")
			bob.signIn(t, "bob", d.password)
			bob.expect(t, "#X-authentik-groups", "users")
		}},
		{"bob-may-not-use-router-and-is-told-so", func(t *testing.T) {
			if status := bob.open(t, d.url("router")+"/"); status != http.StatusForbidden {
				t.Errorf("router answered bob with %d, want %d", status, http.StatusForbidden)
			}
			bob.expect(t, "body", "bob")
			bob.expect(t, "body", "not_allowed")
		}},
		{"there-he-changes-to-alice", func(t *testing.T) {
			bob.click(t, `a[href*="switch=1"]`)
			bob.signIn(t, "alice", d.password)
			bob.expect(t, "#X-authentik-username", "alice")
			bob.expectAt(t, d.url("router")+"/")
		}},
		{"her-account-page-says-where-she-is-signed-in", func(t *testing.T) {
			bob.click(t, `a[href$="`+prefix+`/"]`)
			bob.expectAt(t, d.url("router")+prefix+"/")
			bob.expect(t, "body", "This browser")
			bob.open(t, d.url("router")+"/")
		}},
		{"signing-out-ends-at-a-page-that-says-so", func(t *testing.T) {
			bob.click(t, `a[href$="/sign_out"]`)
			bob.expect(t, "body", "signed_out")
			bob.expectAt(t, d.url("router")+prefix+"/sign_out")
		}},
		{"and-router-asks-again", func(t *testing.T) {
			bob.open(t, d.url("router")+"/")
			bob.expectAt(t, d.issuer()+"/sign_in?")
		}},
	}
	for _, step := range steps {
		if !t.Run(step.name, step.do) {
			t.FailNow()
		}
	}
	d.end(t, syscall.SIGINT)
}

func TestAChildThatEndsEndsTheDemo(t *testing.T) {
	d := startDemo(t)
	nginx := d.child(t, "nginx")
	if err := syscall.Kill(nginx, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if err := d.wait(t); err == nil {
		t.Error("the demo ended with status 0")
	}
	if want := "demo: nginx ended with signal: killed; its last lines:"; !strings.Contains(d.output(), want) {
		t.Errorf("the demo did not say %q", want)
	}
	d.expectNothingLeft(t)
}

func TestPort(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	_, busy, _ := net.SplitHostPort(taken.Addr().String())

	for _, test := range []struct{ name, port, want string }{
		{"in-use", busy, "port " + busy + " is in use"},
		{"privileged", "80", "from 1024 to 65535"},
		{"too-high", "65536", "from 1024 to 65535"},
		{"no-number", "http", "from 1024 to 65535"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Setenv("TMPDIR", t.TempDir())
			err := run(t.Context(), test.port, os.Stdout)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
			expectEmpty(t, os.TempDir())
		})
	}
}
