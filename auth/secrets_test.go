package auth_test

import (
	"bytes"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// secret makes one; a stage begins with secret('s').
func secret(b byte) []byte { return bytes.Repeat([]byte{b}, 32) }

// A rotation signs nobody out and disturbs nobody on their way in; a secret that
// is taken out of the list ends both.
func TestSecretsChangeDuringSignIn(t *testing.T) {
	for _, test := range []struct {
		name     string
		secrets  [][]byte
		finishes bool
	}{
		{"rotated", [][]byte{secret('n'), secret('s')}, true},
		{"rotated-twice", [][]byte{secret('m'), secret('n'), secret('s')}, true},
		{"dropped", [][]byte{secret('n')}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newStage(t)
			in := s.browser("alice")
			s.want(in.visit("https://app.example.com/"), http.StatusOK)
			onTheWay := s.browser("alice")
			callback := onTheWay.until("https://app.example.com/deep?a=1", "/callback?")

			if err := s.outpost.SetSecrets(test.secrets); err != nil {
				t.Fatal(err)
			}
			if got := in.once(http.MethodGet, "https://app.example.com/").StatusCode == http.StatusOK; got != test.finishes {
				t.Errorf("who was signed in still is: %v, want %v", got, test.finishes)
			}
			resp := onTheWay.visit(callback)
			if got := resp.StatusCode == http.StatusOK && onTheWay.at == "https://app.example.com/deep?a=1"; got != test.finishes {
				t.Errorf("the sign-in that was under way ended at %s with %d (%s), want success %v", onTheWay.at, resp.StatusCode, s.last(), test.finishes)
			}
			s.want(s.browser("alice").visit("https://app.example.com/"), http.StatusOK) // a new one
		})
	}
}

func TestSetSecretsRefuses(t *testing.T) {
	s := newStage(t)
	in := s.browser("alice")
	s.want(in.visit("https://app.example.com/"), http.StatusOK)
	onTheWay := s.browser("alice")
	callback := onTheWay.until("https://app.example.com/", "/callback?")
	if err := s.outpost.SetSecrets([][]byte{secret('n'), []byte("short")}); err == nil || strings.Contains(err.Error(), "short\"") {
		t.Errorf("got error %v", err)
	}
	s.want(in.once(http.MethodGet, "https://app.example.com/"), http.StatusOK)
	s.want(onTheWay.visit(callback), http.StatusOK)
}

// Sign-ins and checks go on while the secret is rotated again and again.
func TestSecretsChangeUnderLoad(t *testing.T) {
	s := newStage(t)
	var wg sync.WaitGroup
	done := make(chan struct{})
	for range 4 {
		wg.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				b := s.browser("alice")
				for range 3 {
					if resp := b.visit("https://app.example.com/"); resp.StatusCode != http.StatusOK {
						t.Errorf("%d at %s (%s)", resp.StatusCode, b.at, s.last())
						return
					}
				}
			}
		})
	}
	secrets := [][]byte{secret('s')}
	for i := range 15 {
		secrets = append([][]byte{secret(byte('A' + i))}, secrets...)
		if err := s.outpost.SetSecrets(secrets); err != nil {
			t.Error(err)
		}
		s.browser("bob").visit("https://app.example.com/")
	}
	close(done)
	wg.Wait()
}
