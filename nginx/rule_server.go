package nginx

// Rules for a server as a whole: what nginx lets through to it, and whether all
// of it asks the same outpost.

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
)

// serverRules holds a server that asks somebody to them.
func (t *site) serverRules() {
	for _, check := range t.checks {
		if check != nil {
			t.checkRules(check)
		}
	}
	t.all(func(s *scope) {
		if t.isOutpost(s) {
			t.hostRule(s)
		}
	})
	if !t.asks {
		return
	}
	if d, on := t.is("underscores_in_headers", "on"); on {
		t.report("header-aliases", d, nil,
			"X_authentik_username reaches applications that read it as X-authentik-username, and nothing removes it; the outpost refuses such requests: leave underscores_in_headers off")
	}
	if d, off := t.is("ignore_invalid_headers", "off"); off {
		t.report("header-aliases", d, nil,
			"headers with odd names reach applications that may read them as others, and nothing removes them; the outpost refuses such requests: leave ignore_invalid_headers on")
	}
	if d, off := t.is("merge_slashes", "off"); off {
		t.report("slashes-kept", d, nil,
			"//admin does not begin with /admin here, so it goes to another location than /admin and may be open: leave merge_slashes on")
	}
	t.oneOutpost()
	t.all(func(s *scope) {
		if s.pattern != nil && s.pattern.re == nil {
			t.report("pattern-unknown", s.at, s, fmt.Sprintf(
				"the pattern of location %s cannot be evaluated here, so it is not known what it takes from the others, nor what an open one behind it takes: write it without look-around, or see by hand", s.spelled()))
		}
	})
}

// oneOutpost finds a server that asks here one and there another.
func (t *site) oneOutpost() {
	first := ""
	t.everywhere(func(s *scope) {
		own := s.own("auth_request")
		if len(own) > 1 {
			t.report("two-outposts", own[1], s, fmt.Sprintf(
				"two auth_request lines (the other is %s:%d): nginx takes only one; include the files of one outpost", own[0].File, own[0].Line))
		}
		uri := asksAt(s)
		if uri == "" || own == nil {
			return
		}
		if first == "" {
			first = uri
		}
		if uri != first {
			t.report("two-outposts", own[0], s, fmt.Sprintf(
				"this location asks %s, while another of this server asks %s: who is signed in there is not here; include the files of one outpost", uri, first))
		}
	})
	for _, uri := range slices.Sorted(maps.Keys(t.checks)) {
		check := t.checks[uri]
		if check == nil || upstream(check) == "" {
			continue
		}
		t.all(func(s *scope) {
			to := upstream(s)
			if s.pattern == nil && s.modifier != "@" && to != "" && to != upstream(check) &&
				(s.name == root(uri) || strings.HasPrefix(s.name, root(uri)+"/")) {
				t.report("two-outposts", s.handler(), s, fmt.Sprintf(
					"people sign in at %s, while the check asks %s: neither knows the other's sessions; name the same one in both", to, upstream(check)))
			}
		})
	}
}

// firstVersion is the date before which there was no file of ours.
const firstVersion = "2026/11/01"

// staleFiles finds files of ours that are older than this program's.
func (t *tree) staleFiles(report func(file, text string)) {
	for _, file := range slices.Sorted(maps.Keys(t.versions)) {
		name := strings.TrimSuffix(path.Base(file), ".sample")
		had := t.versions[file]
		ours, err := Files.ReadFile(name)
		if err != nil {
			if strings.HasPrefix(name, "outpost-") && had.rest == "" && had.date >= firstVersion && had.date < Needed {
				report(file, fmt.Sprintf("version %s of %s; this program needs %s: print it anew with outpost nginx", had.date, name, Needed))
			}
			continue
		}
		now := versionLine.FindStringSubmatch(string(ours))
		// Files of the same names that are not ours: SWAG's say where their changes
		// are listed, and people wrote some by hand before there were any.
		if now == nil || had.rest != "" || had.date < firstVersion || had.date >= now[1] {
			continue
		}
		report(file, fmt.Sprintf("version %s of %s; this program brings %s: take it over, and your changes with it", had.date, name, now[1]))
	}
}
