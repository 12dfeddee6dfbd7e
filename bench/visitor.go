package main

// One browser of a soak: it signs in, looks around, and leaves in one of three
// ways, and every answer that it gets has to be the right one.

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const prefix = "/outpost.goauthentik.io"

type visitor struct {
	client   *http.Client
	address  string
	provider *signingProvider
	who      string
	cookies  map[string]string
}

// stay is one visit, from the sign-in to the end of the session.
func (v *visitor) stay(ctx context.Context, idle time.Duration) error {
	v.cookies = map[string]string{}
	if err := v.check(ctx, http.StatusUnauthorized); err != nil {
		return fmt.Errorf("before signing in: %w", err)
	}
	if err := v.signIn(ctx); err != nil {
		return err
	}
	for range 5 + rand.IntN(30) {
		if err := v.check(ctx, http.StatusOK); err != nil {
			return fmt.Errorf("signed in: %w", err)
		}
		pause(ctx, time.Duration(rand.IntN(20))*time.Millisecond)
	}
	switch rand.IntN(10) {
	case 0: // stays away for too long
		pause(ctx, idle+time.Second)
	case 1, 2, 3: // leaves without a word, and its session behind
		return nil
	default:
		kept := v.cookies["__Host-outpost-"+application]
		if _, err := v.get(ctx, prefix+"/sign_out"); err != nil {
			return err
		}
		v.cookies["__Host-outpost-"+application] = kept // whoever has stolen it
	}
	if err := v.check(ctx, http.StatusUnauthorized); err != nil {
		return fmt.Errorf("after the session's end: %w", err)
	}
	return nil
}

func (v *visitor) signIn(ctx context.Context) error {
	response, err := v.get(ctx, prefix+"/start?rd="+url.QueryEscape("https://"+host+"/page"))
	if err != nil {
		return err
	}
	to, err := url.Parse(response.Header.Get("Location"))
	if err != nil || response.StatusCode != http.StatusFound || !strings.HasPrefix(to.String(), v.provider.issuer) {
		return fmt.Errorf("start answers %s to %q", response.Status, response.Header.Get("Location"))
	}
	back := url.Values{"state": {to.Query().Get("state")}, "code": {v.provider.code(to.Query(), v.who)}}
	if response, err = v.get(ctx, prefix+"/callback?"+back.Encode()); err != nil {
		return err
	}
	if at := response.Header.Get("Location"); response.StatusCode != http.StatusFound || at != "https://"+host+"/page" {
		return fmt.Errorf("callback answers %s to %q", response.Status, at)
	}
	return nil
}

// check asks as nginx does; a 200 has to name this visitor and nobody else.
func (v *visitor) check(ctx context.Context, want int) error {
	response, err := v.get(ctx, checkPath)
	if err != nil {
		return err
	}
	if response.StatusCode != want {
		return fmt.Errorf("a check of %s answers %d, want %d", v.who, response.StatusCode, want)
	}
	if who := response.Header.Get("X-Authentik-Username"); want == http.StatusOK && who != v.who {
		return fmt.Errorf("a check of %s names %q", v.who, who)
	}
	return nil
}

func (v *visitor) get(ctx context.Context, path string) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+v.address+path, nil)
	if err != nil {
		return nil, err
	}
	var cookies []string
	for name, value := range v.cookies {
		cookies = append(cookies, name+"="+value)
	}
	for _, line := range swag(strings.Join(cookies, "; ")) {
		name, value, _ := strings.Cut(line, ": ")
		request.Header.Set(name, value)
	}
	request.Host = host
	response, err := v.client.Do(request)
	if err != nil {
		return nil, err
	}
	io.Copy(io.Discard, response.Body)
	response.Body.Close()
	for _, c := range response.Cookies() {
		if v.cookies[c.Name] = c.Value; c.MaxAge < 0 {
			delete(v.cookies, c.Name)
		}
	}
	return response, nil
}

// pause waits, or until ctx is done.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
