package main

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestAnswer(t *testing.T) {
	handler := answer([]string{"X-authentik-username: ada", "X-authentik-entitlements: ", "Location: https://example.test/a"})
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/any", nil))
	if w.Code != http.StatusOK {
		t.Errorf("status: got %d, want 200", w.Code)
	}
	for name, want := range map[string]string{
		"X-Authentik-Username":     "ada",
		"X-Authentik-Entitlements": "",
		"Location":                 "https://example.test/a",
	} {
		if got, present := w.Header()[name]; !present || got[0] != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}
