package main

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"outpost/config"
	"outpost/page"
)

// Everything that the file can say of a provider reaches package auth.
func TestProviderIsWiredWhole(t *testing.T) {
	var c config.Provider
	fill(reflect.ValueOf(&c).Elem(), 0)
	empty := empties(reflect.ValueOf(providers(&config.Config{Providers: []config.Provider{c}})[0]), "")
	empty = slices.DeleteFunc(empty, func(field string) bool { return field == ".CAs" }) // what the file held that CAFile names; Load alone can fill it
	if len(empty) > 0 {
		t.Errorf("nothing was put into %v", empty)
	}
}

// Everything that the file can say of an application does, too. What a policy
// is made of cannot be seen from here.
func TestApplicationIsWiredWhole(t *testing.T) {
	var c config.Application
	fill(reflect.ValueOf(&c).Elem(), 0)
	c.ExternalURL, c.Default = &url.URL{Scheme: "https", Host: "app.example.com"}, config.DefaultAllow
	empty := empties(reflect.ValueOf(applications(&config.Config{Applications: []config.Application{c}})[0]), "")
	if len(empty) > 0 {
		t.Errorf("nothing was put into %v", empty)
	}
}

// A condition reaches package access whole: each of its ways alone lets in, and
// Not keeps out.
func TestConditionIsWiredWhole(t *testing.T) {
	var a config.Allow
	fill(reflect.ValueOf(&a).Elem(), 0)
	if empty := empties(reflect.ValueOf(lists(&a)), ""); len(empty) > 0 {
		t.Errorf("nothing was put into %v", empty)
	}
}

// empties are the exported fields without a value, of a struct and what is in it.
func empties(v reflect.Value, path string) []string {
	var all []string
	switch {
	case v.IsZero():
		return []string{path}
	case strings.Count(path, ".") > 3: // a condition within a condition within a condition
	case v.Kind() == reflect.Pointer:
		return empties(v.Elem(), path)
	case v.Kind() == reflect.Slice && v.Len() > 0:
		return empties(v.Index(0), path)
	case v.Kind() == reflect.Struct:
		for field, value := range v.Fields() {
			if field.IsExported() {
				all = append(all, empties(value, path+"."+field.Name)...)
			}
		}
	}
	return all
}

// fill gives every exported field of a struct a value, and those of structs in it.
func fill(v reflect.Value, depth int) {
	switch v.Kind() {
	case reflect.Struct:
		if p, is := v.Addr().Interface().(*netip.Prefix); is {
			*p = netip.MustParsePrefix("192.0.2.0/24")
			return
		}
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				fill(v.Field(i), depth+1)
			}
		}
	case reflect.String:
		v.SetString("x")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(1)
	case reflect.Slice:
		if depth < 8 {
			v.Set(reflect.MakeSlice(v.Type(), 1, 1))
			fill(v.Index(0), depth+1)
		}
	case reflect.Pointer:
		if depth < 8 && v.Type().Elem().Kind() == reflect.Struct {
			v.Set(reflect.New(v.Type().Elem()))
			fill(v.Elem(), depth+1)
		}
	case reflect.Map:
		v.Set(reflect.ValueOf(map[string]string{"key": "value"}))
	}
}

func TestProxy(t *testing.T) {
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://auth.example.com/", nil)
	if err != nil {
		t.Fatal(err)
	}
	if proxy("") != nil {
		t.Error("without a word of it there is a proxy")
	}
	if u, err := proxy("http://proxy.example.com:3128")(request); err != nil || u.String() != "http://proxy.example.com:3128" {
		t.Errorf("got %v, %v", u, err)
	}
	// net/http reads the environment once for a process; only that it is asked
	// can be seen here.
	want, wantErr := http.ProxyFromEnvironment(request)
	if u, err := proxy(config.ProxyEnvironment)(request); !reflect.DeepEqual(u, want) || err != wantErr {
		t.Errorf("got %v, %v", u, err)
	}
}

// Everything that the file can say of pages is on them.
func TestPagesAreWiredWhole(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	c, err := config.Load(file("config.yaml", `
provider: { issuer: https://auth.example.com/, client_id: outpost }
applications: [{ name: home, mode: single, external_url: https://home.example.com }]
pages:
  name: Our House
  logo: `+file("logo.svg", `<svg xmlns="http://www.w3.org/2000/svg"/>`)+`
  contact: mailto:help@example.com
  strings: `+file("strings.yaml", "de: { loop.title: Kreisverkehr }\n")+`
`), os.LookupEnv)
	if err != nil {
		t.Fatal(err)
	}
	p, err := pages(c)
	if err != nil {
		t.Fatal(err)
	}
	w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("Accept-Language", "de")
	p.Write(w, r, page.Data{Status: http.StatusForbidden, Reason: "loop"})
	for _, want := range []string{"Our House", "data:image/svg+xml", "mailto:help@example.com", "<h1>Kreisverkehr</h1>"} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("no %s in\n%s", want, w.Body)
		}
	}
}
