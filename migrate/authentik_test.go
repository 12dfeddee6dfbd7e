package migrate

import (
	"strings"
	"testing"
)

// Who may is what is bound; where the bindings are not all here, nobody.
func TestAuthentikBindings(t *testing.T) {
	const proxy = `[{"pk": 7, "name": "Wiki", "mode": "forward_single", "external_host": "https://wiki.example.org", "assigned_application_slug": "wiki"}]`
	app := func(mode string) string {
		return `{"results": [{"pk": "a1", "slug": "wiki", "name": "Wiki", "provider": 7, "policy_engine_mode": "` + mode + `"}]}`
	}
	const ops, bob, policy = `{"pk": "b1", "target": "a1", "group": "g1", "group_obj": {"name": "ops"}, "enabled": true}`, `{"pk": "b2", "target": "a1", "user": 4, "user_obj": {"username": "bob"}, "negate": true}`, `{"pk": "b3", "target": "a1", "policy": "p1"}`
	for _, tt := range []struct {
		name, app, bindings string
		want                string
	}{
		{"one", app("any"), `{"results": [` + ops + `]}`, "allow: { groups: [ops] }"},
		{"any", app("any"), `{"results": [` + ops + "," + bob + `]}`, "allow: { any: [{ groups: [ops] }, { not: { users: [bob] } }] }"},
		{"all", app("all"), `{"results": [` + ops + "," + bob + `]}`, "- { not: { users: [bob] } }"},
		{"policy-beside", app("any"), `{"results": [` + ops + "," + policy + `]}`, "allow: { groups: [ops] }"},
		{"policy-alone", app("any"), `{"results": [` + policy + `]}`, "to do: policies of wiki"},
		{"policy-of-all", app("all"), `{"results": [` + ops + "," + policy + `]}`, "to do: policy of wiki"},
		{"a-page", app("any"), `{"pagination": {"next": 2}, "results": [` + strings.Replace(ops, `"a1"`, `"a2"`, 1) + `]}`, "to do: bindings of wiki"},
		{"no-bindings", app("any"), ``, "to do: bindings of wiki"},
		{"no-application", ``, `{"results": [` + ops + `]}`, "to do: application of wiki"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, err := From(Authentik, []Text{{"p.json", []byte(proxy)}, {"a.json", []byte(tt.app)}, {"b.json", []byte(tt.bindings)}})
			if err != nil || !strings.Contains(r.YAML, tt.want) {
				t.Errorf("%v: no %s in\n%s", err, tt.want, r.YAML)
			}
		})
	}
}
