package config_test

import (
	"fmt"
	"maps"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"outpost/config"
)

// The example is the reference that people read: it must load, show every key,
// and be right about every default.

// loadExample loads config.example.yaml with its secrets in another folder
// than /run/secrets.
func loadExample(t *testing.T) (c *config.Config, text string) {
	t.Helper()
	example, err := os.ReadFile("../config.example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	secret := write(t, "oidc", "hunter2 of the provider\n")
	text = strings.NewReplacer("${file:/run/secrets/oidc}", "${file:"+secret+"}", "${file:/run/secrets/printer}", "${file:"+secret+"}").Replace(string(example))
	if text == string(example) {
		t.Fatal("the example takes no secret from /run/secrets/oidc")
	}
	return mustLoad(t, text), text
}

func TestExample(t *testing.T) {
	c, _ := loadExample(t)
	if len(c.Warnings) > 0 {
		t.Errorf("got warnings %v", c.Warnings)
	}
	modes := map[config.Mode]bool{}
	for _, a := range c.Applications {
		modes[a.Mode] = true
	}
	if !modes[config.Single] || !modes[config.Domain] {
		t.Errorf("got modes %v, want one application of each", modes)
	}
}

// leaf is the value at a path, and the comment behind it.
type leaf struct{ value, comment string }

// namedBelow are the paths below which names are the operator's own, or the keys
// are those above them once more.
var namedBelow = regexp.MustCompile(`\.allow\.(any|all|not|claims)$|^tokens\.rules$|\.headers\.set$`)

// leaves returns the file's values by path. Lists are one value; the entries
// of a list of groups of keys share their paths, the last one wins.
func leaves(t *testing.T, text string) map[string]leaf {
	t.Helper()
	var document yaml.Node
	if err := yaml.Unmarshal([]byte(text), &document); err != nil {
		t.Fatal(err)
	}
	all := map[string]leaf{}
	var walk func(n *yaml.Node, path string)
	walk = func(n *yaml.Node, path string) {
		switch {
		case namedBelow.MatchString(path):
			all[path] = leaf{}
		case n.Kind == yaml.MappingNode:
			for i := 0; i < len(n.Content); i += 2 {
				walk(n.Content[i+1], strings.TrimPrefix(path+"."+n.Content[i].Value, "."))
			}
		case n.Kind == yaml.SequenceNode && n.Content[0].Kind == yaml.MappingNode:
			for _, item := range n.Content {
				walk(item, path)
			}
		case n.Kind == yaml.SequenceNode:
			var values []string
			for _, item := range n.Content {
				values = append(values, item.Value)
			}
			all[path] = leaf{fmt.Sprint(values), n.Content[0].LineComment}
		default:
			all[path] = leaf{n.Value, n.LineComment}
		}
	}
	walk(document.Content[0], "")
	return all
}

// words finds the words of a Go name: ExternalURL is external and URL.
var words = regexp.MustCompile(`[A-Z]+[a-z]*`)

// keysOf returns the paths of the keys that fill a type of package config.
func keysOf(typ reflect.Type, path string) []string {
	for typ.Kind() == reflect.Pointer || typ.Kind() == reflect.Slice {
		typ = typ.Elem()
	}
	if namedBelow.MatchString(path) {
		return []string{path}
	}
	if typ.Kind() != reflect.Struct || typ.PkgPath() != reflect.TypeFor[config.Config]().PkgPath() {
		return []string{path}
	}
	var all []string
	for field := range typ.Fields() {
		key := strings.ToLower(strings.Join(words.FindAllString(strings.NewReplacer("InsecureHTTP", "InsecureHttp", "CAFile", "CaFile", "ACRValues", "AcrValues", "AKProxy", "AkProxy").Replace(field.Name), -1), "_"))
		switch {
		case !field.IsExported() || field.Name == "Warnings", field.Name == "Line":
			continue
		case field.Name == "Providers":
			key = "provider"
		case field.Name == "Secrets":
			key = "secret"
		case field.Name == "Hosts":
			key = "host"
		case field.Name == "Paths":
			key = "path"
		}
		all = append(all, keysOf(field.Type, strings.TrimPrefix(path+"."+key, "."))...)
	}
	return all
}

// Every field of Config has its key in the example, and not in a comment.
func TestExampleShowsEveryKey(t *testing.T) {
	_, text := loadExample(t)
	want := keysOf(reflect.TypeFor[config.Config](), "")
	got := slices.Collect(maps.Keys(leaves(t, text)))
	got = slices.DeleteFunc(got, func(path string) bool { // null in one application, and shown in another
		return slices.ContainsFunc(got, func(other string) bool { return strings.HasPrefix(other, path+".") })
	})
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(want, got) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

// What the smallest file leaves out, the example spells as it is by default.
func TestExampleShowsDefaults(t *testing.T) {
	_, text := loadExample(t)
	example := leaves(t, text)
	compared := 0
	for path, want := range leaves(t, dump(t, mustLoad(t, smallest))) {
		if want.comment != "# default" {
			continue
		}
		compared++
		if path == "tokens" || path == "applications.basic_auth" || path == "applications.bearer" {
			continue // one is shown, none is the default
		}
		if got := example[path]; got.value != want.value {
			t.Errorf("%s: the example has %s, the default is %s", path, got.value, want.value)
		}
	}
	if compared < 10 {
		t.Errorf("compared only %d defaults", compared)
	}
}
