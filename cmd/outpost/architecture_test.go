package main_test

// The plan of the house, as a test: imports point down, each third-party
// library has its owner, and names say something. A package that this file
// does not know fails it: say where it stands.

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// root is the repository's root, from this folder.
const root = "../.."

// floors are the packages from the top of the house to its bottom. A package
// imports what stands on the floors below its own, never its neighbours: so
// nobody but a test imports what stands on the first.
var floors = [][]string{
	{"cmd/outpost", "bench", "bench/floor", "session/storetest"},
	{"doctor", "migrate"},
	{"config", "auth", "front", "nginx", "trace"},
	{"auth/provider"},
	{"access", "headers", "page"},
	{"session/file", "session/memory", "session/redis"},
	{"session"},
}

// owners says which package may import a third-party library, by the import
// path or what it begins with. To change the library is to change that package
// alone. x/sync has two: each uses its singleflight for itself, auth for questions
// about a credential, auth/provider for metadata and keys. To lend that one type
// from the one to the other would take more than it has.
var owners = map[string][]string{
	"github.com/BurntSushi/toml":          {"migrate"},
	"github.com/a-h/templ":                {"page"},
	"github.com/coreos/go-oidc/v3":        {"auth/provider"},
	"github.com/coreos/go-systemd/v22":    {"cmd/outpost"},
	"github.com/go-jose/go-jose/v4":       {"auth/provider"},
	"github.com/google/go-cmp":            {"session/storetest"},
	"github.com/gorilla/securecookie":     {"session"},
	"github.com/prometheus/client_golang": {"cmd/outpost"},
	"github.com/redis/rueidis":            {"session/redis"},
	"go.etcd.io/bbolt":                    {"session/file"},
	"golang.org/x/net/publicsuffix":       {"config"},
	"golang.org/x/oauth2":                 {"auth/provider"},
	"golang.org/x/sync":                   {"auth", "auth/provider"},
	"golang.org/x/sys":                    {"front"},
	"golang.org/x/time/rate":              {"auth"},
	"gopkg.in/yaml.v3":                    {"config"},
}

// pkg is what the go command says of one package.
type pkg struct {
	ImportPath                         string
	Dir                                string
	Doc                                string
	Imports                            []string
	GoFiles, TestGoFiles, XTestGoFiles []string

	name string // the import path without the module's: "session/file"
}

func packages(t *testing.T) []pkg {
	t.Helper()
	command := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Dir,Doc,Imports,GoFiles,TestGoFiles,XTestGoFiles", "./...")
	command.Dir = root
	var stderr bytes.Buffer
	command.Stderr = &stderr
	output, err := command.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.String())
	}
	var list []pkg
	for decoder := json.NewDecoder(bytes.NewReader(output)); ; {
		var p pkg
		err := decoder.Decode(&p)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("reading what go list says: %v", err)
		}
		p.name = strings.TrimPrefix(p.ImportPath, "outpost/")
		list = append(list, p)
	}
	if len(list) == 0 {
		t.Fatal("go list found no package")
	}
	return list
}

func parse(t *testing.T, p pkg, file string) (*token.FileSet, *ast.File) {
	t.Helper()
	files := token.NewFileSet()
	parsed, err := parser.ParseFile(files, filepath.Join(p.Dir, file), nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	return files, parsed
}

func floorOf(name string) int {
	return slices.IndexFunc(floors, func(floor []string) bool { return slices.Contains(floor, name) })
}

func TestImportsPointDown(t *testing.T) {
	for _, p := range packages(t) {
		from := floorOf(p.name)
		if from < 0 {
			t.Errorf("%s: stands on no floor of this test", p.name)
			continue
		}
		for _, path := range p.Imports {
			name, own := strings.CutPrefix(path, "outpost/")
			if own && floorOf(name) <= from {
				t.Errorf("%s imports %s, which does not stand below it", p.name, name)
			}
		}
	}
}

func TestLibrariesHaveOneOwner(t *testing.T) {
	imported := make(map[string][]string)
	for _, p := range packages(t) {
		for _, path := range p.Imports {
			domain, _, _ := strings.Cut(path, "/")
			if !strings.Contains(domain, ".") {
				continue // the standard library, or ours
			}
			library := ""
			for prefix := range owners {
				if path == prefix || strings.HasPrefix(path, prefix+"/") {
					library = prefix
				}
			}
			switch {
			case library == "":
				t.Errorf("%s imports %s, which this test does not know", p.name, path)
			case !slices.Contains(owners[library], p.name):
				t.Errorf("%s imports %s, which belongs to %s", p.name, path, strings.Join(owners[library], " and "))
			}
			imported[library] = append(imported[library], p.name)
		}
	}
	for library, packages := range owners {
		for _, owner := range packages {
			if !slices.Contains(imported[library], owner) {
				t.Errorf("%s does not import %s: take it off this test's list", owner, library)
			}
		}
	}
}

// Below the top floor nobody asks the process: what a package needs to know,
// its caller passes.
func TestLibrariesTakePlainValues(t *testing.T) {
	process := []string{"Args", "Environ", "Exit", "ExpandEnv", "Getenv", "LookupEnv", "Stderr", "Stdin", "Stdout"}
	for _, p := range packages(t) {
		if floorOf(p.name) == 0 {
			continue
		}
		for _, path := range p.Imports {
			if path == "flag" || path == "os/signal" {
				t.Errorf("%s imports %s: let its caller pass what it needs", p.name, path)
			}
		}
		for _, file := range p.GoFiles {
			files, parsed := parse(t, p, file)
			ast.Inspect(parsed, func(node ast.Node) bool {
				selector, ok := node.(*ast.SelectorExpr)
				if !ok || !slices.Contains(process, selector.Sel.Name) {
					return true
				}
				if name, ok := selector.X.(*ast.Ident); ok && name.Name == "os" {
					t.Errorf("%s: os.%s: let the caller pass it", files.Position(selector.Pos()), selector.Sel.Name)
				}
				return true
			})
		}
	}
}

// Reflection over methods by name (text/template is how it usually gets in)
// makes the linker keep every method of every type: the binary doubles.
func TestLinkerDropsDeadMethods(t *testing.T) {
	command := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-ldflags=-dumpdep", "-o", os.DevNull, "./cmd/outpost")
	command.Dir = root
	command.Env = append(os.Environ(), "CGO_ENABLED=0")
	output, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("go build: %v\n%s", err, output[:min(len(output), 2000)])
	}
	lines := 0
	for line := range strings.Lines(string(output)) {
		lines++
		if line = strings.TrimSpace(line); strings.HasSuffix(line, "<ReflectMethod>") {
			t.Errorf("reflects over methods: %s", line)
		}
	}
	if lines < 1000 {
		t.Errorf("the linker listed %d dependencies, so this test saw nothing", lines)
	}
}

