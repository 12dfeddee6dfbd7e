package e2e

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// TestFetch: a page that fetches after its session has ended gets an answer
// that it can read and act on, not a redirect to another site that the browser
// hides; and never 401, for which SWAG's fail2ban locks people out.
func TestFetch(t *testing.T) {
	onStage(t, func(t *testing.T, s *stage) {
		b := newBrowser(t)
		b.open("https://webtop.test/")
		b.signIn(s.provider.admin)
		b.open("https://webtop.test/page")
		b.another().open("https://webtop.test" + outpostPrefix + "/sign_out")

		before := s.app.count()
		for _, call := range []string{
			`fetch('/data?x=1')`,
			`fetch('/data?x=1', {method: 'POST', body: 'some'})`,
			`fetch('/data?x=1', {headers: {'X-Requested-With': 'XMLHttpRequest', Accept: 'application/json'}})`,
		} {
			got := b.eval(call + `.then(async (r) => r.status + ' ' + r.headers.get('content-type') + ' ' + await r.text()).catch(String)`)
			status, body, _ := strings.Cut(got, "{")
			if status != "403 application/json; charset=utf-8 " {
				t.Errorf("%s: %s", call, got)
				continue
			}
			var answer map[string]any
			if err := json.Unmarshal([]byte("{"+body), &answer); err != nil {
				t.Errorf("%s: %v: %s", call, err, got)
			}
			found := false
			for _, value := range answer {
				if text, ok := value.(string); ok {
					u, err := url.Parse(text)
					found = found || err == nil && u.Host == "webtop.test" && u.Path == outpostPrefix+"/start"
				}
			}
			if !found {
				t.Errorf("%s: no address to sign in at: %s", call, got)
			}
		}
		if b.eval(`new Promise((done) => { const s = new EventSource('/events'); s.onerror = () => { s.close(); done('closed'); }; })`) != "closed" {
			t.Error("an event source went on")
		}
		if s.app.count() != before {
			t.Error("the application was reached")
		}
		if log := s.nginx.accessLog(t); strings.Contains(log, `" 401 `) {
			t.Errorf("a client saw 401:\n%s", log)
		}
	})
}

// TestFetchLeavesNothing: what cannot sign in gets no cookie.
func TestFetchLeavesNothing(t *testing.T) {
	onStage(t, func(t *testing.T, s *stage) {
		v := newVisitor(t)
		v.headers.Set("Sec-Fetch-Mode", "cors")
		v.headers.Set("Sec-Fetch-Dest", "empty")
		p := v.open("https://webtop.test/data")
		if p.StatusCode != http.StatusForbidden || len(v.cookies("https://webtop.test"+outpostPrefix+"/")) > 0 {
			t.Errorf("got %s and %v", p.Status, v.cookies("https://webtop.test"+outpostPrefix+"/"))
		}
	})
}
