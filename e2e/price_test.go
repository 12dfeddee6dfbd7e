package e2e

// What protection costs a page: nginx serves a small file of its own, without a
// sign-in and behind one, with SWAG's configuration as it is and with ours, and
// with nginx's own answer or a bare net/http server in the outpost's place. The
// bench program starts this and makes tables of it.
//
// The servers take turns at one address, some times over, since a machine is not
// the same from one minute to the next.

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"
)

const (
	pricePage   = "https://www.test/"
	priceRounds = 3
	priceLoad   = 2 * time.Second
	priceRate   = 1000 // pages a second
)

// priceOut names the file that the figures go to, as JSON; the folder of what
// install.sh does not fetch, wrk apart, is beside it: vegeta and the floor.
const priceOut = "OUTPOST_BENCH_OUT"

// setting is one way to have a page served.
type setting struct {
	Name    string
	place   generation
	open    bool                          // no sign-in
	checker func(t testing.TB, p *priced) // starts what nginx asks
	change  func(t testing.TB, dir string)
}

// Price is what one setting came to; times are in µs, and a figure is the median
// of its rounds.
type Price struct {
	Name              string
	Pages             float64 // a second, as many as can be had
	Check, Nginx      float64 // CPU time for each page
	P50, P99          float64 // saturated
	At50, At99, At999 float64 // at priceRate
	Wrong             int     // answers that were no page
}

// priced is what the settings share.
type priced struct {
	stage  *stage
	cookie string
	bench  string // the folder of vegeta and the floor
	asked  *process
}

func BenchmarkPrice(b *testing.B) {
	out := os.Getenv(priceOut)
	if out == "" {
		b.Skip("the bench program runs this: make bench")
	}
	g := swag("2025-03-25")
	g.need(b)
	p := &priced{bench: filepath.Dir(out)}
	p.stage = &stage{provider: startCertified(b, applications())}
	p.stage.daemon = newDaemon(b, applications(), p.stage.provider)
	p.stage.nginx = startNginx(b, priceRelease(), g, protect(b))
	var cookies []string
	v := p.stage.signedIn(b, strings.TrimSuffix(pricePage, "/"))
	for _, c := range v.cookies(pricePage) {
		cookies = append(cookies, c.Name+"="+c.Value)
	}
	p.cookie = strings.Join(cookies, "; ")
	p.stage.nginx.stop(b)
	p.stage.daemon.process.stop(b)

	rounds := map[string][]Price{}
	for round := range priceRounds {
		for i := range settings {
			s := settings[(i+round)%len(settings)]
			rounds[s.Name] = append(rounds[s.Name], p.measure(b, s))
		}
	}
	var prices []Price
	for _, s := range settings {
		prices = append(prices, medianPrice(rounds[s.Name]))
	}
	text, err := json.Marshal(prices)
	if err != nil {
		b.Fatal(err)
	}
	if err := os.WriteFile(out, text, 0o644); err != nil {
		b.Fatal(err)
	}
}

// priceRelease is the newest nginx that is there.
func priceRelease() release {
	r := releases[len(releases)-1]
	if !exists(filepath.Join(nginxRoot(r), "complete")) {
		r = releases[1]
	}
	return r
}

// protect takes the comment signs from authentik's two lines in SWAG's own site.
func protect(t testing.TB) func(dir string) {
	return func(dir string) {
		edit(t, filepath.Join(dir, "site-confs", "default.conf"), `(?m)^(\s*)#(include /config/nginx/authentik-(?:server|location)\.conf;)`, "$1$2")
	}
}

var keepAlive = generation{Name: "ours-keep-alive-in-swag", SWAG: true, place: func(t testing.TB, dir string, r release) {
	oursInSWAG.place(t, dir, r)
	conf := filepath.Join(dir, "site-confs", "outpost-keepalive.conf")
	copyFile(t, filepath.Join(repository(), "nginx", "outpost-keepalive.conf"), conf)
	edit(t, conf, `server outpost:9000 resolve`, "server 127.0.2.1:9000")
}}

var settings = []setting{
	{Name: "no sign-in at all", place: swag("2025-03-25"), open: true},
	{Name: "SWAG's includes, outpost", place: swag("2025-03-25"), checker: outpostWith("")},
	{Name: "SWAG's includes, outpost with front: false", place: swag("2025-03-25"), checker: outpostWith("front: false")},
	{Name: "SWAG's includes, bare net/http", place: swag("2025-03-25"), checker: floor},
	{Name: "SWAG's includes, nginx return 204", place: swag("2025-03-25"), checker: return204},
	{Name: "our includes, outpost", place: oursInSWAG, checker: outpostWith("")},
	{Name: "our includes, keep-alive, outpost", place: keepAlive, checker: outpostWith("")},
	{Name: "our includes, keep-alive, nginx return 204", place: keepAlive, checker: return204},
	{Name: "our includes, keep-alive, unix socket, outpost", place: keepAlive, checker: outpostWith("socket"), change: func(t testing.TB, dir string) {
		edit(t, filepath.Join(dir, "site-confs", "outpost-keepalive.conf"), `server 127\.0\.2\.1:9000`, "server unix:/config/outpost.sock")
	}},
}

