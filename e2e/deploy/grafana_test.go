package deploy

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

type dashboard struct {
	UID, Title, Description string
	Editable                bool
	SchemaVersion           int
	Templating              struct {
		List []struct {
			Name, Type, Query any
			Refresh           int
		}
	}
	Panels []panel
}

type panel struct {
	ID                       int
	Type, Title, Description string
	Datasource               struct{ UID string }
	GridPos                  struct{ X, Y, W, H int }
	FieldConfig              struct{ Defaults struct{ Unit string } }
	Targets                  []struct {
		RefID, Expr, LegendFormat string
		Datasource                struct{ UID string }
	}
}

func openDashboard(t *testing.T) (d dashboard) {
	t.Helper()
	if err := json.Unmarshal([]byte(read(t, "deploy/grafana/outpost.json")), &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// The rules of Grafana's dashboard-linter, which cannot be had from the module
// proxy: names of its rules in the comments.
func TestDashboardIsLinted(t *testing.T) {
	d := openDashboard(t)
	if d.UID == "" || d.Title == "" || d.Description == "" || d.SchemaVersion < 36 || len(d.Panels) < 10 {
		t.Errorf("%s %q, %d panels", d.UID, d.Title, len(d.Panels))
	}
	if d.Editable { // uneditable-dashboard
		t.Error("it is editable")
	}
	vars := map[any]bool{}
	for _, v := range d.Templating.List { // template-datasource-rule, template-job-rule, template-instance-rule
		vars[v.Name] = true
		if v.Name == "datasource" && (v.Type != "datasource" || v.Query != "prometheus") {
			t.Errorf("datasource: %+v", v)
		}
		if v.Type == "query" && v.Refresh != 2 { // template-on-time-change-reload-rule
			t.Errorf("%s is not asked anew when the time changes", v.Name)
		}
	}
	if !vars["datasource"] || !vars["job"] || !vars["instance"] {
		t.Errorf("variables: %v", vars)
	}
	ids, places := map[int]bool{}, map[string]bool{}
	for _, p := range d.Panels {
		place := fmt.Sprint(p.GridPos.X, p.GridPos.Y)
		if ids[p.ID] || places[place] || p.GridPos.X+p.GridPos.W > 24 {
			t.Errorf("%s: its ID or its place is taken", p.Title)
		}
		ids[p.ID], places[place] = true, true
		// panel-datasource-rule, panel-title-description-rule, panel-units-rule, panel-no-targets-rule
		if p.Datasource.UID != "${datasource}" || p.Title == "" || p.Description == "" || p.FieldConfig.Defaults.Unit == "" || len(p.Targets) == 0 {
			t.Errorf("panel %d %q lacks something: %+v", p.ID, p.Title, p)
		}
		for _, q := range p.Targets {
			if !strings.Contains(q.Expr, `job=~"$job"`) || !strings.Contains(q.Expr, `instance=~"$instance"`) || q.Datasource.UID != "${datasource}" { // target-job-rule, target-instance-rule
				t.Errorf("%s: %s", p.Title, q.Expr)
			}
			if strings.Contains(q.Expr, "[") && !strings.Contains(q.Expr, "[$__rate_interval]") { // target-rate-interval-rule
				t.Errorf("%s: %s", p.Title, q.Expr)
			}
			if strings.Contains(q.Expr, "_total{") && !strings.Contains(q.Expr, "rate(") && !strings.Contains(q.Expr, "increase(") { // target-counter-agg-rule
				t.Errorf("%s: %s", p.Title, q.Expr)
			}
			wantMetrics(t, q.Expr+" outpost_sessions")
		}
	}
}

// freePort is one of the loopback interface that nobody listens on.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// run starts a program that ends with the test.
func run(t *testing.T, dir string, args ...string) {
	t.Helper()
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir, cmd.SysProcAttr = dir, &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	log, err := os.Create(filepath.Join(dir, filepath.Base(args[0])+".log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatalf("%s: %v (e2e/install.sh installs what is missing)", args[0], err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
		if text, _ := os.ReadFile(log.Name()); t.Failed() {
			t.Logf("%s:\n%.4000s", args[0], text)
		}
	})
}

// Every query is asked of a real Prometheus that has scraped a real daemon under some
// traffic: none is an error, and each answers with data.
func TestDashboardAtPrometheus(t *testing.T) {
	dir := t.TempDir()
	listen, management, prometheus := freePort(t), freePort(t), freePort(t)
	binary := filepath.Join(dir, "outpost")
	tool(t, ".", "go", "build", "-o", binary, "./cmd/outpost")
	idp := httptest.NewServer(http.NotFoundHandler()) // a provider that says nothing right
	defer idp.Close()
	for name, text := range map[string]string{
		"outpost.yaml": "listen: " + listen + "\nmanagement: " + management + "\ndata: " + dir + "/data\ninsecure_http: true\nsecret: 0123456789abcdef0123456789ABCDEFxyz!\n" +
			"provider: { issuer: " + idp.URL + ", client_id: outpost, client_secret: 0123456789abcdef }\n" +
			"applications: [{ name: home, mode: single, external_url: \"https://home.example.com\" }]\n",
		"prometheus.yaml": "global: { scrape_interval: 1s, evaluation_interval: 1s }\nscrape_configs:\n  - job_name: outpost\n    static_configs: [{ targets: [\"" + management + "\"] }]\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	run(t, dir, binary, "-config", "outpost.yaml")
	run(t, dir, "prometheus", "--config.file=prometheus.yaml", "--storage.tsdb.path="+dir+"/tsdb", "--web.listen-address="+prometheus)
	for until := time.Now().Add(12 * time.Second); time.Now().Before(until); time.Sleep(100 * time.Millisecond) {
		for _, path := range []string{"auth/nginx", "start?rd=/x", "callback?state=x&code=y"} {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+listen+"/outpost.goauthentik.io/"+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Host = "home.example.com"
			r.Header.Set("X-Original-URL", "https://home.example.com/")
			r.Header.Set("Sec-Fetch-Mode", "navigate")
			if resp, err := http.DefaultTransport.RoundTrip(r); err == nil {
				resp.Body.Close()
			}
		}
	}
	fill := strings.NewReplacer("$__rate_interval", "10s", "$job", ".+", "$instance", ".+")
	for _, p := range openDashboard(t).Panels {
		for _, q := range p.Targets {
			resp, err := http.Get("http://" + prometheus + "/api/v1/query?query=" + url.QueryEscape(fill.Replace(q.Expr)))
			if err != nil {
				t.Fatal(err)
			}
			var answer struct {
				Status, Error string
				Data          struct{ Result []any }
			}
			err = json.NewDecoder(resp.Body).Decode(&answer)
			resp.Body.Close()
			if err != nil || answer.Status != "success" || len(answer.Data.Result) == 0 {
				t.Errorf("%s: %s\n%v %+v", p.Title, q.Expr, err, answer)
			}
		}
	}
}
