package migrate

// What oauth2-proxy tells applications, and how it keeps sessions.

import (
	"net/url"
	"strings"
)

// headers is what the application is told.
func (o *oauth2Proxy) headers() {
	s, a, d := o.s, o.a, o.d
	proxied := false
	for _, to := range s.find("upstreams").list() {
		u, err := url.Parse(to)
		proxied = proxied || err == nil && (u.Scheme == "http" || u.Scheme == "https" || u.Scheme == "unix")
	}
	if g := s.take("upstreams"); g != nil {
		d.warn(g.from, "nginx leads to the application: proxy_pass in its location")
	}
	user, email := "{subject}", s.take("prefer_email_to_user")
	if email.yes() {
		user = "{email}"
	}
	password := s.take("basic_auth_password")
	basic, passes := s.take("set_basic_auth"), s.take("pass_basic_auth")
	if password != nil && (basic.yes() || proxied && (passes == nil || passes.yes())) {
		a.put("basic_auth", "{ username: "+quote(user)+", password: "+quoted(variable("OUTPOST_BASIC_AUTH_PASSWORD"))+" }", password.from+", which is not copied")
		d.warn(password.from, "is a secret and was not copied: set OUTPOST_BASIC_AUTH_PASSWORD, or write ${file:…} and put it there")
	}
	users := s.take("pass_user_headers")
	x := s.take("set_xauthrequest")
	switch {
	case o.said != nil:
		for _, l := range o.said {
			header(a, l)
		}
	case x.yes():
		a.put("headers", "{ presets: auth-request }", x.from)
	case proxied && (users == nil || users.yes()):
		from := "pass_user_headers, as oauth2-proxy has it by default"
		if users != nil {
			from = users.from
		}
		a.set = append(a.set, line{"X-Forwarded-User", quote(user), from})
		if !email.yes() {
			a.set = append(a.set, line{"X-Forwarded-Email", quote("{email}"), from})
		}
		a.set = append(a.set, line{"X-Forwarded-Preferred-Username", quote("{username}"), from},
			line{"X-Forwarded-Groups", "{ value: " + quote("{groups}") + ", join: \",\" }", from})
	default:
		a.put("headers", "{ presets: none }", "no set_xauthrequest")
	}
	for _, name := range []string{"set_authorization_header", "pass_authorization_header", "pass_access_token"} {
		if g := s.take(name); g.yes() {
			d.warn(g.from, "no token of the provider's goes out in Authorization; headers: { jwt: true } sends the ID token as X-authentik-jwt, to applications that verify it")
		}
	}
}

// header sets one of the application's own; the last that is said of a name counts.
func header(a *application, l line) {
	for i := range a.set {
		if strings.EqualFold(a.set[i].key, l.key) {
			a.set[i] = l
			return
		}
	}
	a.set = append(a.set, l)
}

// sessions is how long, and where.
func (o *oauth2Proxy) sessions() {
	s, d := o.s, o.d
	for _, one := range [][2]string{{"max", "cookie_expire"}, {"recheck", "cookie_refresh"}} {
		g := s.take(one[1])
		if g == nil {
			continue
		}
		text := duration(g.text())
		switch {
		case text != "":
			d.session.put(one[0], text, g.from)
		case one[0] == "recheck" && (g.text() == "0" || strings.HasPrefix(g.text(), "0s")):
			d.session.put("recheck", "off", g.from)
		default:
			d.warn(g.from, "%q is no lifetime that a session may have here", g.text())
		}
	}
	if kind := s.find("session_store_type"); kind.text() == "redis" {
		o.redis()
	}
}

func (o *oauth2Proxy) redis() {
	s, d := o.s, o.d
	kind := s.take("session_store_type")
	d.session.put("store", "redis", kind.from)
	d.other.put("secret", quoted(variable("OUTPOST_SECRET")), "to do: replicas need the same one")
	d.warn(kind.from, "sessions in Redis want a secret that all replicas have: set OUTPOST_SECRET to the output of openssl rand -base64 48")
	where, sentinel, cluster := s.take("redis_connection_url"), s.take("redis_use_sentinel"), s.take("redis_use_cluster")
	sentinels, nodes, master := s.take("redis_sentinel_connection_urls"), s.take("redis_cluster_connection_urls"), s.take("redis_sentinel_master_name")
	switch {
	case sentinel.yes() && sentinels != nil:
		d.redis.put("sentinel", "{ addresses: "+list(addresses(sentinels.list()))+", master: "+quote(master.text())+" }", sentinels.from)
	case cluster.yes() && nodes != nil:
		d.redis.put("cluster", "{ addresses: "+list(addresses(nodes.list()))+" }", nodes.from)
	case where != nil:
		if u, err := url.Parse(where.text()); err == nil {
			if u.User != nil {
				d.redis.put("password", quoted(variable("OUTPOST_REDIS_PASSWORD")), where.from+", where it is not copied from")
				d.warn(where.from, "has a password, which was not copied: set OUTPOST_REDIS_PASSWORD")
				u.User = nil
			}
			if n := strings.Trim(u.Path, "/"); n != "" && u.Scheme != "unix" {
				d.redis.put("database", quote(n), where.from)
				u.Path = ""
			}
			u.RawQuery = ""
			d.redis.put("url", quote(u.String()), where.from)
		} else {
			d.warn(where.from, "is no URL")
		}
	default:
		d.redis.put("url", quoted(variable("OUTPOST_REDIS_URL")), "to do")
		d.warn(kind.from, "does not say where Redis is: set OUTPOST_REDIS_URL")
	}
	if g := s.take("redis_username"); g != nil {
		d.redis.put("username", quote(g.text()), g.from)
	}
	if g := s.take("redis_password"); g != nil {
		d.redis.put("password", quoted(variable("OUTPOST_REDIS_PASSWORD")), g.from+", which is not copied")
		d.warn(g.from, "is a secret and was not copied: set OUTPOST_REDIS_PASSWORD")
	}
	if g := s.take("redis_ca_path"); g != nil {
		d.redis.put("ca_file", quote(g.text()), g.from)
	}
}

// addresses are host:port of URLs.
func addresses(urls []string) (all []string) {
	for _, one := range urls {
		if u, err := url.Parse(one); err == nil && u.Host != "" {
			one = u.Host
		}
		all = append(all, one)
	}
	return all
}
