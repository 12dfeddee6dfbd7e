package doctor

// nginx's files, as package nginx reads them, and the resolver, which nginx
// refuses to start with if it is written as /etc/resolv.conf has it.

import (
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"outpost/nginx"
)

// harmless are findings that let nobody in and keep nobody out.
var harmless = []string{"stale-file", "pattern-unknown", "check-passes-body", "slashes-kept", "identity-not-overwritten", "application-errors-intercepted"}

func (c *chart) files() {
	if c.Nginx == "" {
		return
	}
	defer func(before string) { c.group = before }(c.group)
	c.group = groupNginx
	report, err := nginx.Lint(c.Nginx, nginx.Options{Root: c.Root})
	if err != nil {
		c.wrong("lint", err.Error(), "name nginx's folder with --nginx, and let this user read it")
		return
	}
	for _, row := range report.Rows {
		if row.Rule == "" {
			continue
		}
		status := Wrong
		if slices.Contains(harmless, row.Rule) {
			status = Warning
		}
		what, do := row.Finding, row.Finding
		if at := strings.LastIndex(row.Finding, ": "); at >= 0 {
			what, do = row.Finding[:at], row.Finding[at+2:]
		}
		where := fmt.Sprintf("%s:%d", row.File, row.Line)
		c.add("lint", status, fmt.Sprintf("%s [%s] in %s %s", what, row.Rule, row.Server, row.Location), where+": "+do)
	}
	for _, u := range report.Unread {
		c.warn("lint", fmt.Sprintf("could not be read, so nothing around it counts as protected: %s", u), "let this user read it")
	}
	if report.Findings() == 0 && len(report.Unread) == 0 {
		c.ok("lint", fmt.Sprintf("%s: no finding (outpost lint lists every location)", c.Nginx))
	}
	c.resolvers()
}

var resolverLine = regexp.MustCompile(`(?m)^[ \t]*resolver[ \t]+([^;#]+);`)

func (c *chart) resolvers() {
	seen, bad := 0, 0
	err := filepath.WalkDir(c.Nginx, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".conf") {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return nil // lint has said so
		}
		for _, found := range resolverLine.FindAllStringSubmatchIndex(string(text), -1) {
			seen++
			line := 1 + strings.Count(string(text[:found[2]]), "\n")
			for _, word := range strings.Fields(string(text[found[2]:found[3]])) {
				if fixed := resolverFix(word); fixed != word {
					bad++
					c.wrong("resolver", fmt.Sprintf("nginx does not start with resolver %s: it takes the last part of an IPv6 address for a port", word),
						fmt.Sprintf("%s:%d: write resolver %s in its place", path, line, fixed))
				}
			}
		}
		return nil
	})
	if err == nil && seen > 0 && bad == 0 {
		c.ok("resolver", fmt.Sprintf("resolver lines that nginx can read: %d", seen))
	}
}

// resolverFix is a word of a resolver line as nginx reads it: an IPv6 address in
// brackets and without a zone, or the word itself.
func resolverFix(word string) string {
	a, err := netip.ParseAddr(word)
	if err != nil || !a.Is6() {
		return word
	}
	if a.Zone() != "" {
		return "127.0.0.11 (Docker's own; nginx knows no address with a zone)"
	}
	return "[" + a.String() + "]"
}
