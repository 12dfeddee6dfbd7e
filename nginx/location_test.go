package nginx

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
)

func TestChoose(t *testing.T) {
	tests := []struct{ name, conf, path, want string }{
		{"longest-prefix", `location / {} location /a {} location /a/b {}`, "/a/bc", "/a/b"},
		{"exact-before-all", `location ~ a {} location = /a {} location /a {}`, "/a", "= /a"},
		{"exact-is-exact", `location = /a {} location / {}`, "/a/", "/"},
		{"first-pattern", `location / {} location ~ b {} location ~ a {}`, "/ab", "~ b"},
		{"pattern-before-prefix", `location /a/b {} location ~ a {}`, "/a/b", "~ a"},
		{"caret-stops-patterns", `location ^~ /a {} location ~ a {}`, "/a/b", "^~ /a"},
		{"only-the-longest-caret-counts", `location ^~ /a {} location /a/b {} location ~ b {}`, "/a/b", "~ b"},
		{"case", `location /a {} location ~ A {} location ~* A {}`, "/a", "~* A"},
		{"nested-prefix", `location / { location /a {} }`, "/a", "/a"},
		{"nested-pattern", `location /a { location ~ b {} } location ~ a {}`, "/ab", "~ b"},
		{"outer-pattern-before-inner-caret", `location / { location ^~ /a {} } location ~ a {}`, "/a", "~ a"},
		{"outer-caret-keeps-inner-prefix", `location ^~ / { location /a {} } location ~ a {}`, "/a", "/a"},
		{"inside-a-pattern", `location ~ a { location ~ b {} }`, "/ab", "~ b"},
		{"none", `location /a {}`, "/b", ""},
		{"glued", `location ~a {} location =/b {} location ^~/c {}`, "/b", "= /b"},
		{"redirect", `location / {} location /a/ { proxy_pass http://x; }`, "/a", "/a/ redirect"},
		{"redirect-before-pattern", `location ~ a {} location /a/ { proxy_pass http://x; }`, "/a", "/a/ redirect"},
		{"no-redirect-from-files", `location / {} location /a/ {}`, "/a", "/"},
		{"no-redirect-past-itself", `location /a {} location /a/ { proxy_pass http://x; }`, "/a", "/a"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := spelledChoice(oneServer(t, "server {"+test.conf+"}").choose(test.path, nil))
			if got != test.want {
				t.Errorf("%s: got %q, want %q", test.path, got, test.want)
			}
		})
	}
}

func spelledChoice(c choice) string {
	switch {
	case c.location == nil:
		return ""
	case c.redirect:
		return c.location.spelled() + " redirect"
	}
	return c.location.spelled()
}

func oneServer(t *testing.T, conf string) *server {
	t.Helper()
	list, err := parse("test.conf", conf)
	if err != nil {
		t.Fatal(err)
	}
	_, found := servers(list)
	if len(found) != 1 {
		t.Fatalf("%d servers in %s", len(found), conf)
	}
	return found[0]
}

// Random servers, random paths: nginx and we choose the same location.
func TestChooseAsNginxDoes(t *testing.T) {
	const count, paths = 150, 24
	random := rand.New(rand.NewPCG(1, 2))
	var all strings.Builder
	var texts []string
	for i := range count {
		g := &generator{random: random}
		text := fmt.Sprintf("server { listen unix:DIR/s; server_name s%d; add_header X-Location none always;\n%s}\n", i, g.locations("", 0))
		texts = append(texts, text)
		all.WriteString(text)
	}
	client := startNginx(t, all.String()).client("s")
	seen := map[string]int{}
	for i, text := range texts {
		s := oneServer(t, text)
		for range paths {
			path := "/" + word(random, 5)
			request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://x"+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			request.Host = fmt.Sprintf("s%d", i)
			response, err := client.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			response.Body.Close()
			want, c := response.Header.Get("X-Location"), s.choose(path, nil)
			got := "none"
			if c.location != nil {
				got = c.location.last("add_header").arg(1)
				seen[c.location.modifier]++
			}
			if c.redirect {
				seen["redirect"]++
			}
			if got != want || c.redirect != (response.StatusCode == http.StatusMovedPermanently) || c.unsure {
				t.Fatalf("%s: nginx takes %s with status %d, we %s, redirect: %v, in\n%s", path, want, response.StatusCode, got, c.redirect, text)
			}
		}
	}
	for _, kind := range []string{"", "=", "^~", "~", "~*", "redirect"} {
		if seen[kind] < 20 {
			t.Errorf("locations of the kind %q were chosen %d times: this test saw too little", kind, seen[kind])
		}
	}
}

// generator writes locations that may stand in one server.
type generator struct {
	random *rand.Rand
	id     int
}

func word(random *rand.Rand, most int) string {
	var b strings.Builder
	last := byte('/') // nginx merges slashes before it chooses
	for range random.IntN(most + 1) {
		c := "abB/"[random.IntN(4)]
		if c == '/' && last == '/' {
			continue
		}
		b.WriteByte(c)
		last = c
	}
	return b.String()
}

// locations are some inside the one called `inside`.
func (g *generator) locations(inside string, depth int) string {
	var b strings.Builder
	taken := map[string]bool{}
	for range 1 + g.random.IntN(6-2*depth) {
		modifier := []string{"", "", "=", "^~", "~", "~*"}[g.random.IntN(6)]
		name := inside
		if name == "" {
			name = "/"
		}
		name += word(g.random, 3)
		if g.random.IntN(3) == 0 {
			name += "/"
		}
		name = strings.ReplaceAll(name, "//", "/")
		kind := modifier
		if modifier == "~" || modifier == "~*" {
			name = []string{"a", "b$", "^/a", "^/b/", "[ab]/b", "B", "/(a|b)+"}[g.random.IntN(7)]
		} else if kind == "^~" {
			kind = "" // "/a" and "^~ /a" are one location to nginx
		}
		if taken[kind+name] {
			continue
		}
		taken[kind+name] = true
		g.id++
		fmt.Fprintf(&b, "location %s %s { add_header X-Location %d always;", modifier, name, g.id)
		if g.random.IntN(3) == 0 {
			b.WriteString(" proxy_pass http://unix:DIR/nothing;")
		} else {
			b.WriteString(" return 204;")
		}
		if depth < 2 && kind == "" && modifier != "~" && g.random.IntN(3) == 0 {
			b.WriteString("\n" + g.locations(name, depth+1))
		}
		b.WriteString(" }\n")
	}
	return b.String()
}
