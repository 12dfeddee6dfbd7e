package e2e

// scene.go looks at one of our pages as people do who see it in the light, in the
// dark or on a phone, press keys, or hear it: it judges what WCAG 2.2 AA lets a
// program judge, and takes pictures.

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	chromepage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// picturesEnv, set to anything, has the stories write docs/pictures anew.
const picturesEnv = "OUTPOST_WRITE_PICTURES"

// looks are how a page is looked at; the pictures have these names.
var looks = []struct {
	name          string
	width, height int64
	scale         float64
	scheme        string
}{
	{"light", 820, 640, 1, "light"},
	{"dark", 820, 640, 1, "dark"},
	{"phone", 360, 640, 1.5, "light"},
}

func axePath() string {
	return filepath.Join(repository(), "e2e/provider/node_modules/axe-core/axe.min.js")
}

// scene judges the page that the tab shows, in each look, and takes its pictures.
func (b *tab) scene(t *testing.T, name string) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		for _, look := range looks {
			b.look(look.width, look.height, look.scale, look.scheme)
			b.axe(t, look.name)
			if os.Getenv(picturesEnv) != "" {
				b.picture(t, filepath.Join(repository(), "docs", "pictures", name+"-"+look.name+".webp"))
			}
		}
		b.look(320, 640, 1, "light")
		b.fits(t)
		b.look(820, 640, 1, "light")
		b.keys(t)
	})
}

// look sets how large the window is and which colors the person likes.
func (b *tab) look(width, height int64, scale float64, scheme string) {
	b.t.Helper()
	b.do(emulation.SetDeviceMetricsOverride(width, height, scale, false),
		emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}))
}

// axe has axe-core judge the page by all of its rules that WCAG 2.2 AA knows, and
// by its best practices.
func (b *tab) axe(t *testing.T, look string) {
	t.Helper()
	script, err := os.ReadFile(axePath())
	if err != nil {
		t.Fatalf("%v; run e2e/install.sh first", err)
	}
	b.eval("window.axe ? '' : (" + `function(){` + string(script) + `}).call(window), ''`)
	var result struct {
		Violations []struct {
			ID, Help string
			Nodes    []string
		}
		Passed []string
	}
	answer := b.eval(`axe.run({runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}).then(r => JSON.stringify({
		violations: r.violations.map(v => ({id: v.id, help: v.help, nodes: v.nodes.map(n => n.html)})), passed: r.passes.map(p => p.id)}))`)
	if err := json.Unmarshal([]byte(answer), &result); err != nil {
		t.Fatalf("axe-core: %v: %s", err, answer)
	}
	for _, v := range result.Violations {
		t.Errorf("%s: %s (%s): %s", look, v.Help, v.ID, strings.Join(v.Nodes, "\n"))
	}
	// One that saw nothing has nothing to say against it.
	for _, rule := range []string{"color-contrast", "document-title", "html-has-lang", "landmark-one-main", "page-has-heading-one", "region"} {
		if !strings.Contains(" "+strings.Join(result.Passed, " ")+" ", " "+rule+" ") {
			t.Errorf("%s: axe-core did not judge %s, only %v", look, rule, result.Passed)
		}
	}
}

// misfits says what does not fit into the window: parts beyond its edge, text that
// is cut off, and targets smaller than 24 pixels each way (1.4.10, 1.4.4, 2.5.8).
const misfits = `(() => {
	const wrong = [];
	if (document.documentElement.scrollWidth > innerWidth) wrong.push("scrolls sideways: " + document.documentElement.scrollWidth + " of " + innerWidth);
	for (const e of document.querySelectorAll("body *")) {
		const r = e.getBoundingClientRect();
		if (r.width && (r.right > innerWidth + 1 || r.left < -1)) wrong.push("beyond the edge: " + e.outerHTML.slice(0, 80));
		if (e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).display != "inline") wrong.push("cut off: " + e.outerHTML.slice(0, 80));
		if (e.matches("a.button, button") && (r.width < 24 || r.height < 24)) wrong.push("too small: " + e.outerHTML.slice(0, 80));
	}
	return wrong.slice(0, 5).join("\n");
})()`

// fits wants all of the page in the window, with text of twice the size too.
func (b *tab) fits(t *testing.T) {
	t.Helper()
	if wrong := b.eval(misfits); wrong != "" {
		t.Errorf("at 320 pixels: %s", wrong)
	}
	b.look(640, 640, 1, "light")
	b.eval(`document.documentElement.style.fontSize = "200%"; ""`)
	if wrong := b.eval(misfits); wrong != "" {
		t.Errorf("at twice the size: %s", wrong)
	}
	b.eval(`document.documentElement.style.fontSize = ""; ""`)
}

// keys goes through the page with the tabulator: everything that can be pressed is
// reached, in the page's order, and shows that it is.
func (b *tab) keys(t *testing.T) {
	t.Helper()
	targets := b.eval(`document.activeElement.blur(); String(document.querySelectorAll("a[href], button").length)`)
	reached := 0
	for fmt.Sprint(reached) != targets {
		b.do(chromedp.KeyEvent(kb.Tab))
		at := b.eval(`(() => {
			const all = [...document.querySelectorAll("a[href], button")], e = document.activeElement, s = getComputedStyle(e);
			return all.indexOf(e) + " " + (s.outlineStyle == "solid" && parseFloat(s.outlineWidth) >= 2);
		})()`)
		if want := fmt.Sprintf("%d true", reached); at != want {
			t.Errorf("the tabulator's stop %d of %s: at target and focus to be seen: %s", reached, targets, at)
			return
		}
		reached++
	}
	b.eval(`document.activeElement.blur(); ""`)
}

// picture writes the whole page, however long it is.
func (b *tab) picture(t *testing.T, file string) {
	t.Helper()
	b.do(chromedp.ActionFunc(func(ctx context.Context) error {
		_, _, _, _, _, size, err := chromepage.GetLayoutMetrics().Do(ctx)
		if err != nil {
			return err
		}
		image, err := chromepage.CaptureScreenshot().WithFormat(chromepage.CaptureScreenshotFormatWebp).WithQuality(80).WithCaptureBeyondViewport(true).
			WithClip(&chromepage.Viewport{Width: size.Width, Height: size.Height, Scale: 1}).Do(ctx)
		if err != nil {
			return err
		}
		return os.WriteFile(file, image, 0o644)
	}))
}
