package nginx_test

import (
	"io/fs"
	"net/textproto"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"outpost/headers"
	"outpost/nginx"
)

// read returns one of our files without its comments.
func read(t *testing.T, name string) string {
	t.Helper()
	content, err := fs.ReadFile(nginx.Files, name)
	if err != nil {
		t.Fatal(err)
	}
	return regexp.MustCompile(`(?m)^\s*#.*$`).ReplaceAllString(string(content), "")
}

// block returns what stands between the braces that follow opening.
func block(t *testing.T, conf, opening string) string {
	t.Helper()
	_, rest, found := strings.Cut(conf, opening+" {")
	if !found {
		t.Fatalf("no %q", opening)
	}
	depth := 1
	for i, c := range rest {
		switch c {
		case '{':
			depth++
		case '}':
			depth--
		}
		if depth == 0 {
			return rest[:i]
		}
	}
	t.Fatalf("%q does not end", opening)
	return ""
}

// setHeaders are the headers that conf sets, with their values.
func setHeaders(conf string) map[string]string {
	set := map[string]string{}
	for _, line := range regexp.MustCompile(`proxy_set_header\s+(\S+)\s+(\S+);`).FindAllStringSubmatch(conf, -1) {
		set[textproto.CanonicalMIMEHeaderKey(line[1])] = line[2]
	}
	return set
}

// Every header that the daemon reads is nginx's own word, in the check and in
// the pages: one that is missing here would be the client's.
func TestRequestHeaders(t *testing.T) {
	for _, file := range []string{"authentik-server.conf", "example.nginx.conf"} {
		for _, location := range []string{"location = /outpost.goauthentik.io/auth/nginx", "location ^~ /outpost.goauthentik.io"} {
			set := setHeaders(block(t, read(t, file), location))
			for _, name := range headers.RequestNames {
				if value, ok := set[name]; !ok || strings.Contains(value, "$http_") {
					t.Errorf("%s, %s: %s is %q", file, location, name, value)
				}
			}
			if value := set["Early-Data"]; value != "$ssl_early_data" {
				t.Errorf("%s, %s: Early-Data is %q: a request that may be replayed looks like any other", file, location, value)
			}
			for _, name := range []string{"X-Original-Uri", "Forwarded"} {
				if value, ok := set[name]; !ok || value != `""` {
					t.Errorf("%s, %s: %s is not removed", file, location, name)
				}
			}
		}
	}
}

// The check and the pages must not disagree about who asks for what.
func TestBothLocationsSayTheSame(t *testing.T) {
	for _, file := range []string{"authentik-server.conf", "example.nginx.conf"} {
		check := setHeaders(block(t, read(t, file), "location = /outpost.goauthentik.io/auth/nginx"))
		if check["Content-Length"] != `""` {
			t.Errorf("%s: the check announces a body that it does not send", file)
		}
		delete(check, "Content-Length")
		if diff := cmp.Diff(check, setHeaders(block(t, read(t, file), "location ^~ /outpost.goauthentik.io"))); diff != "" {
			t.Errorf("%s: check and pages differ (-check +pages):\n%s", file, diff)
		}
	}
}

// takes are the headers that conf takes from an answer and hands on, each from
// the header of its own name.
func takes(t *testing.T, file, conf string) (told []string) {
	t.Helper()
	taken := map[string]string{}
	for _, line := range regexp.MustCompile(`auth_request_set\s+(\$\S+)\s+\$upstream_http_(\S+);`).FindAllStringSubmatch(conf, -1) {
		if taken[line[1]] != "" {
			t.Errorf("%s: %s is set twice", file, line[1])
		}
		taken[line[1]] = textproto.CanonicalMIMEHeaderKey(strings.ReplaceAll(line[2], "_", "-"))
	}
	for name, value := range setHeaders(conf) {
		if strings.HasPrefix(value, "$outpost_") && taken[value] == "" || !strings.HasPrefix(value, "$outpost_") && !strings.HasPrefix(value, "$authentik_") {
			continue // nothing of the answer's
		}
		told = append(told, name)
		if taken[value] != name {
			t.Errorf("%s: %s gets %s, which is %q", file, name, value, taken[value])
		}
	}
	slices.Sort(told)
	return told
}

