package e2e

import (
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"testing"
)

// TestOutpostComesLater: nginx starts while the outpost does not even have an
// address, lets nobody through, and finds it when it comes, and when it moves.
func TestOutpostComesLater(t *testing.T) {
	for _, r := range releases {
		for _, g := range []generation{oursAlone, ours} {
			if g.Name == ours.Name && !r.Resolve {
				continue // an address that does not change cannot come later
			}
			t.Run(r.Name+"/"+g.Name, func(t *testing.T) { outpostComesLater(t, r, g) })
		}
	}
}

func outpostComesLater(t *testing.T, r release, g generation) {
	setContainer(t, "outpost")
	a := startApp(t, "webtop", "127.0.2.2:3000")
	startNginx(t, r, g, func(dir string) { // SWAG's 30 seconds are too long to wait here
		writeFile(t, filepath.Join(dir, "resolver.conf"), "resolver 127.0.0.11 valid=1s;\n")
	})
	v := signedIn(t)
	if p := v.get("https://webtop.test/"); p.StatusCode != http.StatusInternalServerError {
		t.Errorf("without the outpost: got %s", p.Status)
	}
	if a.count() > 0 {
		t.Error("the application was reached")
	}
	for _, address := range [][]byte{{127, 0, 2, 1}, {127, 0, 2, 7}} {
		t.Run(fmt.Sprint(address[3]), func(t *testing.T) {
			startStandInAt(t, net.IP(address).String()+":9000")
			setContainer(t, "outpost", address...)
			eventually(t, "the outpost at its address", func() bool {
				return v.get("https://webtop.test/").StatusCode == http.StatusOK
			})
		})
	}
}

// TestOutpostRestarts: nginx does not hold a refused connection against the
// outpost, and a kept connection that it closed is no error to anybody.
func TestOutpostRestarts(t *testing.T) {
	for _, r := range releases {
		t.Run(r.Name, func(t *testing.T) {
			startApp(t, "webtop", "127.0.2.2:3000")
			startNginx(t, r, ours)
			v := signedIn(t)
			for range 3 {
				t.Run("up", func(t *testing.T) {
					startStandIn(t)
					for range 5 {
						if p := v.get("https://webtop.test/"); p.StatusCode != http.StatusOK {
							t.Errorf("got %s", p.Status)
						}
					}
				})
				if p := v.get("https://webtop.test/"); p.StatusCode != http.StatusInternalServerError {
					t.Errorf("while it is down: got %s", p.Status)
				}
			}
		})
	}
}
