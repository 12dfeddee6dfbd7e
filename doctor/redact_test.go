package doctor

import (
	"os"
	"strings"
	"testing"
)

// Nothing that opens anything, and nobody's address, is in a bundle.
func TestRedact(t *testing.T) {
	r := newRedactor(Bundle{Secrets: []string{"s3cret value"}})
	log := `time=2026-11-26T09:00:49.307Z level=INFO msg=denied client_ip=203.0.113.9 user=alice subject="f3c1 0a" host=app.example.com url=https://app.example.com/a?token=hunter2 peer=[2001:db8::7]:443 ` +
		`cookie=__Host-outpost-router=MTcw-sealed; auth="Bearer abc.def" cause="s3cret value s3cret+value eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln bob@example.org 10.1.2.3"`
	got := r.log(log)
	for _, not := range []string{"203.0.113.9", "alice", "f3c1", "hunter2", "2001:db8::7", "MTcw", "abc.def", "s3cret", "eyJ", "bob@", "10.1.2.3"} {
		if strings.Contains(got, not) {
			t.Errorf("it has %s: %s", not, got)
		}
	}
	for _, has := range []string{"msg=denied", "host=app.example.com", "09:00:49", "https://app.example.com/a"} {
		if !strings.Contains(got, has) {
			t.Errorf("it lost %s: %s", has, got)
		}
	}
	lines := r.everything("the outpost takes this machine for 192.0.2.4, nginx for 127.0.0.1:9000; ?state=abc&code=def Set-Cookie: a=b")
	for _, not := range []string{"192.0.2.4", "abc", "def", "a=b"} {
		if strings.Contains(lines, not) {
			t.Errorf("it has %s: %s", not, lines)
		}
	}
	if !strings.Contains(lines, "127.0.0.1:9000") {
		t.Errorf("loopback is nobody's address: %s", lines)
	}
}

func TestResolverFix(t *testing.T) {
	for _, tt := range []struct{ word, want string }{
		{"127.0.0.11", "127.0.0.11"}, {"valid=30s", "valid=30s"}, {"[2001:db8::1]", "[2001:db8::1]"}, {"2001:db8::1", "[2001:db8::1]"}, {"ipv6=off", "ipv6=off"},
	} {
		if got := resolverFix(tt.word); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.word, got, tt.want)
		}
	}
	if got := resolverFix("fe80::1%eth0"); !strings.HasPrefix(got, "127.0.0.11") {
		t.Errorf("a zone: got %s", got)
	}
}

func TestCommonDomain(t *testing.T) {
	for _, tt := range []struct{ a, b, want string }{
		{"webtop.home.test", "outpost.home.test", "home.test"}, {"a.b.c.d", "c.d", "c.d"}, {"x.y", "z.w", ""}, {"same.test", "same.test", "same.test"},
	} {
		if got := commonDomain(tt.a, tt.b); got != tt.want {
			t.Errorf("%s and %s: got %q, want %q", tt.a, tt.b, got, tt.want)
		}
	}
}

// Each check has its row in docs/doctor.md.
func TestDocumentedChecks(t *testing.T) {
	page, err := os.ReadFile("../docs/doctor.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, check := range Checks() {
		found := false
		for line := range strings.Lines(string(page)) {
			found = found || strings.HasPrefix(line, "| ") && strings.Contains(strings.Split(line, "|")[1], "`"+check+"`")
		}
		if !found {
			t.Errorf("docs/doctor.md has no row for %s", check)
		}
	}
}
