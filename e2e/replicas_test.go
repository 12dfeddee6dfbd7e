package e2e

import (
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"
)

// TestReplicas: who has signed in at one of three daemons is signed in at all of
// them, and who has signed out at one is refused by all within a tenth of a
// second.
func TestReplicas(t *testing.T) {
	startRedis(t)
	apps := applications()
	p := startCertified(t, apps)
	all, _ := newReplicas(t, 3, apps, p)
	startApp(t, "webtop", "127.0.2.2:3000")
	startNginx(t, releases[1], ours)

	const revocations = 110
	var delays []time.Duration
	for range revocations {
		v := newVisitor(t)
		if p := v.signIn(webtop+"/", p.admin.name, p.admin.password); p.StatusCode != http.StatusOK {
			t.Fatalf("signing in landed on %s: %s\n%s", p.URL, p.Status, p.Body)
		}
		cookies := v.cookies(webtop + "/")
		for _, r := range all {
			if status, username := r.check(t, webtop, cookies); status != http.StatusOK || username != p.admin.name {
				t.Fatalf("%s answers %d for %q", r.address, status, username)
			}
		}
		var mu sync.Mutex
		var wg sync.WaitGroup
		began := time.Now() // before the sign-out is even asked for
		for _, r := range all[1:] {
			wg.Go(func() {
				for {
					status, _ := r.check(t, webtop, cookies)
					if took := time.Since(began); status == http.StatusUnauthorized || took > patience {
						mu.Lock()
						defer mu.Unlock()
						delays = append(delays, took)
						return
					}
					time.Sleep(500 * time.Microsecond)
				}
			})
		}
		v.get(webtop + outpostPrefix + "/sign_out")
		wg.Wait()
		all[0].wants(t, webtop, cookies, http.StatusUnauthorized)
	}
	slices.Sort(delays)
	p50, p99 := delays[len(delays)/2], delays[len(delays)*99/100]
	t.Logf("from asking for a sign-out at one daemon to the refusal at another, %d of them: p50 %v, p99 %v, the longest %v", len(delays), p50, p99, delays[len(delays)-1])
	if p99 >= 100*time.Millisecond {
		t.Errorf("p99 is %v, want less than 100 ms", p99)
	}
}

// TestReplicasRecheckOnce: three daemons that all see a session in use ask the
// provider about it with each refresh token once: a second time would end it.
func TestReplicasRecheckOnce(t *testing.T) {
	startRedis(t)
	apps := applications()
	p := startCertifiedRefreshing(t, apps)
	listening := startTap(t, p)
	all, _ := newReplicas(t, 3, apps, p, "  recheck: 1s")
	startApp(t, "webtop", "127.0.2.2:3000")
	startNginx(t, releases[1], ours)
	v := newVisitor(t)
	if p := v.signIn(webtop+"/", p.admin.name, p.admin.password); p.StatusCode != http.StatusOK {
		t.Fatalf("signing in landed on %s: %s\n%s", p.URL, p.Status, p.Body)
	}
	cookies := v.cookies(webtop + "/")
	eventually(t, "six rechecks", func() bool {
		var wg sync.WaitGroup
		for _, r := range all {
			wg.Go(func() { r.wants(t, webtop, cookies, http.StatusOK) })
		}
		wg.Wait()
		return t.Failed() || len(listening.heard(grant("refresh_token"))) >= 6
	})
	used := map[string]bool{}
	for i, e := range listening.heard(grant("refresh_token")) {
		token := e.Form.Get("refresh_token")
		if used[token] || e.Status != http.StatusOK {
			t.Errorf("refresh %d: used before: %v, answered %d", i, used[token], e.Status)
		}
		used[token] = true
	}
}

// TestReplicasWithoutRedis: people who cannot be verified get the page of an
// error, not a sign-in; when Redis is back nobody has lost a session, and a
// daemon that was started without it needs no restart.
func TestReplicasWithoutRedis(t *testing.T) {
	redis := startRedis(t)
	apps := applications()
	p := startCertified(t, apps)
	all, first := newReplicas(t, 2, apps, p)
	startApp(t, "webtop", "127.0.2.2:3000")
	startNginx(t, releases[1], ours)
	v := newVisitor(t)
	if p := v.signIn(webtop+"/", p.admin.name, p.admin.password); p.StatusCode != http.StatusOK {
		t.Fatalf("signing in landed on %s: %s\n%s", p.URL, p.Status, p.Body)
	}
	cookies := v.cookies(webtop + "/")
	redis.process.kill()
	eventually(t, "a refusal", func() bool {
		status, _ := all[1].check(t, webtop, cookies)
		if status == http.StatusUnauthorized {
			t.Error("answered 401: nobody could know that")
		}
		return status == http.StatusInternalServerError
	})
	first.restart(t, true)
	if p := v.get(webtop + "/"); p.StatusCode != http.StatusInternalServerError {
		t.Errorf("nginx answers %s", p.Status)
	}
	redis.start(t)
	for _, r := range all {
		eventually(t, "everything as before", func() bool {
			status, _ := r.check(t, webtop, cookies)
			if status == http.StatusUnauthorized {
				t.Error("answered 401")
			}
			return t.Failed() || status == http.StatusOK
		})
	}
	if p := v.get(webtop + "/"); p.StatusCode != http.StatusOK {
		t.Errorf("nginx answers %s", p.Status)
	}
}
