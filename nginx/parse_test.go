package nginx

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestParse(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"words", "a b c;", "1[a b c]"},
		{"quotes", `a "b c" 'd "e';`, `1[a|b c|d "e]`},
		{"empty-word", `set $x "";`, "1[set $x ]"},
		{"escapes", `a "\"\n\.\\" \.\d;`, "1[a|\"\n\\.\\|\\.\\d]"},
		{"escaped-ends", `a b\;c\ d;`, `1[a|b\;c\ d]`},
		{"comment", "# a;\na # b;\nb;", "2[a b]"},
		{"hash-in-a-word", "a b#c;", "1[a b#c]"},
		{"braces-of-a-variable", "a ${b}c;", "1[a ${b}c]"},
		{"brace-ends-a-word", "a b{c;}", "1[a b]{1[c]}"},
		{"closing-brace-in-a-word", "a b}c;", "1[a b}c]"},
		{"after-a-quote", `if ("a" = 'b'){c;}`, "1[if|(\"a\"|=|b|)]{1[c]}"},
		{"lines", "a {\n b;\n\n c\n d;\n}", "1[a]{2[b]4[c d]}"},
		{"backtick-is-no-quote", "a `b;", "1[a `b]"},
		{"lua", "a_by_lua_block { x = \"}\" -- }\n y = {} } b;", "1[a_by_lua_block]{}2[b]"},
		{"nothing", " # a", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			list, err := parse("x", test.text)
			if err != nil {
				t.Fatal(err)
			}
			if got := spelledTree(list); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func spelledTree(list []*Directive) string {
	var b strings.Builder
	for _, d := range list {
		words, glue := append([]string{d.Name}, d.Args...), " "
		if strings.ContainsAny(strings.Join(words, ""), " \n(") {
			glue = "|"
		}
		fmt.Fprintf(&b, "%d[%s]", d.Line, strings.Join(words, glue))
		if d.Braced {
			b.WriteString("{" + spelledTree(d.Block) + "}")
		}
	}
	return b.String()
}

func TestParseErrors(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"no-semicolon", "a b", `x:1: unexpected end of file, expecting ";" or "}"`},
		{"no-brace", "a {\nb;\n", `x:3: unexpected end of file, expecting "}"`},
		{"one-brace-too-many", "a;\n}", `x:2: unexpected "}"`},
		{"statement-without-end", "a {\n b }", `x:2: unexpected "}", expecting ";"`},
		{"no-name", ";", `x:1: unexpected ";"`},
		{"open-quote", "a \"b;\nc;", `x:2: unexpected end of file, expecting "`},
		{"glued-quote", `a "b"c;`, `x:1: unexpected "c"`},
		{"lua", "a_by_lua_block {", `x:1: unexpected end of file, expecting "}" of a Lua block`},
		{"depth", strings.Repeat("a {", 100), "x:1: blocks stand in each other 65 times"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			list, err := parse("x", test.text)
			if err == nil || list != nil || err.Error() != test.want {
				t.Errorf("got %v, %v, want %s", list, err, test.want)
			}
		})
	}
}

// Words that we read are those that nginx reads: it answers with them.
func TestWordsAsNginxReadsThem(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	var all strings.Builder
	want := map[string]string{}
	for len(want) < 400 {
		text := fmt.Sprintf("location = /%d { return 200 %s; }\n", len(want), randomText(random))
		list, err := parse("x", text)
		if err != nil || len(list) != 1 || len(list[0].Block) != 1 || len(list[0].Block[0].Args) != 2 {
			continue // nginx's opinion of those is the next test's
		}
		want[fmt.Sprintf("/%d", len(want))] = list[0].Block[0].Args[1]
		all.WriteString(text)
	}
	client := startNginx(t, "server { listen unix:DIR/s;\n"+all.String()+"}").client("s")
	for path, want := range want {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://x"+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := client.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, string(got)); diff != "" {
			t.Errorf("we read the first, nginx the second:\n%s", diff)
		}
	}
}

func randomText(random *rand.Rand) string {
	var b strings.Builder
	for range 1 + random.IntN(7) {
		b.WriteString([]string{"a", "b", `\`, `"`, "'", "#", "}", "{", " ", "\n", "(", ")", "`", ";", "n"}[random.IntN(15)])
	}
	return b.String()
}

// What nginx refuses we refuse, and the other way round.
func TestRefusesWhatNginxRefuses(t *testing.T) {
	binary := findNginx(t)
	random := rand.New(rand.NewPCG(5, 6))
	dir := t.TempDir()
	accepted, refused := 0, 0
	for range 250 {
		// map takes any two words, so that grammar alone decides.
		text := "events {}\nhttp { map $uri $x { " + randomText(random) + " b; } }\n"
		list, ours := parse("x", text)
		if ours == nil && !pairs(list) {
			continue // the grammar is fine, and nginx would refuse it for its sense
		}
		conf := filepath.Join(dir, "nginx.conf")
		if err := os.WriteFile(conf, []byte("pid "+dir+"/pid;\n"+text), 0o600); err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
		said, theirs := exec.CommandContext(ctx, binary, "-t", "-p", dir, "-c", conf, "-e", dir+"/error.log").CombinedOutput()
		stop()
		if (theirs == nil) != (ours == nil) {
			t.Errorf("%q: nginx says %v %s, we %v", text, theirs, said, ours)
		}
		if theirs == nil {
			accepted++
		} else {
			refused++
		}
	}
	if accepted < 20 || refused < 20 {
		t.Errorf("%d accepted, %d refused: this test saw too little", accepted, refused)
	}
}

// pairs tells whether a map holds one pair of words, and nothing of its own
// sense, in the http block alone.
func pairs(list []*Directive) bool {
	if len(list) != 2 || len(list[1].Block) != 1 || list[1].Block[0].Name != "map" {
		return false
	}
	block := list[1].Block[0].Block
	return len(block) == 1 && !block[0].Braced && len(block[0].Args) == 1 && block[0].Name != ""
}
