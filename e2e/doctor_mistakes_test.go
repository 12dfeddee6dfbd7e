package e2e

// The mistakes that people make, each planted in a set-up that is well, and what
// doctor has to say of it: the check, the cause, and the edit.

import (
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A mistake is what is planted and what has to be found.
type mistake struct {
	name string

	provider   func(t testing.TB, apps []application) *provider // nil for the usual one
	before     func(t testing.TB)                               // the daemon and nginx start
	edits      []string                                         // of the daemon's file: a pattern and what to put there, in turns
	stopped    bool                                             // the daemon does not run: it would not start with that
	generation generation                                       // of nginx's files; ours if none
	nginx      func(t testing.TB, dir string)                   // edits of nginx's files
	after      func(t testing.TB, s *stage)                     // everything runs
	arguments  []string                                         // of doctor; the first page of webtop if nil
	lint       bool                                             // doctor reads nginx's files, too
	env        string                                           // in place of the CA's

	check, status string
	says, fix     []string
}

func inFile(name, pattern, with string) func(testing.TB, string) {
	return func(t testing.TB, dir string) { edit(t, filepath.Join(dir, name), pattern, with) }
}

const checkHeader = `(?m)^    proxy_set_header X-Original-URL .*$`

// firstOnly edits the first place alone.
func firstOnly(t testing.TB, path, old, with string) {
	t.Helper()
	text := readFile(t, path)
	if !strings.Contains(text, old) {
		t.Fatalf("%s has no %q", path, old)
	}
	writeFile(t, path, strings.Replace(text, old, with, 1))
}

func ofProvider(t testing.TB) []mistake {
	elsewhere := applications()
	elsewhere[0].ExternalURL = "https://webtop.elsewhere.test"
	none := []string{}
	return []mistake{
		{name: "issuer-with-a-slash-too-many", edits: []string{`issuer: (\S+)`, "issuer: $1/"}, arguments: none,
			check: "issuer", status: "wrong", says: []string{`calls itself "https://idp.example.test:8443"`, `the file says "https://idp.example.test:8443/"`},
			fix: []string{"under provider certified write issuer: https://idp.example.test:8443"}},
		{name: "issuer-of-nobody", edits: []string{`issuer: (\S+)`, "issuer: $1/realms/home"}, arguments: none,
			check: "issuer", status: "wrong", says: []string{"no metadata at https://idp.example.test:8443/realms/home/.well-known/openid-configuration"}, fix: []string{"under provider certified write issuer: "}},
		{name: "client-secret", edits: []string{`client_secret: \S+`, "client_secret: some-other-secret-0123456789"}, arguments: none,
			check: "client", status: "wrong", says: []string{"invalid_client", "the client outpost"}, fix: []string{"under provider certified write client_secret: ", "for the client outpost"}},
		{name: "redirect-uri-not-registered", provider: func(t testing.TB, _ []application) *provider { return startCertified(t, elsewhere) }, arguments: none,
			check: "redirect-uri", status: "wrong", says: []string{"does not accept https://webtop.test/outpost.goauthentik.io/callback"},
			fix: []string{"register at certified for the client outpost", "the redirect URI https://webtop.test/outpost.goauthentik.io/callback"}},
		{name: "clock", before: lateProvider, edits: []string{`(issuer: \S+)`, "$1\n    backchannel_url: https://auth.example.test:9444"}, arguments: none,
			check: "clock", status: "wrong", says: []string{"ahead of", "2h0m0s", "token_invalid"}, fix: []string{"timedatectl set-ntp true"}},
		{name: "groups-not-known", provider: func(t testing.TB, apps []application) *provider {
			return certified(t, "certified", apps, options{Scopes: []string{"openid", "offline_access", "profile", "email"}})
		}, arguments: none,
			check: "scopes", status: "warning", says: []string{"does not list groups", "nobody is in any"}, fix: []string{"add a scope groups", "scopes: [openid, profile, email]"}},
		{name: "certificate-of-an-own-authority", env: "SSL_CERT_FILE=/dev/null", arguments: none,
			check: "provider", status: "wrong", says: []string{"the certificate of idp.example.test", "authority that is unknown"}, fix: []string{"under provider certified write ca_file: "}},
		{name: "issuer-not-reached-from-here", after: func(t testing.TB, _ *stage) { setContainer(t, "idp.example.test", 127, 0, 9, 9) }, arguments: none,
			check: "provider", status: "wrong", says: []string{"not reached", "connection refused", "A browser may well reach it"}, fix: []string{"backchannel_url: https://"}},
		{name: "issuer-without-a-name-here", edits: []string{`issuer: (\S+)`, "issuer: https://idp.home.invalid"}, arguments: none,
			check: "provider", status: "wrong", says: []string{"idp.home.invalid does not resolve from here"}, fix: []string{"network alias idp.home.invalid", "backchannel_url: "}},
		{name: "provider-behind-the-outpost", edits: []string{`issuer: (\S+)`, "issuer: https://tautulli.test"},
			check: "provider", status: "wrong", says: []string{"is no metadata of a provider"}, fix: []string{"take include /config/nginx/authentik-location.conf; out of the provider's own location"}},
	}
}

// lateProvider stands before the provider and says that it is two hours earlier: the
// clock of this machine is every program's.
func lateProvider(t testing.TB) {
	to := &url.URL{Scheme: "https", Host: "idp.example.test:8443"}
	proxy := &httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(to) },
		Transport: &http.Transport{TLSClientConfig: clientTLS(t)},
		ModifyResponse: func(r *http.Response) error {
			r.Header.Set("Date", time.Now().Add(-2*time.Hour).UTC().Format(http.TimeFormat))
			return nil
		},
	}
	server := &http.Server{Handler: proxy, TLSConfig: serverTLS(t)}
	l := listen(t, "127.0.0.1:9444")
	go server.ServeTLS(l, "", "")
	t.Cleanup(func() { server.Close() })
}

