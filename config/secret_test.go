package config_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"outpost/config"
)

// A secret must not come out of anything but Reveal.
func TestSecretHides(t *testing.T) {
	const mark = "hunter2"
	s := config.Secret(mark)
	type holder struct {
		Secret  config.Secret
		Pointer *config.Secret
		List    []config.Secret
		Map     map[string]config.Secret
		Any     any
	}
	h := holder{s, &s, []config.Secret{s}, map[string]config.Secret{"key": s}, s}

	text, err := s.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	shown := map[string]string{"String": s.String(), "GoString": s.GoString(), "MarshalText": string(text), "error": fmt.Errorf("with %w and %v", fmt.Errorf("%s", s), s).Error()}
	for _, verb := range strings.Split("v +v #v s q x X d t c U o b e 10s .2s -20q #x", " ") {
		shown["%"+verb] = fmt.Sprintf("%"+verb, s)
		shown["%"+verb+" in a struct"] = fmt.Sprintf("%"+verb, h)
	}
	marshal := func(name string, v any) {
		t.Helper()
		j, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		y, err := yaml.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		shown["json "+name], shown["yaml "+name] = string(j), string(y)
	}
	marshal("secret", s)
	marshal("struct", h)
	for name, handler := range map[string]func(*bytes.Buffer) slog.Handler{
		"slog text": func(b *bytes.Buffer) slog.Handler { return slog.NewTextHandler(b, nil) },
		"slog json": func(b *bytes.Buffer) slog.Handler { return slog.NewJSONHandler(b, nil) },
	} {
		var b bytes.Buffer
		slog.New(handler(&b)).Info("a line", "secret", s, "holder", h, "list", []any{s})
		shown[name] = b.String()
	}

	for how, text := range shown {
		if strings.Contains(text, mark) || strings.Contains(text, fmt.Sprintf("%x", mark)) || strings.Contains(text, fmt.Sprintf("%X", mark)) {
			t.Errorf("%s shows the secret: %s", how, text)
		}
		if !strings.Contains(text, "<secret>") && !strings.Contains(text, `\u003csecret\u003e`) {
			t.Errorf("%s does not say that there is one: %s", how, text)
		}
	}
	if s.Reveal() != mark {
		t.Errorf("Reveal gives %q, want %q", s.Reveal(), mark)
	}
}

// Nor out of a whole configuration, however it is printed.
func TestConfigHidesSecrets(t *testing.T) {
	const mark = "hunter2"
	c := mustLoad(t, smallest+"secret: "+mark+"-Vd8zFq1nX5cYt3Rj7LbQw0GmKs9H\n")
	if !strings.Contains(c.Providers[0].ClientSecret.Reveal(), mark) || !strings.Contains(c.Secrets[0].Reveal(), mark) {
		t.Fatal("the marks are not where they should be")
	}
	var dump, log bytes.Buffer
	if err := c.Dump(&dump); err != nil {
		t.Fatal(err)
	}
	slog.New(slog.NewJSONHandler(&log, nil)).Info("a line", "config", c)
	asJSON, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	asYAML, err := yaml.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	for how, text := range map[string]string{
		"Dump": dump.String(), "slog": log.String(), "json": string(asJSON), "yaml": string(asYAML),
		"%v": fmt.Sprintf("%v", c), "%+v": fmt.Sprintf("%+v", c), "%#v": fmt.Sprintf("%#v", *c),
	} {
		if strings.Contains(text, mark) {
			t.Errorf("%s shows a secret:\n%s", how, text)
		}
	}
}

func TestPlaceholders(t *testing.T) {
	for _, s := range []string{
		"changeme", "CHANGE_ME", "change-me!", "example", "password", "Passw0rd", "secret", "client_secret", "<your secret here>", "your-client-secret", "aaaa", "0", "...", "insecure", "TODO",
	} {
		for key, text := range map[string]string{
			"provider.client_secret": strings.Replace(smallest, "hunter2 of the provider", fmt.Sprintf("%q", s), 1),
			"secret":                 smallest + fmt.Sprintf("secret: %q\n", s),
		} {
			_, err := load(t, text)
			if err == nil || !strings.Contains(err.Error(), " "+key+": must not be a placeholder") {
				t.Errorf("%s %q: got %v", key, s, err)
			}
		}
	}
	for _, s := range []string{"changeme2 no", "my-client", "test1", "secretly", "aab", "<half", "password of 1999"} {
		mustLoad(t, strings.Replace(smallest, "hunter2 of the provider", fmt.Sprintf("%q", s), 1))
	}
}

// The poorest secrets that the commands of the documentation make are fine.
func TestGoodSecrets(t *testing.T) {
	for _, s := range []string{
		"0f1e2d3c4b5a69788796a5b4c3d2e1f0",                                 // openssl rand -hex 16
		"d2hhdCBhIGxvdmVseSBkYXkgZm9yIGEgc2VjcmV0IHRvIGJlIHJhbmRvbSBhdCE=", // openssl rand -base64 48
		"correct horse battery staple twice over",
	} {
		mustLoad(t, smallest+fmt.Sprintf("secret: %q\n", s))
	}
}