// outpostWith starts the daemon with a line changed in its file: "socket" has it
// listen at a unix socket in nginx's folder.
func outpostWith(line string) func(testing.TB, *priced) {
	return func(t testing.TB, p *priced) {
		file, address := filepath.Join(p.stage.daemon.dir, "config.yaml"), "127.0.2.1:9000"
		text := regexp.MustCompile(`(?m)^(front|listen): .*\n`).ReplaceAllString(readFile(t, file), "")
		if line == "socket" {
			address = filepath.Join(p.stage.nginx.config, "outpost.sock")
			text = "listen: unix:" + address + "\n" + text
		} else {
			text = "listen: " + address + "\n" + line + "\n" + text
		}
		writeFile(t, file, text)
		cmd := exec.Command(shared("outpost"), "-config", file)
		cmd.Env = []string{"SSL_CERT_FILE=" + shared("ca.crt")}
		p.ask(t, "outpost", cmd, address)
	}
}

// floor is a bare net/http server that writes the headers of an answer.
func floor(t testing.TB, p *priced) {
	headers := []string{"-listen", "127.0.2.1:9000", "-timeouts", "Cache-Control: no-store"}
	for _, name := range []string{"Username: alice", "Groups: admins|users", "Entitlements: ", "Email: alice@example.test", "Name: Alice Adams", "Uid: alice"} {
		headers = append(headers, "X-Authentik-"+name)
	}
	p.ask(t, "floor", exec.Command(filepath.Join(p.bench, "floor"), headers...), "127.0.2.1:9000")
}

// return204 is nginx's own shortest answer.
func return204(t testing.TB, p *priced) {
	conf := filepath.Join(t.TempDir(), "nginx.conf")
	writeFile(t, conf, `daemon off; worker_processes 1; pid /run/nginx.pid; error_log stderr error;
events { worker_connections 1024; }
http { access_log off; keepalive_requests 1000000000; server { listen 127.0.2.1:9000; location / { return 204; } } }`)
	p.ask(t, "return204", cell{
		Root:  nginxRoot(priceRelease()),
		Binds: [][2]string{{filepath.Dir(conf), "/config"}, {"/dev", "/dev"}},
		Tmpfs: []string{"/run", "/tmp", "/var/lib/nginx", "/var/log/nginx"},
		Argv:  []string{"/usr/sbin/nginx", "-c", "/config/nginx.conf"},
	}.command(), "127.0.2.1:9000")
}

// ask starts what nginx asks, in a scheduling group of its own.
func (p *priced) ask(t testing.TB, name string, cmd *exec.Cmd, address string) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setpgid, cmd.SysProcAttr.Setsid = false, true
	p.asked = start(t, t.TempDir(), name, cmd)
	p.asked.waitFor(t, address)
}

// measure is one round of one setting.
func (p *priced) measure(b *testing.B, s setting) Price {
	b.Helper()
	changes := []func(string){func(dir string) {
		writeFile(b, filepath.Join(dir, "..", "www", "index.html"), "<!doctype html><title>a page</title>")
		edit(b, filepath.Join(dir, "nginx.conf"), `(?m)^\s*access_log .*$`, "    access_log off;")
		if s.change != nil {
			s.change(b, dir)
		}
	}}
	if !s.open {
		changes = append(changes, protect(b))
	}
	p.asked = nil
	if s.checker != nil && s.change == nil { // a socket is in nginx's folder, which is not there yet
		s.checker(b, p)
	}
	p.stage.nginx = startNginx(b, priceRelease(), s.place, changes...)
	if s.checker != nil && s.change != nil {
		s.checker(b, p)
	}
	defer func() {
		p.stage.nginx.stop(b)
		if p.asked != nil {
			p.asked.stop(b)
		}
	}()
	p.wrk(b, time.Second)
	checkBefore, nginxBefore := spent(b, p.asked), spent(b, p.stage.nginx.process)
	price := p.wrk(b, priceLoad)
	price.Name = s.Name
	pages := price.Pages * priceLoad.Seconds()
	price.Check = float64((spent(b, p.asked) - checkBefore).Nanoseconds()) / 1000 / pages
	price.Nginx = float64((spent(b, p.stage.nginx.process) - nginxBefore).Nanoseconds()) / 1000 / pages
	p.steady(b, &price)
	return price
}

