package config

// The schema for editors is made here of what the reader notes of each key while it
// reads files that have all of them, and of the comments in config.example.yaml.
// OUTPOST_WRITE_SCHEMA=1 go test -run TestSchema ./config writes it.

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

// TestSchema holds schema.json to the reader.
func TestSchema(t *testing.T) {
	all := &shapes{by: map[string]*shape{}}
	says := map[string]string{}
	texts := [][]byte{[]byte("providers: [{ name: a, extra: { a: b } }]\ntokens: [{ rules: [{ allow: true }] }]\n")}
	for _, pattern := range []string{"../config.example.yaml", "testdata/*.yaml"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatal(pattern, err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, ".bad.yaml") {
				continue
			}
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			texts = append(texts, text)
			if strings.Contains(pattern, "example") {
				comments(t, text, says)
			}
		}
	}
	homes := map[string][]string{}
	for _, text := range texts {
		r := &reader{
			file: "x", env: func(string) (string, bool) { return "x", true }, files: Files{}, used: map[string]bool{}, sources: map[string][]string{},
			places: map[string]place{}, homes: homes, shapes: all,
		}
		if root := r.parse(text); root != nil {
			r.config(root)
		}
	}
	for key, sections := range homes {
		for _, section := range sections {
			if s := all.at(join(section, key)); !s.single && !s.list && !s.group && !s.groups {
				t.Errorf("%s: nothing is known of it", join(section, key))
			}
		}
	}
	all.by["provider.name"].required = false // where it stands alone; among several it is missed by the reader
	condition := ""
	for path := range all.by {
		if strings.HasSuffix(path, ".allow") && (condition == "" || path < condition) {
			condition = path
		}
	}
	person := all.keys(condition, says)
	person["properties"].(map[string]any)["not"] = map[string]any{"anyOf": []any{map[string]any{"$ref": "#/$defs/condition"}, map[string]any{"type": "null"}}} // is at the path of all conditions
	schema := all.keys("", says)
	schema["$schema"], schema["title"] = "https://json-schema.org/draft/2020-12/schema", "configuration of outpost"
	schema["$defs"] = map[string]any{
		"condition": person,
		"text":      map[string]any{"type": []string{"string", "number", "boolean"}}, // a name may look like a number
		"filled":    map[string]any{"type": "string", "pattern": `\$\{`},             // in from elsewhere
	}
	schema["required"] = []string{"applications"}
	schema["oneOf"] = []any{map[string]any{"required": []string{"provider"}}, map[string]any{"required": []string{"providers"}}}
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", " ")
	if err := encoder.Encode(schema); err != nil {
		t.Fatal(err)
	}
	if os.Getenv("OUTPOST_WRITE_SCHEMA") != "" {
		if err := os.WriteFile("schema.json", b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if !bytes.Equal(b.Bytes(), Schema()) {
		t.Error("schema.json is not what the keys are: write it anew, with OUTPOST_WRITE_SCHEMA=1 go test -run TestSchema ./config")
	}
}

// comments are what the example says of its keys, by path.
func comments(t *testing.T, text []byte, says map[string]string) {
	t.Helper()
	var document yaml.Node
	if err := yaml.Unmarshal(text, &document); err != nil {
		t.Fatal(err)
	}
	var walk func(n *yaml.Node, path string)
	walk = func(n *yaml.Node, path string) {
		switch n.Kind {
		case yaml.SequenceNode:
			for _, entry := range n.Content {
				walk(entry, path+"[]")
			}
		case yaml.MappingNode:
			for i := 0; i+1 < len(n.Content); i += 2 {
				key, value := n.Content[i], n.Content[i+1]
				at := nested.ReplaceAllString(join(path, key.Value), "${1}allow")
				if text := strings.TrimSpace(strings.ReplaceAll(strings.TrimPrefix(key.LineComment+value.LineComment, "# "), "\n# ", " ")); text != "" && says[at] == "" {
					says[at] = text
				}
				walk(value, at)
			}
		}
	}
	walk(document.Content[0], "")
}

// schema is the JSON Schema of what stands at a path (draft 2020-12); says has, by
// path, what the example's comments say of it.
func (all *shapes) schema(path string, says map[string]string) map[string]any {
	s := all.by[path]
	var ways []any
	single := func() map[string]any {
		switch {
		case s.words != nil:
			return map[string]any{"anyOf": []any{map[string]any{"enum": s.words}, map[string]any{"$ref": "#/$defs/filled"}}}
		case s.kind == "string":
			return map[string]any{"$ref": "#/$defs/text"}
		}
		return map[string]any{"anyOf": []any{map[string]any{"type": s.kind}, map[string]any{"$ref": "#/$defs/filled"}}}
	}
	if s.single {
		ways = append(ways, single())
	}
	if s.list {
		ways = append(ways, map[string]any{"type": "array", "items": single(), "minItems": 1})
	}
	if s.groups {
		ways = append(ways, map[string]any{"type": "array", "items": all.named(path+"[]", says), "minItems": 1})
	}
	if s.group {
		ways = append(ways, all.named(path, says))
	}
	if !s.required && path != "" {
		ways = append(ways, map[string]any{"type": "null"})
	}
	schema := map[string]any{"anyOf": ways}
	if len(ways) == 1 {
		schema = ways[0].(map[string]any)
	}
	if text := says[path]; text != "" {
		described := map[string]any{"description": text}
		for key, value := range schema {
			described[key] = value
		}
		return described
	}
	return schema
}

// named is the group at a path; conditions have one definition for all of them.
func (all *shapes) named(path string, says map[string]string) map[string]any {
	if canonical := nested.ReplaceAllString(path, "${1}allow"); canonical == "allow" || strings.HasSuffix(canonical, ".allow") {
		return map[string]any{"$ref": "#/$defs/condition"}
	}
	return all.keys(path, says)
}

// keys is a group with its keys.
func (all *shapes) keys(path string, says map[string]string) map[string]any {
	schema := map[string]any{"type": "object"}
	properties := map[string]any{}
	var required []string
	prefix := path + "."
	if path == "" {
		prefix = ""
	}
	for child, s := range all.by {
		key, below := strings.CutPrefix(child, prefix)
		if !below || key == "" || strings.Contains(key, ".") || strings.HasSuffix(key, "[]") {
			continue
		}
		properties[key] = all.schema(child, says)
		if s.required {
			required = append(required, key)
		}
	}
	if own, free := properties["*"]; free {
		schema["additionalProperties"], schema["minProperties"] = own, 1
		return schema
	}
	schema["properties"], schema["additionalProperties"] = properties, false
	if len(required) > 0 {
		schema["required"] = slices.Sorted(slices.Values(required))
	}
	return schema
}
