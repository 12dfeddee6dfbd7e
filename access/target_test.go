package access_test

import (
	"slices"
	"strings"
	"testing"

	"outpost/access"
)

func TestReadTarget(t *testing.T) {
	for _, tt := range []struct {
		name, raw, path string
		certain         bool
	}{
		{"root", "/", "/", true},
		{"plain", "/public/a.css", "/public/a.css", true},
		{"query", "/a?x=/../%2f;//", "/a", true},
		{"everything-that-needs-no-encoding", "/aZ09-._~!$&'()*+,=:@", "/aZ09-._~!$&'()*+,=:@", true},
		{"dots-inside-names", "/.well-known/a..b/...", "/.well-known/a..b/...", true},
		{"slash-at-the-end", "/a/", "/a/", true},
		{"space", "/a%20b", "/a b", true},
		{"utf-8", "/caf%C3%A9/%e6%97%a5", "/café/日", true},
		{"raw-utf-8", "/café", "/café", true},
		{"reserved-signs-encoded", "/a%40b%3Ac%2B%26%3D", "/a@b:c+&=", true},
		{"capitals", "/Public", "/Public", true},

		{"no-slash", "public", "", false},
		{"absolute", "http://h/public/../admin", "", false},
		{"empty", "", "", false},
		{"two-slashes", "/a//b", "/a/b", false},
		{"two-slashes-first", "//a", "/a", false},
		{"one-dot", "/a/./b", "/a/b", false},
		{"one-dot-last", "/a/.", "/a/", false},
		{"two-dots", "/public/../admin", "/admin", false},
		{"two-dots-last", "/a/b/..", "/a/", false},
		{"two-dots-before-a-query", "/a/b/..?x", "/a/", false},
		{"above-the-root", "/../../a", "/a", false},
		{"above-the-root-last", "/..", "/", false},
		{"encoded-dots", "/public/%2e%2E/admin", "/admin", false},
		{"half-encoded-dots", "/public/.%2e/admin", "/admin", false},
		{"encoded-slash", "/public/..%2fadmin", "/admin", false},
		{"slashes-merged-before-dots", "/a//../b", "/b", false},
		{"encoded-twice", "/a%252fb", "/a%2fb", false},
		{"encoded-percent", "/100%25", "/100%", false},
		{"backslash", `/a\b`, `/a\b`, false},
		{"encoded-backslash", "/a%5cb", `/a\b`, false},
		{"parameter", "/a;b/c", "/a;b/c", false},
		{"encoded-parameter", "/a%3bb", "/a;b", false},
		{"fragment", "/a#b?c", "/a", false},
		{"fragment-in-the-query", "/a?b#c", "/a", false},
		{"encoded-fragment", "/a%23b", "/a#b", false},
		{"encoded-query", "/a%3fb", "/a?b", false},
		{"nul", "/a%00b", "/a\x00b", false},
		{"encoded-control", "/a%0ab", "/a\nb", false},
		{"encoded-delete", "/a%7f", "/a\x7f", false},
		{"raw-control", "/a\x01", "/a\x01", false},
		{"control-in-the-query", "/a?\x01", "/a", false},
		{"raw-space", "/a b", "/a b", false},
		{"encoded-letter", "/%61dmin", "/admin", false},
		{"encoded-tilde", "/%7ea", "/~a", false},
		{"escape-cut-short", "/a%2", "/a%2", false},
		{"no-escape", "/a%zz", "/a%zz", false},
		{"overlong", "/public/%c0%ae%c0%ae/admin", "/public/\xc0\xae\xc0\xae/admin", false},
		{"not-utf-8", "/a%ff", "/a\xff", false},
		{"raw-not-utf-8", "/public/\xff/../admin", "/public/admin", false},
		{"raw-not-utf-8-alone", "/a\xff", "/a\xff", false},
		{"wide-escape", "/a%u002fb", "/a%u002fb", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := access.ReadTarget(tt.raw)
			if got.Path != tt.path || got.Certain != tt.certain {
				t.Errorf("ReadTarget(%q) is %q, certain %v; want %q, %v", tt.raw, got.Path, got.Certain, tt.path, tt.certain)
			}
		})
	}
}

func TestReadings(t *testing.T) {
	for _, tt := range []struct {
		name, raw string
		want      []string
	}{
		{"certain", "/a%20b", []string{"/a b"}},
		{"dots", "/public/../admin", []string{"/public/../admin", "/admin"}},
		{"parameters-before-dots", "/public/..;/admin", []string{"/admin", "/public/..;/admin", "/public/.."}},
		{"encoded-parameters", "/public/..%3bx/admin", []string{"/admin"}},
		{"parameters-at-the-end", "/a;b/c", []string{"/a/c", "/a"}},
		{"backslashes", `/public\..\admin`, []string{"/admin", `/public\..\admin`}},
		{"encoded-backslashes", "/public/..%5cadmin", []string{"/admin"}},
		{"decoded-twice", "/public/%252e%252e/admin", []string{"/admin", "/public/%2e%2e/admin"}},
		{"decoded-three-times", "/public/%25252e%25252e%25252fadmin", []string{"/admin"}},
		{"overlong", "/public/%c0%ae%c0%ae%e0%80%afadmin", []string{"/admin"}},
		{"wide", "/public/%u002e%u002e%u002fadmin", []string{"/admin"}},
		{"fragment", "/admin#/public/", []string{"/admin", "/admin#/public/"}},
		{"encoded-fragment", "/admin%23/public/", []string{"/admin", "/admin#/public/"}},
		{"encoded-query", "/admin%3f/public/", []string{"/admin", "/admin?/public/"}},
		{"nul", "/admin%00.css", []string{"/admin", "/admin\x00.css"}},
		{"authority", "//h/admin", []string{"/admin", "/h/admin", "//h/admin"}},
		{"authority-with-backslashes", `/\h/admin`, []string{"/admin"}},
		{"authority-behind-three-slashes", "///h/admin", []string{"/admin"}},
		{"authority-alone", "//h", []string{"/", "/h"}},
		{"unmerged", "/a//../b", []string{"/b", "/a/b"}},
		{"merged-alone", "/a//../b", []string{"/a/../b"}},
		{"dots-decoded-alone", "/%2e%2e/admin%2F%2e%2e%2f", []string{"/admin/../"}},
		{"clean", "/a/b/..", []string{"/a/", "/a"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			target := access.ReadTarget(tt.raw)
			got, all := target.Readings()
			if !all || got[0] != target.Path {
				t.Fatalf("Readings of %q are %q, %v", tt.raw, got, all)
			}
			for _, want := range tt.want {
				if !slices.Contains(got, want) {
					t.Errorf("Readings of %q are %q, without %q", tt.raw, got, want)
				}
			}
			for _, reading := range got {
				if reading == "" || reading[0] != '/' {
					t.Errorf("%q has the reading %q", tt.raw, reading)
				}
			}
		})
	}
}

// What somebody may send on purpose is bounded.
func TestTooManyReadings(t *testing.T) {
	for _, raw := range []string{
		strings.Repeat("//a%252f..;x%5c", 40),
		"/" + strings.Repeat("a%252f", 8<<10),
		strings.Repeat("/a/.", 17<<10),
	} {
		target := access.ReadTarget(raw)
		if got, all := target.Readings(); all || got != nil {
			t.Errorf("%.40q… has %d readings", raw, len(got))
		}
	}
}
