package nginx

// Rules for the location that asks the outpost: who can reach it, what it
// passes on, and whether its answer is the outpost's own and of this moment.

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// checkRules holds a location that answers an auth_request to them.
func (t *site) checkRules(s *scope) {
	if s.last("internal") == nil {
		t.report("check-not-internal", s.at, s,
			"anybody can put questions to the outpost here, with headers of their own: write internal; in this location")
	}
	if s.handler() == nil {
		return
	}
	t.checkBody(s)
	t.checkHeaders(s)
	t.checkAnswer(s)
	if asksAt(s) != "" && s.own("auth_request") != nil {
		t.report("check-asks-itself", s.last("auth_request"), s,
			"the check's own location has an auth_request, which nginx does not run for a check: take it away")
	}
}

func (t *site) checkBody(s *scope) {
	off, isOff := s.is("proxy_pass_request_body", "off")
	length := s.headers()["content-length"]
	switch {
	case !isOff:
		if off == nil {
			off = s.at
		}
		t.report("check-passes-body", off, s,
			"the body of every upload goes to the outpost, which reads none: write proxy_pass_request_body off; and proxy_set_header Content-Length \"\"; in this location")
	case length == nil || length.arg(1) != "":
		t.report("check-passes-body", off, s,
			"the body is not passed but its length is, so the outpost waits for a body: write proxy_set_header Content-Length \"\"; in this location")
	}
}

// needed are the headers that the outpost reads and that nobody but nginx may
// write, with the line that does.
var needed = []struct{ name, line, without string }{
	{"X-Original-URL", "proxy_set_header X-Original-URL $scheme://$host$request_uri;", "the outpost does not know which URL is meant and answers 500, or takes the client's word for it"},
	{"X-Original-Method", "proxy_set_header X-Original-Method $request_method;", "every check is a GET, and rules that name a method take the client's word for it"},
	{"Host", "proxy_set_header Host $host;", "nginx sends the name of the upstream, and the outpost refuses a request with two hosts"},
	{"X-Forwarded-For", "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;", "rules for networks take the client's word for its address"},
}

func (t *site) checkHeaders(s *scope) {
	set := s.headers()
	for _, n := range needed {
		if set[strings.ToLower(n.name)] == nil {
			t.report("check-header-missing", s.at, s, fmt.Sprintf("%s is not set: %s; write %s", n.name, n.without, n.line))
		}
	}
	if d := set["x-original-url"]; d != nil && d.arg(1) == "" {
		t.report("check-header-missing", d, s, "X-Original-URL is set to nothing: the outpost answers 500 to every check")
	}
}

func (t *site) checkAnswer(s *scope) {
	if d := s.last("proxy_cache"); d != nil && d.arg(0) != "off" {
		t.report("check-cached", d, s,
			"answers to checks are kept, so one person's yes lets others in, and one who signed out: write proxy_cache off; in this location")
	}
	if d, on := s.is("proxy_intercept_errors", "on"); on {
		t.report("check-intercepted", d, s,
			"an error_page may take the place of the outpost's 401, and a page that answers 200 lets everybody in: write proxy_intercept_errors off; in this location")
	}
	if d := s.last("proxy_buffer_size"); d != nil {
		if size, err := bytesOf(d.arg(0)); err == nil && size < 4<<10 {
			t.report("check-buffer-small", d, s, fmt.Sprintf(
				"proxy_buffer_size %s is less than the headers of an allowed answer may take, and nginx makes 500 of those: write proxy_buffer_size 16k; and proxy_buffers 4 16k;", d.arg(0)))
		}
	}
}

// bytesOf reads a size as nginx writes it: 4096, 4k, 1m.
func bytesOf(text string) (int, error) {
	unit := 1
	if end := len(text) - 1; end > 0 {
		switch text[end] {
		case 'k', 'K':
			text, unit = text[:end], 1<<10
		case 'm', 'M':
			text, unit = text[:end], 1<<20
		}
	}
	size, err := strconv.Atoi(text)
	return size * unit, err
}

// hostRule finds addresses that are made of the client's own text in a server
// that speaks HTTP/3, where it is empty.
func (t *site) hostRule(s *scope) {
	quic := slices.ContainsFunc(t.own("listen"), func(d *Directive) bool { return slices.Contains(d.Args, "quic") })
	if off, isOff := t.is("http3", "off"); !quic || isOff && off != nil {
		return
	}
	for _, d := range s.lines {
		if d.Name == "if" || !slices.ContainsFunc(d.Args, func(a string) bool {
			return strings.Contains(a, "$http_host") || strings.Contains(a, "${http_host}")
		}) {
			continue
		}
		t.report("host-empty-on-http3", d, s,
			"$http_host is empty on HTTP/3, so the address has no host: write $host in its place, here and in the other lines of this file")
	}
}
