package nginx_test

import (
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"gopkg.in/yaml.v3"

	"outpost/headers"
	"outpost/nginx"
)

// manifest is what of a manifest matters here.
type manifest struct {
	Kind     string `yaml:"kind"`
	Metadata struct {
		Name        string            `yaml:"name"`
		Namespace   string            `yaml:"namespace"`
		Annotations map[string]string `yaml:"annotations"`
	} `yaml:"metadata"`
	Data map[string]string `yaml:"data"`
	Spec struct {
		Rules []struct {
			Host string `yaml:"host"`
			HTTP struct {
				Paths []struct {
					Path    string `yaml:"path"`
					Backend struct {
						Service struct {
							Name string `yaml:"name"`
							Port struct {
								Number int `yaml:"number"`
							} `yaml:"port"`
						} `yaml:"service"`
					} `yaml:"backend"`
				} `yaml:"paths"`
			} `yaml:"http"`
		} `yaml:"rules"`
	} `yaml:"spec"`
}

func manifests(t *testing.T, text string) (all []manifest) {
	t.Helper()
	decoder := yaml.NewDecoder(strings.NewReader(text))
	for {
		var m manifest
		if err := decoder.Decode(&m); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatalf("%v in\n%s", err, text)
		}
		all = append(all, m)
	}
}

// The manifests are YAML, the annotations name what is there, and what is handed on
// is what the application is sent.
func TestPrintedForIngress(t *testing.T) {
	const ours = "nginx.ingress.kubernetes.io/"
	s := printSite(t)
	_, texts := printed(t, nginx.Ingress, s)
	for _, a := range s.Applications {
		t.Run(a.Name, func(t *testing.T) {
			all := manifests(t, texts["ingress-"+a.Name+".yaml"])
			if len(all) != 4 {
				t.Fatalf("%d manifests", len(all))
			}
			headersOf, app, pages, checks := all[0], all[1], all[2], all[3]
			if headersOf.Kind != "ConfigMap" || headersOf.Data["X-Forwarded-Host"] != "$host" {
				t.Errorf("the headers of the check: %+v", headersOf)
			}
			if got := headersOf.Data[headers.StampName]; headers.ParseStamp([]string{got}) != (headers.Stamp{Date: nginx.Needed, Digest: headers.Digest(a.Headers)}) {
				t.Errorf("the stamp is %q", got)
			}
			if got := app.Metadata.Annotations[ours+"auth-proxy-set-headers"]; got != headersOf.Metadata.Namespace+"/"+headersOf.Metadata.Name {
				t.Errorf("auth-proxy-set-headers names %s", got)
			}
			told := strings.Split(app.Metadata.Annotations[ours+"auth-response-headers"], ",")
			for _, name := range a.Headers {
				if !slices.Contains(told, name) {
					t.Errorf("%s is not handed on", name)
				}
			}
			host, path := a.ExternalURL.Hostname(), a.ExternalURL.Path
			if a.CookieDomain != "" {
				host = "app." + a.CookieDomain
			}
			if path == "" {
				path = "/"
			}
			if got, want := app.Metadata.Annotations[ours+"auth-signin"], "https://"+host+"/outpost.goauthentik.io/start?rd=$scheme://$http_host$escaped_request_uri"; got != want {
				t.Errorf("auth-signin is %s, want %s", got, want)
			}
			var routes []string
			for _, m := range []manifest{app, pages, checks} {
				one := m.Spec.Rules[0].HTTP.Paths[0]
				routes = append(routes, m.Spec.Rules[0].Host+one.Path+" "+one.Backend.Service.Name)
			}
			want := []string{host + path + " " + a.Name, host + "/outpost.goauthentik.io outpost", host + "/outpost.goauthentik.io/auth outpost-nothing"}
			if diff := cmp.Diff(want, routes); diff != "" {
				t.Error(diff)
			}
			if len(pages.Metadata.Annotations)+len(checks.Metadata.Annotations) > 0 {
				t.Error("the outpost's own pages ask for a sign-in")
			}
		})
	}
}
