package nginx

// For an nginx without SWAG and without modules that it does not bring along: the
// parts of example.nginx.conf as files that include each other by names beside
// nginx.conf, and a server block for each host.

import (
	"cmp"
	"fmt"
	"strings"
)

func printPlain(s Site) ([]File, error) {
	example := shipped("example.nginx.conf")
	upstream := between(example, "    upstream outpost {", "    }")
	if s.Outpost != "" {
		upstream = strings.Replace(upstream, "127.0.0.1:9000", s.Outpost, 1)
	}
	files := []File{
		{"outpost-http.conf", printed("At the http level, once: where the outpost is, and the port that the browser typed.") +
			upstream + "\n" + between(example, "    # WebSockets pass;", "    }") + "\n" + between(example, "    # The port that the browser typed;", "    }"),
			"in the http block, before the server blocks"},
		{"outpost-server.conf", printed("Inside a server block: the outpost's own locations, and the way to the sign-in.") + checkAndPages("outpost"),
			"in each server block with a protected location"},
		{"outpost-clear.conf", printed(
			"Inside each location that is proxied WITHOUT a sign-in: removes the identity headers,",
			"so that no client can pass for somebody by sending them.") + clears(s.everybodys()),
			"in each location that is proxied without a sign-in"},
	}
	for _, a := range s.Applications {
		files = append(files, File{"outpost-app-" + a.Name + ".conf", printed(
			"Inside each location of "+a.where()+" that needs a sign-in: asks the outpost,",
			"and hands the application what it answered.", a.unnamed()) + protect("@outpost_sign_in", a),
			fmt.Sprintf("in the locations of %s that need a sign-in", a.where())})
	}
	for _, h := range s.hosts() {
		files = append(files, File{"outpost-site-" + h.url.Hostname() + ".conf", h.server(), "an example of a server block for " + h.url.Host + ": change the certificate and where the application is"})
	}
	return files, nil
}

// protect are the lines of a location that needs a sign-in.
func protect(signIn string, a Application) string {
	names := a.Headers
	for _, family := range families()[:1] { // authentik's are overwritten in any case
		for _, name := range family {
			names = appendName(names, name)
		}
	}
	return "auth_request /outpost.goauthentik.io/auth/nginx;\nerror_page 401 = " + signIn + ";\n" + a.stamp() + "\n\n" + hands(names)
}

// appendName appends a name that is not there yet, whatever its case.
func appendName(names []string, name string) []string {
	for _, known := range names {
		if strings.EqualFold(known, name) {
			return names
		}
	}
	return append(names[:len(names):len(names)], name)
}

// checkAndPages are the outpost's own locations for a server block, which asks at
// the upstream of this name.
func checkAndPages(upstream string) string {
	text := between(shipped("example.nginx.conf"), "        # The check: every header", "            return 302 /outpost.goauthentik.io/start?rd=$scheme://$host$outpost_port$request_uri;") + "}\n"
	text = strings.ReplaceAll(text, "proxy_pass http://outpost;", "proxy_pass http://"+upstream+";")
	text = strings.ReplaceAll(text, "@sign_in", "@outpost_sign_in")
	text = strings.ReplaceAll(text, "X-Outpost-Includes "+Needed+";", "X-Outpost-Includes "+Needed+"$outpost_headers;")
	return "# A location's include says which headers it hands on; elsewhere nothing does.\n" +
		"uninitialized_variable_warn off;\nset $outpost_headers $outpost_headers;\n\n" + text
}

// server is a server block for a host.
func (h hostOf) server() string {
	var b strings.Builder
	b.WriteString(printed("At the http level: "+h.url.Host+". Change the certificate, and where the application is.") + "server {\n")
	if h.url.Scheme == "https" {
		fmt.Fprintf(&b, "    listen %s ssl;\n", cmp.Or(h.url.Port(), "443"))
	} else {
		fmt.Fprintf(&b, "    listen %s;\n", cmp.Or(h.url.Port(), "80"))
	}
	fmt.Fprintf(&b, "    server_name %s;\n", h.url.Hostname())
	if h.url.Scheme == "https" {
		b.WriteString("\n    ssl_certificate /etc/nginx/tls/fullchain.pem;\n    ssl_certificate_key /etc/nginx/tls/privkey.pem;\n")
	}
	b.WriteString("\n    include outpost-server.conf;\n")
	for _, a := range h.apps {
		if a.domain() {
			b.WriteString("\n    # People sign in here; nothing else is here.\n    location / {\n        return 404;\n    }\n")
			continue
		}
		location := "location " + cmp.Or(a.path(), "/")
		if a.path() != "" {
			location = "location ^~ " + a.path() + "/"
			fmt.Fprintf(&b, "\n    location = %s {\n        absolute_redirect off;\n        return 302 %s/;\n    }\n", a.path(), a.path())
		}
		b.WriteString("\n    " + location + " {\n        include outpost-app-" + a.Name + ".conf;\n\n" + indent(proxied("http://127.0.0.1:8080", "$connection_upgrade"), "        ") + "    }\n")
	}
	return b.String() + "}\n"
}

// proxied are the lines of a location that leads to an application.
func proxied(to, connection string) string {
	return "proxy_pass " + to + `;
proxy_http_version 1.1;
proxy_set_header Connection ` + connection + `;
proxy_set_header Upgrade $http_upgrade;
proxy_set_header Host $host$outpost_port;
proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
proxy_set_header X-Forwarded-Host $host$outpost_port;
proxy_set_header X-Forwarded-Proto $scheme;
proxy_set_header X-Real-IP $remote_addr;
`
}
