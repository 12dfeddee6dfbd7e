package main

// The daemon under test, and a browser that is signed in to it without a
// provider: its session is put into the file store before the daemon opens it,
// under the secret that both know.

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
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

// settings is a daemon's configuration, after which more may come.
const settings = `listen: %s
management: %s
data: %s
secret: %s
provider:
  issuer: %s
  client_id: bench
  client_secret: bench
applications:
  - name: ` + application + `
    mode: single
    external_url: https://` + host + `
`

// ruleCount is how many rules the application has: more than anybody writes.
const ruleCount = 1000

// ruled gives the application of settings rules, of which the last one matches.
func ruled() string {
	var b strings.Builder
	b.WriteString("    rules:\n")
	for i := range ruleCount - 1 {
		fmt.Fprintf(&b, "      - { path: [/area-%d/*, /page-%d], methods: [GET, POST], allow: { groups: [group-%d] } }\n", i, i, i)
	}
	b.WriteString("      - { allow: { groups: [family, users] } }\n")
	return b.String()
}

// startOutposts signs a browser in and starts the daemon twice, with its front
// and without, each with a store that has the session. It returns the headers of
// that browser's check with them. The provider is never asked: there is no such
// host.
func startOutposts(ctx context.Context, folder string) (servers []*server, headers []string, err error) {
	fronted, err := newDaemon(outpostName, filepath.Join(folder, "data"), "https://provider.invalid", ruled())
	if err != nil {
		return nil, nil, err
	}
	cookies, err := fronted.signIn(ctx, 1)
	if err != nil {
		return nil, nil, err
	}
	plain := *fronted
	plain.name, plain.data, plain.more = frontlessName, filepath.Join(folder, "frontless"), ruled()+"front: false\n"
	if err := os.CopyFS(plain.data, os.DirFS(fronted.data)); err != nil {
		return nil, nil, err
	}
	for _, d := range []*daemon{fronted, &plain} {
		s, err := d.start(ctx, binary(folder))
		if err != nil {
			return servers, nil, err
		}
		servers = append(servers, s)
	}
	return servers, swag(cookies[0]), nil
}

func binary(folder string) string { return filepath.Join(folder, "outpost") }

// daemon is one that is going to be started.
type daemon struct {
	name       string
	data       string // its folder
	issuer     string
	more       string // settings
	secret     string
	management string // its address, once it has started
}

func newDaemon(name, data, issuer, more string) (*daemon, error) {
	return &daemon{name: name, data: data, issuer: issuer, more: more, secret: rand.Text() + rand.Text()}, os.Mkdir(data, 0o700)
}

// start starts it, from this binary, and waits until it accepts connections.
func (d *daemon) start(ctx context.Context, binary string) (*server, error) {
	address, command, err := d.command(binary)
	if err != nil {
		return nil, err
	}
	return start(ctx, d.name, address, command)
}

// startNow is start without the wait.
func (d *daemon) startNow(binary string) (*server, error) {
	address, command, err := d.command(binary)
	if err != nil {
		return nil, err
	}
	command.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := command.Start(); err != nil {
		return nil, err
	}
	s := &server{name: d.name, address: address, pid: command.Process.Pid, exited: make(chan error, 1)}
	go func() { s.exited <- command.Wait() }()
	return s, nil
}

// command writes the configuration and returns what starts the daemon, and where
// it will listen.
func (d *daemon) command(binary string) (address string, command *exec.Cmd, err error) {
	if address, err = freeAddress(); err != nil {
		return "", nil, err
	}
	if d.management, err = freeAddress(); err != nil {
		return "", nil, err
	}
	configuration := d.data + ".yaml"
	text := fmt.Appendf(nil, settings, address, d.management, d.data, d.secret, d.issuer)
	return address, exec.Command(binary, "-config", configuration), os.WriteFile(configuration, append(text, d.more...), 0o600)
}

// signIn creates sessions in the daemon's file store, before it has it open,
// and returns the cookies that open them, each "name=value".
func (d *daemon) signIn(ctx context.Context, n int) ([]string, error) {
	store, err := file.Open(filepath.Join(d.data, "sessions.db"), nil)
	if err != nil {
		return nil, err
	}
	sessions, err := session.New(session.Config{Store: store, Secrets: [][]byte{[]byte(d.secret)}, Max: 168 * time.Hour})
	if err != nil {
		return nil, err
	}
	name := "__Host-outpost-" + application
	cookies := make([]string, n)
	var errs [signingIn]error
	var wg sync.WaitGroup
	for worker := range signingIn { // the store writes once for all who wait
		wg.Go(func() {
			for i := worker; i < n && errs[worker] == nil; i += signingIn {
				var value string
				value, _, errs[worker] = sessions.Create(ctx, name, d.session())
				cookies[i] = name + "=" + value
			}
		})
	}
	wg.Wait()
	if err := errors.Join(errs[:]...); err != nil {
		return nil, fmt.Errorf("creating a session: %w", err)
	}
	if err := sessions.Close(); err != nil {
		return nil, fmt.Errorf("creating a session: %w", err)
	}
	return cookies, nil
}

// signingIn is how many browsers sign in at once.
const signingIn = 256

func (d *daemon) session() session.Session {
	return session.Session{
		Application:  application,
		Provider:     "default",
		RefreshToken: rand.Text(),
		Identity: session.Identity{
			Issuer:   d.issuer,
			Subject:  "f7b1c8a64f1d4a7e9a52a7a4f4b0f2d6",
			Username: "ada",
			Name:     "Ada Lovelace",
			Email:    "ada@example.com",
			Groups:   []string{"admins", "family", "media"},
		},
	}
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