// What the daemon says of a person is what the application is told: each header
// is taken from the answer and overwrites the client's.
func TestIdentityHeaders(t *testing.T) {
	for _, tt := range []struct {
		name, file, location string
		config               headers.MappingConfig
	}{
		{"authentik", "authentik-location.conf", "", headers.MappingConfig{JWT: true, Meta: &headers.Meta{}}},
		{"example", "example.nginx.conf", "location /", headers.MappingConfig{JWT: true, Meta: &headers.Meta{}}},
		{"remote-user", "outpost-remote-user.conf", "", headers.MappingConfig{Presets: []string{"remote-user"}}},
		{"webauth", "outpost-webauth.conf", "", headers.MappingConfig{Presets: []string{"webauth"}}},
		{"auth-request", "outpost-auth-request.conf", "", headers.MappingConfig{Presets: []string{"auth-request"}}},
		{"authorization", "outpost-authorization.conf", "", headers.MappingConfig{Presets: []string{}, Basic: &headers.Basic{Username: "a", Password: "b"}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			conf := read(t, tt.file)
			if tt.location != "" {
				conf = block(t, conf, tt.location)
			}
			m, err := headers.NewMapping(tt.config)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(m.Names(), takes(t, tt.file, conf)); diff != "" {
				t.Errorf("code and configuration differ (-code +configuration):\n%s", diff)
			}
		})
	}
}

// A location without a sign-in loses every header that one with a sign-in sets,
// but for Authorization, which is the client's own there.
func TestClear(t *testing.T) {
	cleared := setHeaders(read(t, "outpost-clear.conf"))
	for _, file := range []string{"authentik-location.conf", "outpost-remote-user.conf", "outpost-webauth.conf", "outpost-auth-request.conf"} {
		for name := range setHeaders(read(t, file)) {
			if cleared[name] != `""` {
				t.Errorf("%s of %s is not removed", name, file)
			}
		}
	}
	if len(headers.PresetNames) != 4 {
		t.Errorf("presets without a file: %v", headers.PresetNames)
	}
}

// The lines for nginx in the documentation hand on what the configuration above
// them sends.
func TestDocumentation(t *testing.T) {
	content, err := os.ReadFile("../docs/applications.md")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, section := range strings.Split(string(content), "\n### ")[1:] {
		title, _, _ := strings.Cut(section, "\n")
		conf := strings.Join(regexp.MustCompile("(?s)```nginx\n(.*?)```").FindAllString(section, -1), "\n")
		told := takes(t, title, conf)
		for _, file := range regexp.MustCompile(`include /config/nginx/(\S+);`).FindAllStringSubmatch(conf, -1) {
			told = append(told, takes(t, file[1], read(t, file[1]))...)
		}
		for _, own := range regexp.MustCompile(`(?m)^        ([A-Z][A-Za-z0-9-]+): `).FindAllStringSubmatch(section, -1) {
			seen++
			if !slices.Contains(told, textproto.CanonicalMIMEHeaderKey(own[1])) {
				t.Errorf("%s: %s is set, and nginx hands on %v", title, own[1], told)
			}
		}
		for _, preset := range headers.PresetNames[1:] {
			if strings.Contains(section, "presets: ["+preset+"]") != strings.Contains(section, "outpost-"+preset+".conf") {
				t.Errorf("%s: preset %s and its file are not together", title, preset)
			}
		}
	}
	if seen < 10 {
		t.Errorf("%d headers found, so this test saw nothing", seen)
	}
	content, err = os.ReadFile("../docs/headers.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, preset := range headers.PresetNames {
		m, err := headers.NewMapping(headers.MappingConfig{Presets: []string{preset}})
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range m.Names() {
			if !strings.Contains(strings.ToLower(string(content)), "| `"+strings.ToLower(name)+"` |") {
				t.Errorf("docs/headers.md has no row for %s", name)
			}
		}
	}
}

// SWAG compares these lines to tell people of newer files.
func TestVersions(t *testing.T) {
	names, err := fs.Glob(nginx.Files, "*")
	if err != nil || len(names) == 0 {
		t.Fatal(names, err)
	}
	for _, name := range names {
		content, err := fs.ReadFile(nginx.Files, name)
		if err != nil {
			t.Fatal(err)
		}
		if !regexp.MustCompile(`^## Version 20\d\d/\d\d/\d\d\n`).Match(content) {
			t.Errorf("%s does not begin with its version", name)
		}
	}
}

// $http_host is what the client wrote: only its port is taken, by a pattern.
func TestHostIsNginxsOwn(t *testing.T) {
	for _, file := range []string{"authentik-server.conf", "example.nginx.conf"} {
		for line := range strings.Lines(read(t, file)) {
			if strings.Contains(line, "$http_host") && !strings.Contains(line, "if ($http_host ~") && !strings.Contains(line, "map $http_host $outpost_port") {
				t.Errorf("%s: %s", file, strings.TrimSpace(line))
			}
		}
	}
}
