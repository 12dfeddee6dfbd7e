package main

// The daemon under test, and a browser that is signed in to it without a
// provider: its session is put into the file store before the daemon opens it,
// under the secret that both know.

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"outpost/session"
	"outpost/session/file"
)

const (
	outpostName = "outpost"
	checkPath   = "/outpost.goauthentik.io/auth/nginx"
	application = "bench"
	host        = "app.example.com"
)

// settings is the daemon's configuration. Its provider is never asked: there
// is no such host.
const settings = `listen: %s
management: %s
data: %s
secret: %s
provider:
  issuer: https://provider.invalid
  client_id: bench
  client_secret: bench
applications:
  - name: ` + application + `
    mode: single
    external_url: https://` + host + `
`

// startOutpost compiles the daemon, signs a browser in and starts it. It
// returns the headers of that browser's check with it.
func startOutpost(ctx context.Context, folder string) (*server, []string, error) {
	binary, data := filepath.Join(folder, "outpost"), filepath.Join(folder, "data")
	if err := build(ctx, binary, "./cmd/outpost"); err != nil {
		return nil, nil, err
	}
	if err := os.Mkdir(data, 0o700); err != nil {
		return nil, nil, err
	}
	secret := rand.Text() + rand.Text()
	name, value, err := signIn(ctx, data, secret)
	if err != nil {
		return nil, nil, err
	}
	address, err := freeAddress()
	if err != nil {
		return nil, nil, err
	}
	management, err := freeAddress()
	if err != nil {
		return nil, nil, err
	}
	configuration := filepath.Join(folder, "outpost.yaml")
	if err := os.WriteFile(configuration, fmt.Appendf(nil, settings, address, management, data, secret), 0o600); err != nil {
		return nil, nil, err
	}
	s, err := start(ctx, outpostName, address, exec.Command(binary, "-config", configuration))
	if err != nil {
		return nil, nil, err
	}
	return s, swag(name + "=" + value), nil
}

// signIn creates a session in the data directory's file store and returns the
// cookie that opens it.
func signIn(ctx context.Context, data, secret string) (name, value string, err error) {
	store, err := file.Open(filepath.Join(data, "sessions.db"), nil)
	if err != nil {
		return "", "", err
	}
	sessions, err := session.New(session.Config{Store: store, Secrets: [][]byte{[]byte(secret)}, Max: 168 * time.Hour})
	if err != nil {
		return "", "", err
	}
	name = "__Host-outpost-" + application
	value, _, err = sessions.Create(ctx, name, session.Session{
		Application: application,
		Provider:    "default",
		Identity: session.Identity{
			Issuer:   "https://provider.invalid",
			Subject:  "f7b1c8a64f1d4a7e9a52a7a4f4b0f2d6",
			Username: "ada",
			Name:     "Ada Lovelace",
			Email:    "ada@example.com",
			Groups:   []string{"admins", "family", "media"},
		},
	})
	if err != nil {
		return "", "", fmt.Errorf("creating a session: %w", err)
	}
	if err := sessions.Close(); err != nil {
		return "", "", fmt.Errorf("creating a session: %w", err)
	}
	return name, value, nil
}

// swag are the headers of a check as SWAG's nginx sends them for a page that a
// desktop browser asks for; cookie is "name=value".
func swag(cookie string) []string {
	return []string{
		"Host: " + host,
		"X-Forwarded-For: 192.0.2.7",
		"X-Forwarded-Host: " + host,
		"X-Forwarded-Method: GET",
		"X-Forwarded-Port: 443",
		"X-Forwarded-Proto: https",
		"X-Forwarded-Server: " + host,
		"X-Forwarded-Ssl: on",
		"X-Forwarded-Uri: /library/index?page=2",
		"X-Original-Method: GET",
		"X-Original-URL: https://" + host + "/library/index?page=2",
		"X-Real-IP: 192.0.2.7",
		"User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
		"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
		"Accept-Language: en-GB,en;q=0.9",
		"Accept-Encoding: gzip, deflate, br, zstd",
		"Sec-Fetch-Dest: document",
		"Sec-Fetch-Mode: navigate",
		"Sec-Fetch-Site: same-origin",
		"Cookie: theme=dark; " + cookie,
	}
}

// answered asks the server once and returns the headers of its answer, each
// "Name: value", sorted: those that the HTTP server adds by itself are left
// out. It is an error if the answer is not 2xx.
func answered(ctx context.Context, s *server, lines []string) ([]string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.address+checkPath, nil)
	if err != nil {
		return nil, err
	}
	for _, line := range lines {
		name, value, _ := strings.Cut(line, ": ")
		request.Header.Set(name, value)
	}
	request.Host = request.Header.Get("Host")
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		return nil, fmt.Errorf("asking %s: %w", s.name, err)
	}
	response.Body.Close()
	if response.StatusCode < 200 || response.StatusCode > 299 {
		return nil, fmt.Errorf("asking %s: it answers %s", s.name, response.Status)
	}
	var answer []string
	for name, values := range response.Header {
		if name == "Date" || name == "Content-Length" {
			continue
		}
		for _, value := range values {
			answer = append(answer, name+": "+value)
		}
	}
	slices.Sort(answer)
	return answer, nil
}