// wrk asks for as many pages as it can have.
func (p *priced) wrk(b *testing.B, duration time.Duration) Price {
	b.Helper()
	cmd := exec.Command("wrk", "-t2", "-c64", fmt.Sprintf("-d%ds", int(duration.Seconds())), "-s", filepath.Join(repository(), "bench", "wrk.lua"),
		"-H", "Host: www.test", "-H", "Cookie: "+p.cookie, "https://127.0.0.1/")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	out, err := cmd.CombinedOutput()
	if err != nil {
		b.Fatalf("wrk: %v\n%s", err, out)
	}
	figures := map[string]float64{}
	for _, pair := range regexp.MustCompile(`(\w+)=(\d+)`).FindAllStringSubmatch(string(out), -1) {
		figures[pair[1]], _ = strconv.ParseFloat(pair[2], 64)
	}
	if figures["requests"] == 0 {
		b.Fatalf("wrk got no page:\n%s", out)
	}
	if figures["not_2xx"]+figures["broken"] > 0 {
		b.Logf("wrk: %s", out)
	}
	return Price{Pages: figures["requests"] / figures["microseconds"] * 1e6, P50: figures["p50"], P99: figures["p99"], Wrong: int(figures["not_2xx"] + figures["broken"])}
}

// steady asks at a fixed rate.
func (p *priced) steady(b *testing.B, price *Price) {
	b.Helper()
	targets, results := filepath.Join(b.TempDir(), "targets"), filepath.Join(b.TempDir(), "results")
	writeFile(b, targets, "GET https://127.0.0.1/\nHost: www.test\nCookie: "+p.cookie+"\n")
	cmd := exec.Command(filepath.Join(p.bench, "vegeta"), "attack", "-insecure", "-http2=false", "-targets", targets, "-rate", strconv.Itoa(priceRate),
		"-duration", priceLoad.String(), "-redirects", "-1", "-max-workers", "200", "-output", results)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("vegeta: %v\n%s", err, out)
	}
	out, err := exec.Command(filepath.Join(p.bench, "vegeta"), "encode", "-to", "csv", results).Output()
	if err != nil {
		b.Fatalf("vegeta: %v", err)
	}
	var took []float64
	for lines := csv.NewReader(bytes.NewReader(out)); ; {
		line, err := lines.Read()
		if err == io.EOF {
			break
		}
		if err != nil {
			b.Fatal(err)
		}
		ns, err := strconv.ParseFloat(line[2], 64)
		if err != nil {
			b.Fatal(err)
		}
		if line[1] != "200" {
			price.Wrong++
			b.Logf("%s: at a fixed rate, status %s %s", price.Name, line[1], line[5])
		}
		took = append(took, ns/1000)
	}
	slices.Sort(took)
	at := func(q float64) float64 { return took[min(len(took)-1, int(q*float64(len(took))))] }
	price.At50, price.At99, price.At999 = at(.5), at(.99), at(.999)
}

// medianPrice takes each figure's own median; wrong answers are all counted.
func medianPrice(rounds []Price) Price {
	middle := func(of func(Price) float64) float64 {
		var all []float64
		for _, r := range rounds {
			all = append(all, of(r))
		}
		slices.Sort(all)
		return all[(len(all)-1)/2]
	}
	m := Price{Name: rounds[0].Name,
		Pages: middle(func(p Price) float64 { return p.Pages }), Check: middle(func(p Price) float64 { return p.Check }), Nginx: middle(func(p Price) float64 { return p.Nginx }),
		P50: middle(func(p Price) float64 { return p.P50 }), P99: middle(func(p Price) float64 { return p.P99 }),
		At50: middle(func(p Price) float64 { return p.At50 }), At99: middle(func(p Price) float64 { return p.At99 }), At999: middle(func(p Price) float64 { return p.At999 }),
	}
	for _, r := range rounds {
		m.Wrong += r.Wrong
	}
	return m
}

// spent is the CPU time of a process and its children since they started, by
// their CPU clocks (clock_getcpuclockid(3)).
func spent(b *testing.B, p *process) time.Duration {
	b.Helper()
	if p == nil {
		return 0
	}
	pid := p.cmd.Process.Pid
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%[1]d/children", pid))
	if err != nil {
		b.Fatal(err)
	}
	var sum time.Duration
	for _, field := range append(strings.Fields(string(children)), strconv.Itoa(pid)) {
		id, err := strconv.Atoi(field)
		if err != nil {
			b.Fatal(err)
		}
		var clock syscall.Timespec
		if _, _, errno := syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, uintptr(int32(^id<<3|2)), uintptr(unsafe.Pointer(&clock)), 0); errno != 0 {
			b.Fatal(errno)
		}
		sum += time.Duration(clock.Nano())
	}
	return sum
}
