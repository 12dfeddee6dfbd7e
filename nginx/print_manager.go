package nginx

// For Nginx Proxy Manager: a text for the Advanced tab of each proxy host. It
// stands in the server block, where forward_scheme, server and port are set.

import (
	"cmp"
	"fmt"
	"strings"
)

func printManager(s Site) ([]File, error) {
	if strings.HasPrefix(s.Outpost, "unix:") {
		return nil, fmt.Errorf("the outpost is at %s, and Nginx Proxy Manager wants host:port: name the container with --outpost outpost:9000", s.Outpost)
	}
	var files []File
	for _, h := range s.hosts() {
		files = append(files, File{"npm-" + h.url.Hostname() + ".conf", managed(s, h), "into the Advanced tab of the proxy host " + h.url.Hostname()})
	}
	for _, a := range s.domains() {
		h := hostOf{a.ExternalURL, []Application{a}}
		a.CookieDomain = "" // as if it were an application at this host
		h.apps[0] = a
		files = append(files, File{"npm-" + a.Name + "-application.conf", managed(s, h), "into the Advanced tab of each other proxy host that " + a.Name + " protects"})
	}
	return files, nil
}

// managed is the text for a host.
func managed(s Site, h hostOf) string {
	var b strings.Builder
	b.WriteString(printed(
		"For the Advanced tab. \"location /\" here takes the place of the one that Nginx Proxy Manager",
		"would write, and of its switches: leave Cache Assets off, since what it adds asks nobody."))
	fmt.Fprintf(&b, "# Looked up while nginx runs, so that it starts without the outpost.\nset $upstream_outpost %s;\n\n", cmp.Or(s.Outpost, "outpost:9000"))
	b.WriteString("# The port that the browser typed; the rest of $http_host is not trusted.\nset $outpost_port \"\";\nif ($http_host ~ \"(:[0-9]+)$\") {\n    set $outpost_port $1;\n}\n\n")
	pages := checkAndPages("$upstream_outpost")
	// With a variable, what is asked is said in full.
	check, rest, _ := strings.Cut(pages, "proxy_pass http://$upstream_outpost;")
	b.WriteString(check + "proxy_pass http://$upstream_outpost/outpost.goauthentik.io/auth/nginx;" + rest)
	for _, a := range h.apps {
		if a.domain() {
			b.WriteString("\n# People sign in here; nothing else is here.\nlocation / {\n    return 404;\n}\n")
			continue
		}
		location := "location /"
		if a.path() != "" {
			location = "location ^~ " + a.path() + "/"
		}
		if note := a.unnamed(); note != "" {
			b.WriteString("\n# " + note)
		}
		b.WriteString("\n" + location + " {\n" + indent(protect("@outpost_sign_in", a)+"\n"+proxied("$forward_scheme://$server:$port", "$http_connection"), "    ") + "}\n")
	}
	return b.String()
}
