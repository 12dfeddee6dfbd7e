// Package nginx holds the configuration files that people put beside the
// outpost, as the program carries them, and reads those that people have: Lint
// says of each location who gets in.
//
// It decides nothing for a request: what nginx asks, which headers it sets and
// what it hands to an application stands in the files themselves, and the tests
// hold them against package headers. The package does not render them for a
// host, look for an nginx or reload one.
package nginx

import "embed"

// Files are the files of this folder, by name, as they are to be installed:
//
//	authentik-server.conf         in a server block: the outpost's own locations
//	authentik-location.conf       in each location that needs a sign-in
//	outpost-domain-server.conf    the same for domain mode, with
//	outpost-domain-location.conf  a sign-in that goes straight to its host
//	outpost-remote-user.conf      in such a location as well, for a preset
//	outpost-webauth.conf          of headers that is not authentik's
//	outpost-auth-request.conf
//	outpost-authorization.conf    likewise, for basic_auth
//	outpost-clear.conf            in each proxied location that needs no sign-in
//	outpost-keepalive.conf        at the http level: connections that stay open
//	outpost.subdomain.conf        at the http level: the sign-in host of domain mode
//	example.nginx.conf            a whole nginx.conf without SWAG
//
//go:embed *.conf
var Files embed.FS
