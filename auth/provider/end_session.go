package provider

// end_session.go is where a browser signs out of the provider: its end-session
// endpoint (OpenID Connect RP-Initiated Logout 1.0 §2), or the address that is
// configured for a provider with a way of its own.

import (
	"net/url"
	"strings"
)

// EndSessionURL is the address with what it needs to know; "" if the provider
// has none, or was never reached. Query holds client_id,
// post_logout_redirect_uri, and as far as there are any id_token_hint and
// state.
func (p *Provider) EndSessionURL(query url.Values) string {
	if p.endSession != "" {
		return filledIn(p.endSession, query)
	}
	m := p.known.Load()
	if m == nil || m.EndSession == "" {
		return ""
	}
	u, err := url.Parse(m.EndSession)
	if err != nil {
		return ""
	}
	own := u.Query()
	for name, values := range query {
		own[name] = values
	}
	u.RawQuery = own.Encode()
	return u.String()
}

// filledIn puts values in the places of {client_id} and so on in a template's
// query. A parameter that is nothing but one without a value is left out.
func filledIn(template string, values url.Values) string {
	base, query, _ := strings.Cut(template, "?")
	var pairs []string
	for pair := range strings.SplitSeq(query, "&") {
		name, given, _ := strings.Cut(pair, "=")
		value := given
		for _, placeholder := range []string{"client_id", "post_logout_redirect_uri", "id_token_hint", "state"} {
			value = strings.ReplaceAll(value, "{"+placeholder+"}", url.QueryEscape(values.Get(placeholder)))
		}
		switch {
		case value == given:
			pairs = append(pairs, pair)
		case value != "":
			pairs = append(pairs, name+"="+value)
		}
	}
	return strings.TrimSuffix(base+"?"+strings.Join(pairs, "&"), "?")
}
