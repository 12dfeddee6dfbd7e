package session_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"outpost/session"
)

func TestCookie(t *testing.T) {
	tests := []struct {
		name       string
		cookie     session.Cookie
		set, clear string
	}{
		{
			"single",
			session.Cookie{Name: "__Host-outpost-home", Secure: true, MaxAge: day},
			"__Host-outpost-home=v; Path=/; Max-Age=86400; HttpOnly; Secure; SameSite=Lax",
			"__Host-outpost-home=; Path=/; Expires=Thu, 01 Jan 1970 00:00:01 GMT; Max-Age=0; HttpOnly; Secure; SameSite=Lax",
		},
		{
			"domain",
			session.Cookie{Name: "__Secure-outpost-home", Domain: "example.com", Path: "/", Secure: true, MaxAge: 90 * time.Second},
			"__Secure-outpost-home=v; Path=/; Domain=example.com; Max-Age=90; HttpOnly; Secure; SameSite=Lax",
			"__Secure-outpost-home=; Path=/; Domain=example.com; Expires=Thu, 01 Jan 1970 00:00:01 GMT; Max-Age=0; HttpOnly; Secure; SameSite=Lax",
		},
		{
			"path-insecure",
			session.Cookie{Name: "outpost-home", Path: "/outpost.goauthentik.io/callback", MaxAge: time.Hour},
			"outpost-home=v; Path=/outpost.goauthentik.io/callback; Max-Age=3600; HttpOnly; SameSite=Lax",
			"outpost-home=; Path=/outpost.goauthentik.io/callback; Expires=Thu, 01 Jan 1970 00:00:01 GMT; Max-Age=0; HttpOnly; SameSite=Lax",
		},
		{
			"until-the-browser-closes",
			session.Cookie{Name: "n", Secure: true},
			"n=v; Path=/; HttpOnly; Secure; SameSite=Lax",
			"n=; Path=/; Expires=Thu, 01 Jan 1970 00:00:01 GMT; Max-Age=0; HttpOnly; Secure; SameSite=Lax",
		},
		{
			"never-above-400-days",
			session.Cookie{Name: "n", Secure: true, MaxAge: 1000 * day},
			"n=v; Path=/; Max-Age=34560000; HttpOnly; Secure; SameSite=Lax",
			"n=; Path=/; Expires=Thu, 01 Jan 1970 00:00:01 GMT; Max-Age=0; HttpOnly; Secure; SameSite=Lax",
		},
		{
			"cross-site",
			session.Cookie{Name: "__Host-n", Secure: true, CrossSite: true},
			"__Host-n=v; Path=/; HttpOnly; Secure; SameSite=None",
			"__Host-n=; Path=/; Expires=Thu, 01 Jan 1970 00:00:01 GMT; Max-Age=0; HttpOnly; Secure; SameSite=None",
		},
		{
			"partitioned",
			session.Cookie{Name: "__Host-n", Secure: true, CrossSite: true, Partitioned: true},
			"__Host-n=v; Path=/; HttpOnly; Secure; SameSite=None; Partitioned",
			"__Host-n=; Path=/; Expires=Thu, 01 Jan 1970 00:00:01 GMT; Max-Age=0; HttpOnly; Secure; SameSite=None; Partitioned",
		},
		{
			"below-a-second",
			session.Cookie{Name: "n", Secure: true, MaxAge: time.Millisecond},
			"n=v; Path=/; Max-Age=1; HttpOnly; Secure; SameSite=Lax",
			"n=; Path=/; Expires=Thu, 01 Jan 1970 00:00:01 GMT; Max-Age=0; HttpOnly; Secure; SameSite=Lax",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := test.cookie.Set("v").String(); got != test.set {
				t.Errorf("Set:\ngot  %s\nwant %s", got, test.set)
			}
			if got := test.cookie.Clear().String(); got != test.clear {
				t.Errorf("Clear:\ngot  %s\nwant %s", got, test.clear)
			}
		})
	}
}

