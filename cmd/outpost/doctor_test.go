package main

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"outpost/doctor"
)

// Each line has its four keys, and what is wrong with the file is status 1.
func TestDoctorJSON(t *testing.T) {
	s := usual(t).with(settings{"applications": []settings{{"name": "home", "mode": "domain", "external_url": "https://outpost.duckdns.org", "cookie_domain": "duckdns.org"}}})
	o := command(t, nil, "doctor", "-config", s.file(t), "--json")
	var lines []map[string]string
	if err := json.Unmarshal([]byte(o.stdout), &lines); err != nil {
		t.Fatalf("%v: %s%s", err, o.stdout, o.stderr)
	}
	if o.status != 1 || len(lines) != 1 || len(lines[0]) != 4 || lines[0]["check"] != "cookie-domain" || lines[0]["status"] != "wrong" || lines[0]["message"] == "" || lines[0]["fix"] == "" {
		t.Errorf("status %d: %v", o.status, lines)
	}
}

// Without a process, and with a provider that is not there, the lines say so, and
// no line is of a check that nobody knows. Nothing is made in the data directory.
func TestDoctorAlone(t *testing.T) {
	s := usual(t)
	o := command(t, nil, "doctor", "-config", s.file(t), "--json")
	var lines []doctor.Line
	if err := json.Unmarshal([]byte(o.stdout), &lines); err != nil {
		t.Fatalf("%v: %s%s", err, o.stdout, o.stderr)
	}
	status := map[string]doctor.Status{}
	for _, l := range lines {
		status[l.Check] = l.Status
		if !strings.Contains(strings.Join(doctor.Checks(), " "), l.Check) {
			t.Errorf("nobody knows the check %s", l.Check)
		}
	}
	if o.status != 1 || status["provider"] != doctor.Wrong || status["process"] != doctor.Warning || status["config"] != doctor.OK {
		t.Errorf("status %d: %v", o.status, status)
	}
	if _, err := os.Stat(s["data"].(string)); err == nil {
		t.Error("doctor made the data directory")
	}
}

func TestDoctorWrongUse(t *testing.T) {
	file := usual(t).file(t)
	for _, args := range [][]string{{"--anonymous"}, {"--log", "x"}, {"argument"}} {
		if o := command(t, nil, append([]string{"doctor", "-config", file}, args...)...); o.status != 2 {
			t.Errorf("%v: status %d", args, o.status)
		}
	}
}

// A bundle can be made of a file that cannot be loaded; nothing of the file is in
// it but what is wrong.
func TestDoctorBundleOfBadFile(t *testing.T) {
	s := usual(t).with(settings{"provider": settings{"issuer": "http://idp.example.com", "client_id": "outpost", "client_secret": "client secret of the tests"}})
	path := filepath.Join(t.TempDir(), "bundle.txt")
	o := command(t, nil, "doctor", "-config", s.file(t), "--bundle", path)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v: %s", err, o.stderr)
	}
	if o.status != 1 || strings.Contains(string(text), "client secret") || !strings.Contains(string(text), "could not be loaded") || !strings.Contains(string(text), "write issuer: https://idp.example.com") {
		t.Errorf("status %d:\n%s", o.status, text)
	}
}

// What arrives is told over the socket alone: below the public prefix and on the
// management listener there is no such thing.
func TestDoctorAsksTheSocketAlone(t *testing.T) {
	d := start(t, usual(t))
	for _, address := range []string{d.public, d.management} {
		for _, path := range []string{"/doctor", "/doctor/watch", "/outpost.goauthentik.io/doctor", "/outpost.goauthentik.io/doctor/watch?mark=0123456789abcdef"} {
			status, _, err := doctor.Get(t.Context(), dial, address, path)
			if err != nil || status == http.StatusOK {
				t.Errorf("%s at %s: %d, %v", path, address, status, err)
			}
		}
	}
}
