package provider

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

func TestCheckJSON(t *testing.T) {
	nested := func(depth int) string { return strings.Repeat("[", depth) + strings.Repeat("]", depth) }
	for _, tt := range []struct {
		name, doc string
		want      bool
	}{
		{"object", `{"a":1,"b":[{"a":null},{"a":"x"}]}`, true},
		{"name-in-another-case", `{"a":1,"A":2}`, true},
		{"same-name-in-two-objects", `{"a":{"x":1},"b":{"x":1}}`, true},
		{"text-alone", `"x"`, true},
		{"number-beyond-all", `[1e999]`, true},
		{"white-space-around", " \n{} \n", true},
		{"as-deep-as-may-be", nested(maxDepth), true},
		{"name-twice", `{"a":1,"a":1}`, false},
		{"name-twice-by-an-escape", `{"a":1,"\u0061":1}`, false},
		{"name-twice-further-in", `[{"b":{"a":1,"a":1}}]`, false},
		{"empty-name-twice", `{"":1,"":1}`, false},
		{"deeper", nested(maxDepth + 1), false},
		{"not-utf-8", "\"\xff\"", false},
		{"byte-order-mark", "\ufeff{}", false},
		{"something-follows", `{}{}`, false},
		{"garbage-follows", `{}x`, false},
		{"empty", "", false},
		{"cut-off", `{"a":`, false},
		{"cut-off-in-a-list", `[1,`, false},
		{"comma-too-many", `[1,]`, false},
		{"name-is-a-number", `{1:2}`, false},
		{"not-json", `<html>`, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if err := checkJSON([]byte(tt.doc)); (err == nil) != tt.want || err != nil && !errors.Is(err, errJSON) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// What passes is JSON, and no reader loses a member of it.
func FuzzCheckJSON(f *testing.F) {
	f.Add(`{"a":1,"a":2}`)
	f.Add(`[{"a":[]},"\ud800",1e999]`)
	f.Fuzz(func(t *testing.T, doc string) {
		if checkJSON([]byte(doc)) != nil {
			return
		}
		if !json.Valid([]byte(doc)) {
			t.Fatalf("%q passes", doc)
		}
		// The names of an object, counted as they stand and as they are read.
		var members map[string]json.RawMessage
		if json.Unmarshal([]byte(doc), &members) != nil {
			return
		}
		d, names := json.NewDecoder(strings.NewReader(doc)), 0
		for d.Token(); d.More(); names++ {
			d.Token()
			var value json.RawMessage
			if err := d.Decode(&value); err != nil {
				return // null, not an object
			}
		}
		if names != len(members) {
			t.Errorf("%q has %d members and is read as %d", doc, names, len(members))
		}
	})
}
