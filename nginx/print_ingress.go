package nginx

// For ingress-nginx: manifests for each host. It asks at auth/authelia, since it
// has the service's name in Host, and its own template writes the lines that the
// other kinds have in files.

import (
	"cmp"
	"fmt"
	"strings"

	"outpost/headers"
)

func printIngress(s Site) ([]File, error) {
	at := cmp.Or(s.Outpost, "outpost.auth.svc.cluster.local:9000")
	if strings.HasPrefix(at, "unix:") {
		return nil, fmt.Errorf("the outpost is at %s, and ingress-nginx wants a service: name it with --outpost outpost.auth.svc.cluster.local:9000", at)
	}
	service, rest, _ := strings.Cut(at, ".")
	namespace, port := "auth", at[strings.LastIndexByte(at, ':')+1:]
	if first, _, found := strings.Cut(rest, ".svc"); found {
		namespace = first
	}
	service, _, _ = strings.Cut(service, ":")
	var files []File
	for _, a := range s.Applications {
		files = append(files, File{"ingress-" + a.Name + ".yaml", manifests(a, at, service, namespace, port), "kubectl apply, with the name, namespace and service of the application in it"})
	}
	return files, nil
}

// manifests are what one application needs.
func manifests(a Application, at, service, namespace, port string) string {
	host, path := a.ExternalURL.Hostname(), cmp.Or(a.path(), "/")
	origin := a.ExternalURL.Scheme + "://" + a.ExternalURL.Host
	about := "Ingresses for " + a.where() + "."
	if a.domain() {
		// The host of an application is known to its operator alone.
		host, origin, path = "app."+a.CookieDomain, a.ExternalURL.Scheme+"://app."+a.CookieDomain, "/"
		about += " Write the application's own host for " + host + ", and apply this for each."
	}
	names := a.Headers
	for _, name := range families()[0] {
		names = appendName(names, name)
	}
	var b strings.Builder
	b.WriteString(printed(about, "Change the names, namespace and service of the application; front_ends has to have authelia.", a.unnamed()))
	fmt.Fprintf(&b, `apiVersion: v1
kind: ConfigMap
metadata:
  name: outpost-headers-%[1]s
  namespace: %[2]s
data:
  X-Forwarded-Host: $host
  X-Outpost-Includes: "%[3]s; headers=%[4]s"
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: %[1]s
  annotations:
    nginx.ingress.kubernetes.io/auth-url: http://%[5]s/outpost.goauthentik.io/auth/authelia
    nginx.ingress.kubernetes.io/auth-signin: %[6]s/outpost.goauthentik.io/start?rd=$scheme://$http_host$escaped_request_uri
    nginx.ingress.kubernetes.io/auth-response-headers: %[7]s
    nginx.ingress.kubernetes.io/auth-proxy-set-headers: %[2]s/outpost-headers-%[1]s
`, a.Name, namespace, Needed, headers.Digest(a.Headers), at, origin, strings.Join(names, ","))
	b.WriteString(ingressRule(host, path, "Prefix", a.Name, "80"))
	fmt.Fprintf(&b, "---\n# The outpost's pages, which need no sign-in.\napiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata:\n  name: outpost-pages-%s\n  namespace: %s\n", a.Name, namespace)
	b.WriteString(ingressRule(host, "/outpost.goauthentik.io", "Prefix", service, port))
	fmt.Fprintf(&b, "---\n# The checks are nobody's business from outside: a service that there is none of, which answers 503.\napiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata:\n  name: outpost-checks-%s\n  namespace: %s\n", a.Name, namespace)
	b.WriteString(ingressRule(host, "/outpost.goauthentik.io/auth", "Prefix", "outpost-nothing", "80"))
	return b.String()
}

func ingressRule(host, path, kind, service, port string) string {
	return fmt.Sprintf(`spec:
  ingressClassName: nginx
  rules:
    - host: %s
      http:
        paths:
          - path: %s
            pathType: %s
            backend:
              service:
                name: %s
                port:
                  number: %s
`, host, path, kind, service, port)
}
