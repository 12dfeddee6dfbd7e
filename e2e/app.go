package e2e

import (
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"html"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// An app is an application behind nginx. It lets everybody in, as applications
// do that leave the sign-in to the proxy, and remembers what reached it.
type app struct {
	name string

	mu   sync.Mutex
	seen []*http.Request
}

// startApp serves one of containers until the test ends.
func startApp(t testing.TB, name, address string) *app {
	a := &app{name: name}
	server := &http.Server{Handler: a}
	l := listen(t, address)
	go server.Serve(l)
	t.Cleanup(func() { server.Close() })
	return a
}

func (a *app) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	a.seen = append(a.seen, r)
	a.mu.Unlock()
	if strings.EqualFold(r.Header.Get("Upgrade"), "websocket") {
		a.greetSocket(w, r)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if more, ok := strings.CutPrefix(r.URL.Path, "/pages/"); ok && pages[more] != "" {
		fmt.Fprintf(w, `<!doctype html><link rel="icon" href="data:,"><title>%s</title>%s`, a.name, pages[more])
		return
	}
	fmt.Fprintf(w, `<!doctype html><link rel="icon" href="data:,"><title>%s</title><h1 id="app">%[1]s</h1><p id="target">%s</p><p id="user">%s</p>`,
		a.name, html.EscapeString(r.RequestURI), html.EscapeString(r.Header.Get("X-authentik-username")))
}

// pages are what an application has below /pages/ besides.
var pages = map[string]string{
	// An application that finds its way by the fragment.
	"hash": `<h1 id="route"></h1><script>
		const show = () => { document.querySelector("#route").textContent = location.hash; };
		addEventListener("hashchange", show);
		show();
	</script>`,
	// One that fetches what it shows, with what docs/apps-and-frames.md tells its developer to write.
	"fetch": `<button id="load">Load</button><p id="data">none</p><script>
		const signedIn = new BroadcastChannel("outpost");
		const signIn = (r) => window.open(r.refresh_url, "outpost", "popup,width=480,height=640");
		const load = async () => {
			const r = await fetch("/data", {headers: {Accept: "application/json"}});
			document.querySelector("#data").textContent = r.status;
			if (r.status === 403) signIn(await r.json());
		};
		signedIn.onmessage = load;
		document.querySelector("#load").onclick = load;
	</script>`,
	// One that shows another page in a frame.
	"frame": `<iframe id="inner" width="600" height="400"></iframe><script>document.querySelector("#inner").src = location.search.slice(1);</script>`,
	"form":  `<form method="post" action="/sent"><input name="text"><button id="send" type="submit">Send</button></form>`,
}

// greetSocket answers a WebSocket handshake (RFC 6455 §4.2.2) and sends one
// text frame that names the person.
func (a *app) greetSocket(w http.ResponseWriter, r *http.Request) {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		return
	}
	defer conn.Close()
	sum := sha1.Sum([]byte(r.Header.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	user := r.Header.Get("X-authentik-username")
	fmt.Fprintf(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n\x81%c%s",
		base64.StdEncoding.EncodeToString(sum[:]), len(user), user)
}

// last returns the newest request that reached the application.
func (a *app) last(t testing.TB) *http.Request {
	t.Helper()
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.seen) == 0 {
		t.Fatalf("nothing has reached %s", a.name)
	}
	return a.seen[len(a.seen)-1]
}

// count is how many requests have reached the application.
func (a *app) count() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.seen)
}
