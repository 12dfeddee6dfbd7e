package config_test

import (
	"strings"
	"testing"

	"outpost/config"
)

func TestProblemsError(t *testing.T) {
	whole := config.Problem{File: "/config/config.yaml", Rule: "is empty", Hint: "start from config.example.yaml"}
	value := config.Problem{File: "/config/config.yaml", Line: 3, Column: 11, Path: "provider.issuer", Value: "http://idp.local", Rule: "must be an https URL", Hint: "for local testing, set insecure_http: true"}
	bare := config.Problem{File: "/config/config.yaml", Line: 9, Column: 5, Path: "applications[0].mode", Rule: "is missing"}
	tests := []struct {
		name     string
		problems config.Problems
		want     string
	}{
		{"none", nil, "outpost: no problems"},
		{"one", config.Problems{whole}, `outpost: /config/config.yaml has 1 problem:
  the file is empty
      start from config.example.yaml`},
		{"two", config.Problems{value, bare}, `outpost: /config/config.yaml has 2 problems:
  line 3, provider.issuer: must be an https URL, got "http://idp.local"
      for local testing, set insecure_http: true
  line 9, applications[0].mode: is missing`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.problems.Error(); got != tt.want {
				t.Errorf("got\n%s\nwant\n%s", got, tt.want)
			}
		})
	}
}

func TestProblemString(t *testing.T) {
	tests := []struct {
		name    string
		problem config.Problem
		want    string
	}{
		{"whole-file", config.Problem{File: "config.yaml", Rule: "is empty", Hint: "start from config.example.yaml"}, "config.yaml: the file is empty (start from config.example.yaml)"},
		{"value", config.Problem{File: "config.yaml", Line: 3, Column: 11, Path: "listen", Value: "x", Rule: "must be host:port"}, `config.yaml:3:11: listen: must be host:port, got "x"`},
		{"escapes", config.Problem{File: "config.yaml", Line: 3, Column: 11, Path: "listen", Value: "a\n\x1b[31m", Rule: "must be host:port"}, `config.yaml:3:11: listen: must be host:port, got "a\n\x1b[31m"`},
		{"long", config.Problem{File: "config.yaml", Line: 3, Column: 11, Path: "listen", Value: strings.Repeat("é", 101), Rule: "must be host:port"}, `config.yaml:3:11: listen: must be host:port, got "` + strings.Repeat("é", 100) + `"…`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.problem.String(); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}
