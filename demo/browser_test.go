package main

// A person at a browser: what they do, and what they have to see.

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// browser is one person's browser, with cookies of its own.
type browser struct{ ctx context.Context }

// newBrowser starts a Chromium that knows nothing yet.
func newBrowser(t *testing.T) browser {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatal("chromium is missing. Install it and try again:\n  apt-get install --no-install-recommends chromium")
	}
	// Not t.TempDir: Chromium's helpers may write for a moment after its end.
	profile, err := os.MkdirTemp("", "demo-browser-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for deadline := time.Now().Add(10 * time.Second); os.RemoveAll(profile) != nil && time.Now().Before(deadline); {
			time.Sleep(50 * time.Millisecond)
		}
	})
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path),
		chromedp.UserDataDir(profile),
		chromedp.NoSandbox, // the sandbox refuses root, and the demo's pages are ours
		chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true))
	allocator, cancel := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(cancel)
	ctx, cancel := chromedp.NewContext(allocator)
	t.Cleanup(cancel)
	if err := chromedp.Run(ctx); err != nil {
		t.Fatalf("starting chromium: %v", err)
	}
	return browser{ctx}
}

// do runs actions, for at most 20 seconds.
func (b browser) do(t *testing.T, what string, actions ...chromedp.Action) {
	t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, 20*time.Second)
	defer cancel()
	if err := chromedp.Run(ctx, actions...); err != nil {
		t.Fatalf("%s: %v\n%s", what, err, b.sees())
	}
}

// sees describes the page, for a failure's message.
func (b browser) sees() string {
	ctx, cancel := context.WithTimeout(b.ctx, 5*time.Second)
	defer cancel()
	var at, text string
	err := chromedp.Run(ctx, chromedp.Location(&at), chromedp.Text("body", &text, chromedp.ByQuery))
	return fmt.Sprintf("the browser is at %s and sees (%v):\n%s", at, err, text)
}

// open goes to a URL and returns the status of the page that it ends at.
func (b browser) open(t *testing.T, url string) int {
	t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, 20*time.Second)
	defer cancel()
	if _, err := chromedp.RunResponse(ctx, chromedp.Navigate(url)); err != nil {
		t.Fatalf("opening %s: %v\n%s", url, err, b.sees())
	}
	return b.goOn(t)
}

// goOn waits for as long as a page of the outpost is shown that moves on by itself,
// and returns the status of the one that then is there.
func (b browser) goOn(t *testing.T) (status int) {
	t.Helper()
	const ended = `document.readyState === "complete" && !document.querySelector("a[data-keep]")
		? performance.getEntriesByType("navigation")[0].responseStatus : 0`
	for range 200 {
		ctx, cancel := context.WithTimeout(b.ctx, 20*time.Second)
		err := chromedp.Run(ctx, chromedp.Evaluate(ended, &status))
		cancel()
		if err == nil && status != 0 { // an error where it is moving just now
			return status
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatalf("the page does not come to an end\n%s", b.sees())
	return 0
}

func (b browser) signIn(t *testing.T, username, password string) {
	t.Helper()
	b.do(t, "signing in as "+username,
		chromedp.SetValue("input[name=username]", username, chromedp.ByQuery),
		chromedp.SetValue("input[name=password]", password, chromedp.ByQuery))
	b.click(t, "form button")
}

// click clicks and waits for the page that follows.
func (b browser) click(t *testing.T, selector string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, 20*time.Second)
	defer cancel()
	if _, err := chromedp.RunResponse(ctx, chromedp.Click(selector, chromedp.ByQuery)); err != nil {
		t.Fatalf("clicking %s: %v\n%s", selector, err, b.sees())
	}
	b.goOn(t)
}

// expect checks that an element's text contains want.
func (b browser) expect(t *testing.T, selector, want string) {
	t.Helper()
	var got string
	b.do(t, "reading "+selector, chromedp.Text(selector, &got, chromedp.ByQuery))
	if !strings.Contains(got, want) {
		t.Errorf("%s is %q, want %q in it\n%s", selector, got, want, b.sees())
	}
}

// expectAt checks that the address bar begins with want.
func (b browser) expectAt(t *testing.T, want string) {
	t.Helper()
	var got string
	b.do(t, "reading the address", chromedp.Location(&got))
	if !strings.HasPrefix(got, want) {
		t.Errorf("the browser is at %s, want %s\n%s", got, want, b.sees())
	}
}
