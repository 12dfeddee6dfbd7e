package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// logged is a line that the code may write at info or above.
type logged struct {
	place, message string
	fields         []string // as far as they stand in the call itself
}

// logLines finds the calls of a logger in the code. Lines whose message is no
// literal speak for themselves: warnings of the configuration and the like.
func logLines(t *testing.T) []logged {
	t.Helper()
	var all []logged
	for _, folder := range []string{"cmd/outpost", "auth", "auth/provider", "session", "session/file", "session/memory", "session/redis", "access", "headers", "page", "config", "trace"} {
		paths, err := filepath.Glob(filepath.Join("../..", folder, "*.go"))
		if err != nil || len(paths) == 0 {
			t.Fatalf("there is no code in %s (%v)", folder, err)
		}
		for _, path := range paths {
			if strings.HasSuffix(path, "_test.go") {
				continue
			}
			files := token.NewFileSet()
			parsed, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(parsed, func(node ast.Node) bool {
				if line, ok := logLine(node); ok {
					line.place = files.Position(node.Pos()).String()
					all = append(all, line)
				}
				return true
			})
		}
	}
	if len(all) < 10 {
		t.Fatalf("only %d log lines were found: this test sees nothing", len(all))
	}
	return all
}

// messageAt is which argument is the message, by the logger's method.
var messageAt = map[string]int{"Info": 0, "Warn": 0, "Error": 0, "InfoContext": 1, "WarnContext": 1, "ErrorContext": 1, "Log": 2}

func logLine(node ast.Node) (logged, bool) {
	call, ok := node.(*ast.CallExpr)
	if !ok {
		return logged{}, false
	}
	method, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return logged{}, false
	}
	at, ok := messageAt[method.Sel.Name]
	if !ok || len(call.Args) <= at {
		return logged{}, false
	}
	message, ok := text(call.Args[at])
	if !ok {
		return logged{}, false
	}
	line := logged{message: message}
	for i := at + 1; i < len(call.Args); i += 2 {
		if field, ok := text(call.Args[i]); ok {
			line.fields = append(line.fields, field)
		}
	}
	return line, true
}

func text(e ast.Expr) (string, bool) {
	literal, ok := e.(*ast.BasicLit)
	if !ok || literal.Kind != token.STRING {
		return "", false
	}
	s, err := strconv.Unquote(literal.Value)
	return s, err == nil
}

// docs/log.md has a row for each log line, with its fields, and no row for
// another.
func TestLogPage(t *testing.T) {
	page, err := os.ReadFile("../../docs/log.md")
	if err != nil {
		t.Fatal(err)
	}
	fields := map[string]string{}
	for _, row := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\| (?:info|warn|error)[a-z, ]* \\| ([^|]*) \\|").FindAllStringSubmatch(string(page), -1) {
		fields[row[1]] = row[2]
	}
	lines := logLines(t)
	for _, line := range lines {
		row, ok := fields[line.message]
		if !ok {
			t.Errorf("%s: %q has no row in docs/log.md", line.place, line.message)
		}
		for _, field := range line.fields {
			if ok && !strings.Contains(row, "`"+field+"`") {
				t.Errorf("%s: the row of %q in docs/log.md lacks %s", line.place, line.message, field)
			}
		}
	}
	for message := range fields {
		if !slices.ContainsFunc(lines, func(l logged) bool { return l.message == message }) {
			t.Errorf("docs/log.md has a row for %q, which nothing writes", message)
		}
	}
}

// docs/operation.md is read from its beginning to its end.
func TestOperationPage(t *testing.T) {
	page, err := os.ReadFile("../../docs/operation.md")
	if err != nil {
		t.Fatal(err)
	}
	if lines := strings.Count(string(page), "\n"); lines >= 150 {
		t.Errorf("it has %d lines: who reads that?", lines)
	}
}
