package config

import (
	"strings"
	"testing"
)

func TestParseForeign(t *testing.T) {
	all, err := ParseForeign([]byte(`a: &x { b: [1, two] }
c: *x
d:
  <<: *x
  e: !Find [model, [name, "n"]]
  f: ~
g: "~"
---
second: 1
`))
	if err != nil || len(all) != 2 {
		t.Fatal(err, len(all))
	}
	n := all[0]
	if got := n.Get("c", "b"); !got.IsList() || got.Items[1].Text != "two" || got.Line != 1 {
		t.Errorf("an alias is %+v", got)
	}
	if got := n.Get("d", "b"); !got.IsList() {
		t.Errorf("a merge is %+v", got)
	}
	if got := n.Get("d", "e"); got.Tag != "!Find" || got.Items[1].Items[1].Text != "n" || got.Line != 5 {
		t.Errorf("a tag is %+v", got)
	}
	if got := n.Get("d", "f"); got == nil || !got.Null {
		t.Errorf("null is %+v", got)
	}
	if got := n.Get("g"); got.Null || got.Text != "~" {
		t.Errorf("a quoted ~ is %+v", got)
	}
	if n.Get("d", "none", "at", "all") != nil || n.Get("g", "below") != nil {
		t.Error("what is not there is there")
	}
	if strings.Join(n.Keys, " ") != "a c d g" || all[1].Get("second").Text != "1" {
		t.Errorf("keys: %q", n.Keys)
	}
}

func TestParseForeignRefuses(t *testing.T) {
	var bomb strings.Builder
	bomb.WriteString("a0: &a0 [x]\n")
	for i := range 20 {
		bomb.WriteString("a" + string(rune('b'+i)) + ": &a" + string(rune('b'+i)) + " [*a" + string(rune('a'+i)) + ", *a" + string(rune('a'+i)) + ", *a" + string(rune('a'+i)) + "]\n")
	}
	for name, text := range map[string]string{
		"no-yaml": "secret: [s3cr3t\n", "tab": "a:\n\t- s3cr3t", "alias": "password: *s3cr3t\n",
		"bomb": strings.Replace(bomb.String(), "a0: &a0", "aa: &aa", 1), "cycle": "a: &a [*a]\n", "deep": strings.Repeat("[", 100) + strings.Repeat("]", 100),
	} {
		if all, err := ParseForeign([]byte(text)); err == nil {
			t.Errorf("%s: read as %d documents", name, len(all))
		} else if strings.Contains(err.Error(), "s3cr3t") {
			t.Errorf("%s: the error quotes the text: %v", name, err)
		}
	}
	if all, err := ParseForeign(nil); err != nil || all != nil {
		t.Errorf("nothing is %v, %v", all, err)
	}
}