func TestValues(t *testing.T) {
	tests := []struct {
		name  string
		lines []string
		want  []string
	}{
		{"none", nil, nil},
		{"empty-line", []string{""}, nil},
		{"one", []string{"a=1"}, []string{"1"}},
		{"among-others", []string{"b=2; a=1; c=3"}, []string{"1"}},
		{"several-in-order", []string{"a=1; b=2; a=3", "a=4"}, []string{"1", "3", "4"}},
		{"without-spaces", []string{"b=2;a=1;c=3"}, []string{"1"}},
		{"with-blanks", []string{"b=2 ; \t a = 1 \t; c=3"}, []string{"1"}},
		{"by-case", []string{"A=1; a=2"}, []string{"2"}},
		{"longer-names", []string{"aa=1; xa=2; a-=3; a=4"}, []string{"4"}},
		{"name-in-a-value", []string{"b=a=1; c=; a=1"}, []string{"1"}},
		{"equals-in-the-value", []string{"a=b=c=="}, []string{"b=c=="}},
		{"quotes-stay", []string{`a="1"`}, []string{`"1"`}},
		{"empty-value", []string{"a="}, []string{""}},
		{"without-equals", []string{"a; a"}, nil},
		{"nameless", []string{"=a; =a=1"}, nil},
		{"separators-alone", []string{";;; ; ;=;"}, nil},
		{"version-is-a-cookie-too", []string{`$Version=1; a=1; $Path="/"`}, []string{"1"}},
		{"comma-does-not-separate", []string{"a=1, a=2"}, []string{"1, a=2"}},
		{"control-and-wide-bytes", []string{"b=\x00\xff; a=\x7fä"}, []string{"\x7fä"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := slices.Collect(session.Values(test.lines, "a"))
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("values (-want +got):\n%s", diff)
			}
		})
	}
}

func TestValuesStops(t *testing.T) {
	n := 0
	for range session.Values([]string{"a=1; a=2", "a=3"}, "a") {
		if n++; n == 2 {
			break
		}
	}
	if n != 2 {
		t.Errorf("%d values after a break at the second", n)
	}
}

func TestValuesAllocatesNothing(t *testing.T) {
	header := http.Header{"Cookie": {strings.Repeat("other=value; ", 20) + "a=1; a=2"}}
	n := 0
	allocs := testing.AllocsPerRun(100, func() {
		for v := range session.Values(header["Cookie"], "a") {
			n += len(v)
		}
	})
	if allocs != 0 || n == 0 {
		t.Errorf("%v allocations, %d bytes seen; want none and some", allocs, n)
	}
}

// FuzzValues puts a cookie into noise. Whatever stands around it, it is found,
// in its place, and the noise reads as it does by itself.
func FuzzValues(f *testing.F) {
	f.Add("a=1; b=2", "1", "a=3")
	f.Add(`a="1"; $Version=1; a`, "", ";;; = ;a")
	f.Add("a=\x00; A=1", "b=c==", "a =1;a= 1")
	f.Fuzz(func(t *testing.T, before, value, after string) {
		value = strings.Trim(strings.ReplaceAll(value, ";", ""), " \t")
		want := slices.Collect(session.Values([]string{before}, "a"))
		want = append(want, value)
		want = slices.AppendSeq(want, session.Values([]string{after}, "a"))
		for _, lines := range [][]string{
			{before + "; a=" + value + "; " + after},
			{before + ";a=" + value + ";" + after},
			{before, "a=" + value, after},
		} {
			if diff := cmp.Diff(want, slices.Collect(session.Values(lines, "a"))); diff != "" {
				t.Errorf("in %q (-want +got):\n%s", lines, diff)
			}
		}
		for _, v := range want {
			if strings.Contains(v, ";") || v != strings.Trim(v, " \t") {
				t.Errorf("value %q", v)
			}
		}
	})
}
