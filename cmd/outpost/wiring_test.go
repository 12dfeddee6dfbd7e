package main

import (
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"testing"

	"outpost/config"
)

// Everything that the file can say of a provider reaches package auth.
func TestProviderIsWiredWhole(t *testing.T) {
	var c config.Provider
	fill(reflect.ValueOf(&c).Elem())
	wired := reflect.ValueOf(providers(&config.Config{Providers: []config.Provider{c}})[0])
	elsewhere := []string{"CAs"} // what the file held that CAFile names; Load alone can fill it
	var empty []string
	for field, value := range wired.Fields() {
		if value.IsZero() && !slices.Contains(elsewhere, field.Name) {
			empty = append(empty, field.Name)
		}
	}
	for field, value := range wired.FieldByName("Claims").Fields() {
		if value.IsZero() {
			empty = append(empty, "Claims."+field.Name)
		}
	}
	if len(empty) > 0 {
		t.Errorf("nothing was put into %v", empty)
	}
}

// Everything that the file can say of an application does, too. Who may have it
// is what a policy is made of, and cannot be seen from here.
func TestApplicationIsWiredWhole(t *testing.T) {
	var c config.Application
	fill(reflect.ValueOf(&c).Elem())
	c.ExternalURL = &url.URL{Scheme: "https", Host: "app.example.com"}
	wired := reflect.ValueOf(applications(&config.Config{Applications: []config.Application{c}})[0])
	var empty []string
	for field, value := range wired.Fields() {
		if value.Kind() != reflect.Struct || field.Name == "Policy" {
			if value.IsZero() {
				empty = append(empty, field.Name)
			}
			continue
		}
		for inner, value := range value.Fields() {
			if value.IsZero() {
				empty = append(empty, field.Name+"."+inner.Name)
			}
		}
	}
	if len(empty) > 0 {
		t.Errorf("nothing was put into %v", empty)
	}
}

// fill gives every exported field of a struct a value.
func fill(v reflect.Value) {
	for i := range v.NumField() {
		if !v.Type().Field(i).IsExported() {
			continue
		}
		switch f := v.Field(i); f.Kind() {
		case reflect.String:
			f.SetString(v.Type().Field(i).Name)
		case reflect.Bool:
			f.SetBool(true)
		case reflect.Int64:
			f.SetInt(1)
		case reflect.Slice:
			f.Set(reflect.ValueOf([]string{v.Type().Field(i).Name}))
		case reflect.Map:
			f.Set(reflect.ValueOf(map[string]string{"key": "value"}))
		case reflect.Struct:
			fill(f)
		}
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