func TestPackagesHaveComments(t *testing.T) {
	for _, p := range packages(t) {
		if len(p.GoFiles) > 0 && p.Doc == "" {
			t.Errorf("%s: has no package comment", p.name)
		}
	}
}

func TestFilesAreNamedAfterNouns(t *testing.T) {
	saysNothing := regexp.MustCompile(`^(utils?|common|helpers?|types|misc|managers?)(_test)?(\.[a-z]+)?$`)
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := entry.Name()
		if entry.IsDir() && (name == "node_modules" || name == "build" || name == ".git") {
			return filepath.SkipDir
		}
		if saysNothing.MatchString(name) {
			t.Errorf("%s: a name that says nothing", path)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// A subtest called in lower case and hyphens can be typed after go test -run
// as it is printed.
func TestSubtestNames(t *testing.T) {
	seen := 0
	for _, p := range packages(t) {
		for _, file := range slices.Concat(p.TestGoFiles, p.XTestGoFiles) {
			files, parsed := parse(t, p, file)
			for _, literal := range subtestNames(parsed) {
				seen++
				name, err := strconv.Unquote(literal.Value)
				if err != nil || !subtestName.MatchString(name) {
					t.Errorf("%s: subtest %s: want lower case and hyphens", files.Position(literal.Pos()), literal.Value)
				}
			}
		}
	}
	if seen == 0 {
		t.Error("no subtest found, so this test saw nothing")
	}
}

var subtestName = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

// subtestNames are the literal names that a file gives its subtests: in calls
// of Run, and in the name field of the tables that it lists in place.
func subtestNames(file *ast.File) []*ast.BasicLit {
	var names []*ast.BasicLit
	add := func(e ast.Expr) {
		if literal, ok := e.(*ast.BasicLit); ok && literal.Kind == token.STRING {
			names = append(names, literal)
		}
	}
	ast.Inspect(file, func(node ast.Node) bool {
		switch node := node.(type) {
		case *ast.CallExpr:
			if method, ok := node.Fun.(*ast.SelectorExpr); ok && method.Sel.Name == "Run" && len(node.Args) == 2 {
				add(node.Args[0])
			}
		case *ast.CompositeLit:
			field := nameField(node.Type)
			if field < 0 {
				break
			}
			for _, row := range node.Elts {
				if row, ok := row.(*ast.CompositeLit); ok {
					addName(row, field, add)
				}
			}
		}
		return true
	})
	return names
}

// addName adds the name of one row of a table, written with its key or without.
func addName(row *ast.CompositeLit, field int, add func(ast.Expr)) {
	for i, element := range row.Elts {
		pair, keyed := element.(*ast.KeyValueExpr)
		if !keyed && i == field {
			add(element)
		}
		if keyed {
			if key, ok := pair.Key.(*ast.Ident); ok && key.Name == "name" {
				add(pair.Value)
			}
		}
	}
}

// nameField is the index of the field called name in a []struct{…} type, -1 if
// the type is another or has none.
func nameField(table ast.Expr) int {
	array, ok := table.(*ast.ArrayType)
	if !ok {
		return -1
	}
	rows, ok := array.Elt.(*ast.StructType)
	if !ok {
		return -1
	}
	index := 0
	for _, field := range rows.Fields.List {
		for _, name := range field.Names {
			if name.Name == "name" {
				return index
			}
			index++
		}
	}
	return -1
}
