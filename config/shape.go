package config

// shape.go notes what the file's keys may hold while they are read: that is what the
// JSON Schema for editors is made of, so that it knows each key as the reader does.

import (
	"log/slog"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"
)

// shapes are by path, with [] for every entry of a list, * for a key that is the
// operator's own, and one path for conditions within conditions.
type shapes struct {
	by  map[string]*shape
	own []ownKey
}

// ownKey is a key that is the operator's own.
type ownKey struct{ section, key string }

// shape is what may stand at a path. Several may be true.
type shape struct {
	single, list  bool // a value, or a list of such values
	group, groups bool // keys, or a list of groups of keys
	free          bool // of a group: its keys are the operator's own
	required      bool
	kind          string   // of values: string, boolean, integer or number
	words         []string // all there are; nil for any
}

var nested = regexp.MustCompile(`(^|\.)(allow|not)((\.(any|all)\[\])|\.not)+`)

// at returns what is noted for a path.
func (all *shapes) at(path string) *shape {
	path = index.ReplaceAllString(path, "[]")
	for _, own := range slices.Backward(all.own) { // the innermost first
		if rest, ok := strings.CutPrefix(path, join(own.section, own.key)); ok && (rest == "" || rest[0] == '.') {
			path = own.section + ".*" + rest
		}
	}
	path = nested.ReplaceAllString(path, "${1}allow")
	if all.by[path] == nil {
		all.by[path] = &shape{}
	}
	return all.by[path]
}

// holds notes that the key holds values that a rule judges.
func holds[T any](s *section, key string, rule func(string) (T, *violation), note func(*shape)) {
	if s.r.shapes == nil {
		return
	}
	at := s.r.shapes.at(join(s.path, key))
	note(at)
	if at.kind == "" {
		at.kind = kindOf[T]()
	}
	if _, broken := rule("\x00"); broken != nil {
		at.words = broken.words
	}
}

// kindOf is the JSON type of a value as the file spells it.
func kindOf[T any]() string {
	var v T
	switch any(v).(type) {
	case time.Duration, slog.Level:
		return "string"
	}
	switch k := reflect.TypeFor[T]().Kind(); k {
	case reflect.Bool:
		return "boolean"
	case reflect.Int, reflect.Int64:
		return "integer"
	case reflect.Float64:
		return "number"
	}
	return "string"
}

// shaped notes that a path holds something besides values.
func (r *reader) shaped(path string, note func(*shape)) {
	if r.shapes != nil {
		note(r.shapes.at(path))
	}
}

// owned notes that a key of a section is the operator's own.
func (r *reader) owned(section, key string) {
	if r.shapes != nil {
		r.shapes.at(section).free = true
		r.shapes.own = append(r.shapes.own, ownKey{index.ReplaceAllString(section, "[]"), key})
	}
}
