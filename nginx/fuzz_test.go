package nginx

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// Whatever stands in a file: it is linted to an end, what it says is about that
// file, and what cannot be read is never protected.
func FuzzLint(f *testing.F) {
	ours, err := fs.Glob(Files, "*.conf")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range ours {
		text, err := fs.ReadFile(Files, name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	for _, text := range []string{
		"server { location {} location / {;} }", "try_files;location @a{try_files;error_page;return;}", "location a b c {} location = {} location ~ ( {}",
		"server { include app.conf; } ", "location ~ /a { set $a $a$a; proxy_pass $a; }", "# configuration file x:\ninclude x;\n",
		"auth_request; location / { auth_request /a?b; proxy_pass; rewrite; rewrite ^(.*)$ $1$2; allow; listen; proxy_set_header; }",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		file := filepath.Join(t.TempDir(), "app.conf")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		report, err := Lint(file, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := parse(file, text); err != nil && len(report.Rows) > 0 {
			if _, isDump := parseDump(text); !isDump {
				t.Errorf("%v, but: %+v", err, report.Rows)
			}
		}
	})
}
