package main

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"outpost/auth"
	"outpost/config"
)

// exposition is what Prometheus scrapes.
func (d *daemon) exposition(t *testing.T) string {
	t.Helper()
	got := get(t, d.management, "/metrics")
	if got.status != http.StatusOK {
		t.Fatalf("/metrics answers %+v", got)
	}
	return got.body
}

// series are the lines of an exposition without their values.
func series(exposition string) []string {
	var all []string
	for line := range strings.Lines(exposition) {
		if at := strings.LastIndex(line, " "); at > 0 && line[0] != '#' {
			all = append(all, line[:at])
		}
	}
	return all
}

// A stranger makes no series, whatever he sends.
func TestSeriesDoNotGrow(t *testing.T) {
	d := start(t, usual(t).with(settings{"log": settings{"format": "json", "level": "info"}}))
	eventually(t, "the provider was asked", func() bool { return strings.Contains(d.exposition(t), `op="discovery"`) })
	before := series(d.exposition(t))
	r := rand.New(rand.NewPCG(1, 2))
	word := func() string { return fmt.Sprintf("w%x", r.Uint64()) }
	paths := []string{
		"/auth/nginx", "/start?rd=", "/callback?state=", "/sign_out?", "/", "/ping?",
	}
	c := client(t, d.public)
	for i := range 10_000 {
		host, path := word()+".example.org", auth.Prefix+paths[0]
		if i%10 == 0 {
			host, path = "router.example.com", auth.Prefix+paths[r.IntN(len(paths))]+word()
		}
		request, err := http.NewRequestWithContext(t.Context(), strings.ToUpper(word()), "http://outpost"+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Host = host
		request.Header = http.Header{
			"X-Original-Url": {"https://" + host + "/" + word()}, "X-Original-Method": {word()}, "User-Agent": {word()},
			"X-Forwarded-For": {word()}, "Cookie": {"__Host-outpost-router=" + word()}, "Accept": {word()}, "X-" + word(): {word()},
		}
		resp, err := c.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
	if diff := cmp.Diff(before, series(d.exposition(t))); diff != "" {
		t.Errorf("-before +after:\n%s", diff)
	}
}

func TestChecksAndSignInsAreCounted(t *testing.T) {
	p := newProvider(t)
	d := start(t, usual(t).with(p.settings()))
	d.check(t, "")
	cookie := p.signIn(t, d)
	d.check(t, cookie)
	d.check(t, cookie)
	p.begin(t, d).finish(t, d)
	get(t, d.public, auth.Prefix+"/callback?state=x&code=y", "Host", "router.example.com")
	get(t, d.public, auth.Prefix+"/auth/nginx", "Host", "stranger.example.org", "X-Original-URL", "https://stranger.example.org/")
	get(t, d.public, auth.Prefix+"/sign_out", "Host", "router.example.com", "Cookie", cookie)
	exposition := d.exposition(t)
	for _, want := range []string{
		`outpost_auth_requests_total{app="router",endpoint="nginx",reason="allowed",result="allowed"} 2`,
		`outpost_auth_requests_total{app="router",endpoint="nginx",reason="not_signed_in",result="unauthenticated"} 1`,
		`outpost_auth_requests_total{app="",endpoint="nginx",reason="unknown_host",result="unknown_host"} 1`,
		`outpost_auth_duration_seconds_count{endpoint="nginx",result="allowed"} 2`,
		`outpost_logins_total{provider="default",reason="signed_in",result="signed_in"} 2`,
		`outpost_logins_total{provider="default",reason="state_invalid",result="failed"} 1`,
		`outpost_login_duration_seconds_count{provider="default"} 2`,
		`outpost_idp_requests_total{code_class="2xx",op="token",provider="default"} 2`,
		`outpost_idp_request_duration_seconds_count{op="token",provider="default"} 2`,
		`outpost_idp_up{provider="default"} 1`,
		`outpost_clock_skew_seconds{provider="default"} 0`,
		`outpost_session_events_total{event="created"} 2`,
		`outpost_session_events_total{event="signed_out"} 1`,
		`outpost_sign_outs_total{app="router",reason="signed_out_here"} 1`,
		`outpost_sessions 1`,
		`outpost_untrusted_peer_requests_total 0`,
		`outpost_redirect_loops_total{app="router"} 0`,
		`outpost_config_last_reload_successful 1`,
	} {
		if !strings.Contains(exposition, "\n"+want+"\n") {
			t.Errorf("%s: is not there", want)
		}
	}
	if t.Failed() {
		for line := range strings.Lines(exposition) {
			if strings.HasPrefix(line, "outpost_") && !strings.HasSuffix(line, " 0\n") && !strings.Contains(line, "_bucket") {
				t.Log(strings.TrimSpace(line))
			}
		}
	}
}

// everyMetric is a registry in which each metric has a series.
func everyMetric(t *testing.T) *metrics {
	t.Helper()
	c, err := config.Load(usual(t).file(t), lookup(nil))
	if err != nil {
		t.Fatal(err)
	}
	m := newMetrics(c)
	h := m.hooks()
	h.Check("router", auth.Allowed, time.Millisecond)
	h.SignIn("router", "default", auth.SignedIn, time.Second)
	h.SignOut("router", auth.SignedOutHere)
	h.Logout("default", auth.SignedOut)
	h.ProviderRequest("default", "token", 200, time.Second)
	h.ProviderUp("default", true)
	h.ClockSkew("default", time.Second)
	h.HeadersDropped("router")
	m.prepareMachines(auth.Config{
		Applications: []auth.Application{{Name: "router", AppPasswords: true}, {Name: "home"}},
		Tokens:       []auth.StaticToken{{Name: "backup", Applications: []string{"router"}}},
	})
	h.Machine("router", "backup", auth.Allowed)
	m.certificateSeen(true)
	m.certificateExpires(time.Now())
	o, err := auth.New(wiring(c, noStore{}, [][]byte{make([]byte, 32)}, nil, m))
	if err != nil {
		t.Fatal(err)
	}
	m.observe(newCurrent(o))
	return m
}

func TestEveryReasonIsCounted(t *testing.T) {
	reasons := auth.Reasons()
	checks, signIns := slices.Index(reasons, auth.Internal)+1, slices.Index(reasons, auth.SignedOut)
	for _, reason := range reasons[:checks] {
		if checkResults[reason] == "" {
			t.Errorf("checks that end with %s count as internal", reason)
		}
	}
	// Endpoints end with these too, but no sign-in does.
	others := []auth.Reason{auth.ChooseProvider, auth.MethodNotAllowed, auth.NotFound, auth.EarlyData, auth.FormNotSent, auth.SignedInAgain}
	for _, reason := range reasons[checks:signIns] {
		if (signInResults[reason] == "") != slices.Contains(others, reason) {
			t.Errorf("sign-ins that end with %s: counted as %q", reason, signInResults[reason])
		}
	}
}

// Machine clients have their series before they come, and nobody else has any.
func TestMachineClientsAreCounted(t *testing.T) {
	exposition := expositionOf(t, everyMetric(t))
	for _, want := range []string{
		`outpost_machine_requests_total{app="router",client="backup",result="accepted"} 1`,
		`outpost_machine_requests_total{app="router",client="backup",result="refused"} 0`,
		`outpost_machine_requests_total{app="router",client="introspection",result="error"} 0`,
		`outpost_machine_requests_total{app="router",client="unknown",result="throttled"} 0`,
	} {
		if !strings.Contains(exposition, "\n"+want+"\n") {
			t.Errorf("%s: is not there", want)
		}
	}
	if n := strings.Count(exposition, "outpost_machine_requests_total{"); n != (1+len(auth.MachineKinds()))*4 {
		t.Errorf("%d series", n)
	}
	for _, reason := range auth.Reasons() {
		if machine := strings.HasPrefix(string(reason), "credentials_"); machine != (machineResults[reason] != "" && reason != auth.Allowed) {
			t.Errorf("%s counts as %q", reason, machineResults[reason])
		}
	}
}

func TestCodeClass(t *testing.T) {
	for status, want := range map[int]string{0: "none", 99: "none", 100: "1xx", 200: "2xx", 302: "3xx", 404: "4xx", 599: "5xx", 600: "none", -1: "none"} {
		if got := codeClass(status); got != want {
			t.Errorf("%d is %q, want %q", status, got, want)
		}
	}
}

func TestBuckets(t *testing.T) {
	exposition := expositionOf(t, everyMetric(t))
	for name, want := range map[string]string{
		"outpost_auth_duration_seconds":        "5e-05 0.0001 0.00025 0.0005 0.001 0.0025 0.005 0.01 0.025 0.05 0.1 0.25 1 +Inf",
		"outpost_idp_request_duration_seconds": "0.01 0.025 0.05 0.1 0.25 0.5 1 2.5 5 10 +Inf",
		"outpost_login_duration_seconds":       "1 2.5 5 10 20 30 60 120 300 600 +Inf",
	} {
		var got []string
		for _, match := range regexp.MustCompile(name+`_bucket\{(.*)le="([^"]+)"`).FindAllStringSubmatch(exposition, -1) {
			if !slices.Contains(got, match[2]) {
				got = append(got, match[2])
			}
		}
		if diff := cmp.Diff(want, strings.Join(got, " ")); diff != "" {
			t.Errorf("%s: -want +got:\n%s", name, diff)
		}
	}
}

// What promtool check metrics says, and more.
func TestMetricsAreWellNamed(t *testing.T) {
	problems, err := promlint.New(strings.NewReader(expositionOf(t, everyMetric(t)))).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
	for _, m := range exposed(t) {
		if !strings.HasSuffix(m.help, ".") {
			t.Errorf("%s: its help does not end in a full stop: %q", m.name, m.help)
		}
	}
}

// metric is one, as it is exposed or as docs/metrics.md has it.
type metric struct {
	name, kind, labels string // labels in the order of the alphabet, "" for none
	help               string
}

// exposed are our metrics; those of the Go runtime and the process are left out.
func exposed(t *testing.T) []metric {
	t.Helper()
	families, err := everyMetric(t).registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var all []metric
	for _, f := range families {
		if !strings.HasPrefix(f.GetName(), "outpost_") {
			continue
		}
		var labels []string
		for _, pair := range f.GetMetric()[0].GetLabel() {
			labels = append(labels, pair.GetName())
		}
		slices.Sort(labels)
		all = append(all, metric{f.GetName(), strings.ToLower(f.GetType().String()), strings.Join(labels, ", "), f.GetHelp()})
	}
	return all
}

// docs/metrics.md has a row for each metric, and for nothing else.
func TestMetricsPage(t *testing.T) {
	page, err := os.ReadFile("../../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rules, _ := strings.Cut(string(page), "\n## Alerts\n")
	var described []metric
	for _, row := range regexp.MustCompile("(?m)^\\| `(outpost_[a-z_]+)` \\| ([a-z]+) \\| ([^|]*) \\| ([^|]+) \\| `([A-Za-z]+)` \\|$").FindAllStringSubmatch(string(page), -1) {
		labels := regexp.MustCompile("[a-z_]+").FindAllString(row[3], -1)
		slices.Sort(labels)
		described = append(described, metric{name: row[1], kind: row[2], labels: strings.Join(labels, ", ")})

		_, rule, found := strings.Cut(rules, "- alert: "+row[5]+"\n")
		if rule, _, _ = strings.Cut(rule, "- alert:"); !found || !regexp.MustCompile(row[1]+`(_bucket)?\b`).MatchString(rule) {
			t.Errorf("%s: there is no alert %s that uses it", row[1], row[5])
		}
	}
	slices.SortFunc(described, func(a, b metric) int { return strings.Compare(a.name, b.name) })
	real := exposed(t)
	for i := range real {
		real[i].help = ""
	}
	if diff := cmp.Diff(real, described, cmp.AllowUnexported(metric{})); diff != "" {
		t.Errorf("-exposed +described:\n%s", diff)
	}
	// The rules ask for nothing else, and for values of labels that there are.
	exposition := expositionOf(t, everyMetric(t))
	for _, name := range regexp.MustCompile(`outpost_[a-z_]+`).FindAllString(rules, -1) {
		if !strings.Contains(exposition, "\n"+name+"{") && !strings.Contains(exposition, "\n"+name+" ") {
			t.Errorf("the rules ask for %s, which is not there", name)
		}
	}
	for _, match := range regexp.MustCompile(`outpost_[a-z_]+\{([a-z_]+="[a-z_]+")\}`).FindAllStringSubmatch(rules, -1) {
		if !strings.Contains(exposition, match[1]) {
			t.Errorf("the rules ask for %s, which is not there", match[0])
		}
	}
}

func expositionOf(t *testing.T, m *metrics) string {
	t.Helper()
	w := httptest.NewRecorder()
	management(nil, m.registry).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))
	if w.Code != http.StatusOK {
		t.Fatalf("/metrics answers %d: %s", w.Code, w.Body)
	}
	return w.Body.String()
}