func ofFile(t testing.TB) []mistake {
	readOnly := filepath.Join(t.TempDir(), "data")
	none := []string{}
	return []mistake{
		{name: "cookie-domain-too-narrow", edits: []string{`cookie_domain: home\.test`, "cookie_domain: outpost.home.test"}, arguments: []string{"--url", "https://webtop.home.test/"},
			check: "cookie-domain", status: "wrong", says: []string{"cookie_domain outpost.home.test of application home does not cover it", "unknown_host"}, fix: []string{"under application home write cookie_domain: home.test"}},
		{name: "cookie-domain-of-strangers", edits: []string{`cookie_domain: home\.test`, "cookie_domain: duckdns.org", `https://outpost\.home\.test`, "https://outpost.duckdns.org"}, stopped: true, arguments: none,
			check: "cookie-domain", status: "wrong", says: []string{"must not be a public suffix", `"duckdns.org"`}, fix: []string{" line ", "write the domain that is yours, such as my.duckdns.org"}},
		{name: "no-application", arguments: []string{"--url", "https://webtop.nowhere.example/"},
			check: "application", status: "wrong", says: []string{"no application has the host webtop.nowhere.example"}, fix: []string{"- { name: webtop, mode: single, external_url: https://webtop.nowhere.example }"}},
		{name: "http-external-url", edits: []string{`https://webtop\.test`, "http://webtop.test"}, stopped: true, arguments: none,
			check: "config", status: "wrong", says: []string{"external_url: must", `"http://webtop.test"`}, fix: []string{" line ", "write external_url: https://webtop.test"}},
		{name: "host-without-dns", edits: []string{`https://tautulli\.test`, "https://tautulli.invalid"}, arguments: none,
			check: "dns", status: "warning", says: []string{"tautulli.invalid, from an external_url, does not resolve"}, fix: []string{"tautulli.invalid A"}},
		{name: "data-on-a-read-only-mount", stopped: true, before: func(t testing.TB) {
			if err := os.MkdirAll(readOnly, 0o700); err != nil {
				t.Fatal(err)
			}
			if err := syscall.Mount("tmpfs", readOnly, "tmpfs", syscall.MS_RDONLY, "mode=700"); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { syscall.Unmount(readOnly, 0) })
		}, edits: []string{`data: \S+`, "data: " + readOnly}, arguments: none,
			check: "data", status: "wrong", says: []string{readOnly + " cannot be written", "read-only file system", "(uid 0)"}, fix: []string{"mkdir -p " + readOnly, "mount it writable: -v ./outpost:" + readOnly}},
		{name: "secret-that-others-may-read", after: func(t testing.TB, s *stage) {
			if err := os.Chmod(filepath.Join(s.daemon.dir, "data", "secret"), 0o644); err != nil {
				t.Fatal(err)
			}
		}, arguments: none,
			check: "secret", status: "wrong", says: []string{"data/secret", "mode 0644"}, fix: []string{"chmod 0600 ", "outpost secret rotate -config "}},
		{name: "common-word-as-secret", edits: []string{`(?s)\z`, "secret: changeme\n"}, stopped: true, arguments: none,
			check: "secret", status: "wrong", says: []string{"secret: must"}, fix: []string{" line ", "openssl rand -base64 48"}},
		{name: "redis-down", edits: []string{`(?s)\z`, sharedSecret + "\nsession: { store: redis, redis: { url: redis://127.0.9.9:6379 } }\n"}, stopped: true, arguments: none,
			check: "store", status: "wrong", says: []string{"redis://127.0.9.9:6379 does not keep a record", "connection refused"}, fix: []string{"under session.redis write the address", "redis-cli -u redis://127.0.9.9:6379 ping"}},
		{name: "nginx-is-no-trusted-proxy", edits: []string{`(?s)\z`, "trusted_proxies: [10.0.0.0/8]\n"},
			check: "trusted-proxies", status: "wrong", says: []string{"nginx asks from 127.0.0.1", "untrusted_peer"}, fix: []string{"write trusted_proxies: [10.0.0.0/8, 127.0.0.1]"}},
		{name: "file-changed-since-the-start", after: func(t testing.TB, s *stage) {
			edit(t, filepath.Join(s.daemon.dir, "config.yaml"), `$`, "\nlog: { format: json }\n")
		}, arguments: none,
			check: "process", status: "warning", says: []string{"has changed since it was started"}, fix: []string{"restart outpost"}},
	}
}
