package headers_test

import (
	"slices"
	"testing"

	"outpost/headers"
)

func TestConfidential(t *testing.T) {
	m := compiled(t, headers.MappingConfig{
		Presets: headers.PresetNames, JWT: true, Meta: &headers.Meta{App: "home", Outpost: "outpost", Version: "1"},
		Basic: &headers.Basic{Username: "{username}", Password: "s3cret"},
		Headers: []headers.Header{
			{Name: "X-Fixed", Value: "of-everybody"}, {Name: "X-Empty"}, {Name: "X-Role", Value: "{groups}", Map: []headers.Pair{{From: "admins", To: "Admin"}}, First: true},
			{Name: "X-Department", Value: "{department}"}, {Name: "X-Mail", Value: "{imap_password}"}, {Name: "X-Api-Key", Value: "{username}"},
			{Name: "X-Author", Value: "{name}"},
		},
	})
	secret := []string{"Authorization", "X-Authentik-Jwt", "X-Fixed", "X-Mail", "X-Api-Key", "X-Tenant"}
	shown := 0
	for _, name := range append([]string{"X-Tenant"}, m.Names()...) {
		if got, want := m.Confidential(name), slices.Contains(secret, name); got != want {
			t.Errorf("%s: got %t, want %t", name, got, want)
		} else if !got {
			shown++
		}
	}
	if shown < 20 {
		t.Errorf("%d headers are shown", shown)
	}
}
