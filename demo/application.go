package main

// The two small applications. They know nothing of sign-in: they read the
// identity headers that nginx sets, as your own applications would, and can
// trust them because only nginx reaches their sockets.

import "net/http"

// identityHeaders are the headers that the includes of nginx/ set.
var identityHeaders = []string{
	"X-authentik-username",
	"X-authentik-groups",
	"X-authentik-entitlements",
	"X-authentik-email",
	"X-authentik-name",
	"X-authentik-uid",
}

// application returns an application with this name. It shows who is there,
// and leads on to the other one.
func application(name string, other link) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		page := applicationPage{
			Name:    name,
			URL:     "http://" + r.Host + r.URL.RequestURI(),
			Person:  r.Header.Get("X-authentik-name"),
			Other:   other,
			Account: prefix + "/",
			SignOut: prefix + "/sign_out",
		}
		for _, h := range identityHeaders {
			page.Headers = append(page.Headers, header{h, r.Header.Get(h)})
		}
		writePage(w, http.StatusOK, "application.html", page)
	})
}
