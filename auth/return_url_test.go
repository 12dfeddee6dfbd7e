package auth

import (
	"crypto/rand"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"outpost/access"
	"outpost/auth/provider"
	"outpost/session"
	"outpost/session/memory"
)

func newReturnStage(t testing.TB, scheme string) *Outpost {
	t.Helper()
	o, err := New(Config{
		Applications: []Application{
			{Name: "home", ExternalURL: scheme + "://outpost.example.com", CookieDomain: "example.com", Providers: []string{"idp"}, Access: access.Config{Policy: access.Everyone(), DefaultAllow: true}},
			{Name: "router", ExternalURL: scheme + "://router.example.com", Providers: []string{"idp"}},
			{Name: "wiki", ExternalURL: scheme + "://wiki.example.net:8443", Providers: []string{"idp"}},
		},
		Providers: []provider.Config{{Name: "idp", Issuer: "https://idp.example.org", ClientID: "outpost"}},
		Session:   session.Config{Store: memory.New(), Secrets: [][]byte{[]byte(rand.Text() + rand.Text())}, Idle: 1e9, Max: 2e9},
	})
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func TestReturnURL(t *testing.T) {
	o := newReturnStage(t, "https")
	const front = "https://app.example.com/"
	for _, tt := range []struct{ name, host, query, want string }{
		{"escaped", "app.example.com", "rd=https%3A%2F%2Fapp.example.com%2Fx%3Fa%3D1%26b%3D%252F%26c%3D%2Bx", "https://app.example.com/x?a=1&b=%2F&c=+x"},
		{"unescaped", "app.example.com", "rd=https://app.example.com/x?a=1&b=%2F&c=+x", "https://app.example.com/x?a=1&b=%2F&c=+x"},
		{"half-escaped", "app.example.com", "rd=https://app.example.com%2Fx%3Fa%3D1%26b%3D%252F", "https://app.example.com/x?a=1&b=%2F"},
		{"relative", "app.example.com", "rd=/x?a=1&b=2", "https://app.example.com/x?a=1&b=2"},
		{"relative-escaped", "app.example.com", "rd=%2Fx%3Fa%3D1%26b%3D2", "https://app.example.com/x?a=1&b=2"},
		{"plus-stays", "app.example.com", "rd=%2Fx%3Fq%3Da+b", "https://app.example.com/x?q=a+b"},
		{"second-rd-is-part-of-the-first", "app.example.com", "rd=https://app.example.com/x?a=1&rd=https://evil.test/&b=2", "https://app.example.com/x?a=1&rd=https://evil.test/&b=2"},
		{"second-rd-of-escaped", "app.example.com", "rd=%2Fx&rd=https%3A%2F%2Fevil.test", "https://app.example.com/x"},
		{"switch-first", "app.example.com", "switch=1&rd=%2Fx", "https://app.example.com/x"},
		{"sibling-host", "app.example.com", "rd=https://other.example.com/x", "https://other.example.com/x"},
		{"other-port-in-domain", "app.example.com", "rd=https://nas.example.com:5001/x", "https://nas.example.com:5001/x"},
		{"domain-itself", "app.example.com", "rd=https://example.com", "https://example.com/"},
		{"capitals", "app.example.com", "rd=HTTPS://APP.Example.COM/X", "https://app.example.com/X"},
		{"default-port", "app.example.com", "rd=https://app.example.com:443/x", "https://app.example.com/x"},
		{"http-becomes-https", "app.example.com", "rd=http://app.example.com/x", "https://app.example.com/x"},
		{"http3-no-host", "app.example.com", "rd=https%3A%2F%2F%2Fx%3Fy", "https://app.example.com/x?y"},
		{"utf-8", "app.example.com", "rd=https://app.example.com/\xc3\xa4", "https://app.example.com/%C3%A4"},
		{"fragment-is-cut", "app.example.com", "rd=%2Fx%23%2Fevil", "https://app.example.com/x"},
		{"backslash-in-path", "app.example.com", `rd=https://app.example.com/\evil.test`, "https://app.example.com/%5Cevil.test"},
		{"double-slash-path", "app.example.com", "rd=https://app.example.com//evil.test", "https://app.example.com//evil.test"},
		{"single-application-of-the-domain", "app.example.com", "rd=https://router.example.com/x", "https://router.example.com/x"},
		{"own-port", "wiki.example.net", "rd=https://wiki.example.net:8443/x", "https://wiki.example.net:8443/x"},
		{"relative-gets-the-port", "wiki.example.net", "rd=/x", "https://wiki.example.net:8443/x"},

		{"none", "app.example.com", "", front},
		{"empty", "app.example.com", "rd=", front},
		{"other-host", "app.example.com", "rd=https://evil.test/", front},
		{"no-label-border", "app.example.com", "rd=https://evilexample.com/", front},
		{"domain-as-label", "app.example.com", "rd=https://example.com.evil.test/", front},
		{"from-single-to-domain", "router.example.com", "rd=https://app.example.com/", "https://router.example.com/"},
		{"from-single-to-single", "router.example.com", "rd=https://wiki.example.net:8443/", "https://router.example.com/"},
		{"from-domain-to-other-domain", "app.example.com", "rd=https://wiki.example.net:8443/", front},
		{"other-port-of-single", "wiki.example.net", "rd=https://wiki.example.net/x", "https://wiki.example.net:8443/"},
		{"user", "app.example.com", "rd=https://app.example.com@evil.test/", front},
		{"user-and-port", "app.example.com", "rd=https://app.example.com:443@evil.test/", front},
		{"backslash-in-host", "app.example.com", `rd=https://evil.test\.example.com/`, front},
		{"scheme-relative", "app.example.com", "rd=//evil.test", front},
		{"scheme-relative-escaped", "app.example.com", "rd=%2F%2Fevil.test", front},
		{"slash-backslash", "app.example.com", `rd=/\evil.test`, front},
		{"tab", "app.example.com", "rd=%2F%09%2Fevil.test", front},
		{"newline", "app.example.com", "rd=%2Fx%0d%0aSet-Cookie:x", front},
		{"opaque", "app.example.com", "rd=https:evil.test", front},
		{"one-slash", "app.example.com", "rd=https:/evil.test", front},
		{"javascript", "app.example.com", "rd=javascript://app.example.com/%250aalert(1)", front},
		{"data", "app.example.com", "rd=data:text/html,x", front},
		{"full-width-host", "app.example.com", "rd=https://\xef\xbd\x81pp.example.com/", front},
		{"ideographic-dot", "app.example.com", "rd=https://example.com\xe3\x80\x82evil.test/", front},
		{"percent-in-host", "app.example.com", "rd=https://evil.test%252f.example.com/", front},
		{"leading-dot", "app.example.com", "rd=https://.example.com/", front},
		{"two-dots", "app.example.com", "rd=https://app..example.com/", front},
		{"port-zero", "app.example.com", "rd=https://app.example.com:0/", front},
		{"port-too-large", "app.example.com", "rd=https://app.example.com:65536/", front},
		{"port-empty", "app.example.com", "rd=https://app.example.com:/", front},
		{"own-start", "app.example.com", "rd=/outpost.goauthentik.io/start?rd=/x", front},
		{"own-sign-out", "app.example.com", "rd=https://app.example.com/outpost.goauthentik.io/sign_out", front},
		{"too-long", "app.example.com", "rd=/" + strings.Repeat("a", 6001), front},
		{"as-long-as-it-may-be", "app.example.com", "rd=" + front + strings.Repeat("a", 6000-len(front)), front + strings.Repeat("a", 6000-len(front))},
		{"a-byte-too-long", "app.example.com", "rd=" + front + strings.Repeat("a", 6000-len(front)+1), front},
		{"as-long-as-it-may-be-with-the-host-put-before-it", "app.example.com", "rd=/" + strings.Repeat("a", 6000-len(front)), front + strings.Repeat("a", 6000-len(front))},
		{"too-long-with-the-host-put-before-it", "app.example.com", "rd=/" + strings.Repeat("a", 6000-len(front)+1), front},
		{"too-long-with-a-fragment-that-would-be-cut", "app.example.com", "rd=%2Fx%23" + strings.Repeat("a", 6000), front},
		{"too-long-once-it-is-escaped-for-a-cookie", "app.example.com", "rd=" + front + strings.Repeat("^", 3000), front},
		{"bad-escape", "app.example.com", "rd=%zz", front},
	} {
		t.Run(tt.name, func(t *testing.T) {
			app := o.applications.find(tt.host)
			got, owner, _ := o.returnURL(tt.query, tt.host, app)
			if got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
			u, err := url.Parse(got)
			if err != nil || o.applications.find(u.Host) != owner {
				t.Errorf("%s does not belong to %s", got, owner.name)
			}
		})
	}
}

func TestReturnURLKeepsHTTPWhereItIsMeant(t *testing.T) {
	o := newReturnStage(t, "http")
	got, _, _ := o.returnURL("rd=http://app.example.com/x", "app.example.com", o.applications.find("app.example.com"))
	if got != "http://app.example.com/x" {
		t.Errorf("got %s", got)
	}
}

// onlyOurs is how a Location may look: whatever parser reads it, its scheme
// and host can be read in one way.
var onlyOurs = regexp.MustCompile(`^https://(([a-z0-9-]+\.)*example\.com(:[0-9]+)?|wiki\.example\.net:8443)/[!-~]*$`)

func FuzzReturnURL(f *testing.F) {
	for _, seed := range []string{
		"rd=https://app.example.com/x?a=1&b=2", "rd=%2F%2Fevil.test", `rd=/\evil.test`, "rd=https:///evil.test", "rd=https:evil.test",
		"rd=https://app.example.com%2F..%2Fx", "rd=http://a%40evil.test/", "rd=/\t/evil.test", "switch=1&rd=%68ttps://evil.test", "rd=https://example.com:443%2f",
	} {
		f.Add(seed, "app.example.com")
		f.Add(seed, "wiki.example.net")
		f.Add(seed, "router.example.com")
	}
	o := newReturnStage(f, "https")
	f.Fuzz(func(t *testing.T, query, host string) {
		app := o.applications.find(host)
		if app == nil || host != strings.ToLower(host) || !onlyOurs.MatchString("https://"+app.host+"/") {
			t.Skip("not a host that reaches this function")
		}
		if clean := regexp.MustCompile(`^[a-z0-9.-]+$`); !clean.MatchString(host) || strings.Contains(host, "..") || host[0] == '.' {
			t.Skip("not a host that reaches this function")
		}
		got, owner, _ := o.returnURL(query, host, app)
		if !onlyOurs.MatchString(got) || strings.Contains(got, `\`) {
			t.Errorf("rd %q at %s leads to %q", query, host, got)
		}
		to, _, _ := strings.Cut(strings.TrimPrefix(got, "https://"), "/")
		if o.applications.find(to) != owner {
			t.Errorf("%q is not of application %s", got, owner.name)
		}
		if again, _, _ := o.returnURL("rd="+got, owner.host, owner); again != got {
			t.Errorf("%q is not accepted again: %q", got, again)
		}
	})
}

func FuzzState(f *testing.F) {
	o := newReturnStage(f, "https")
	state, _, err := o.flows.begin(newBrowser(), &flow{application: "home", provider: "idp", returnURL: "https://app.example.com/x"})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(state)
	f.Add("")
	f.Fuzz(func(t *testing.T, s string) {
		fl, _, err := o.flows.open(s)
		if (err == nil) != (s == state) {
			t.Errorf("state %q: %+v, %v", s, fl, err)
		}
	})
}

func FuzzDecodeFlow(f *testing.F) {
	fl := &flow{application: "home", provider: "idp", returnURL: "https://app.example.com/x"}
	f.Add(fl.encode())
	fl.kept = keptURL{1, [32]byte{2}}
	f.Add(fl.encode())
	f.Add([]byte{flowVersion})
	f.Fuzz(func(t *testing.T, in []byte) {
		if fl, err := decodeFlow(in); err == nil && len(fl.application)+len(fl.provider)+len(fl.returnURL) > len(in) {
			t.Errorf("%d bytes make %+v", len(in), fl)
		}
		decodeBrowser(in)
	})
}

// What goes to a browser stays under what browsers and nginx take.
func TestSizes(t *testing.T) {
	o := newReturnStage(t, "https")
	app := o.applications.byName["home"]
	state, _, err := o.flows.begin(newBrowser(), &flow{application: "home", provider: "idp", returnURL: "https://app.example.com/" + strings.Repeat("a", maxInlineReturnURL-24)})
	if err != nil || len(state) > 1600 {
		t.Errorf("state has %d bytes, %v", len(state), err)
	}
	b := newBrowser()
	value, err := o.flows.seals.Load().browsers.Seal(app.browser.Name, b.encode())
	if err != nil || len(value) > 256 {
		t.Errorf("browser cookie has %d bytes, %v", len(value), err)
	}
}
