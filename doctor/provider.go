package doctor

// What package provider found out about each provider, as lines.

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"outpost/auth"
	"outpost/auth/provider"
	"outpost/config"
)

const (
	skewLimit  = time.Minute      // beyond it every ID token is refused
	skewNotice = 10 * time.Second // a clock that is set is nearer
)

// providers asks all of them at once, and tells in the file's order.
func (c *chart) providers(ctx context.Context) {
	found := make([]provider.Examination, len(c.Providers))
	var wg sync.WaitGroup
	for i, p := range c.Providers {
		wg.Go(func() { found[i] = provider.Examine(ctx, p, redirectURIs(c.Applications, p.Name), c.Network) })
	}
	wg.Wait()
	for i, p := range c.Providers {
		c.provider(c.Config.Providers[i], found[i])
		c.clock(p.Name, found[i])
		if found[i].Err != nil {
			continue
		}
		c.known(c.Config.Providers[i], found[i])
	}
}

// redirectURIs are those of the provider's applications, each once, in the file's
// order.
func redirectURIs(apps []auth.Application, provider string) []string {
	var all []string
	for _, a := range apps {
		if uri := a.RedirectURI(provider); slices.Contains(a.Providers, provider) && !slices.Contains(all, uri) {
			all = append(all, uri)
		}
	}
	return all
}

// provider tells whether it is there and who the file says.
func (c *chart) provider(p config.Provider, x provider.Examination) {
	host := p.Issuer
	if u, err := url.Parse(p.Issuer); err == nil {
		host = u.Hostname()
	}
	where := "provider " + p.Name
	why := ""
	if x.Err != nil {
		why = x.Err.Error()
	}
	if p.BackchannelURL != "" && (x.Trouble == provider.TroubleName || x.Trouble == provider.TroubleConnect) {
		c.wrong("provider", fmt.Sprintf("%s is not reached at its backchannel_url %s: %s", p.Name, p.BackchannelURL, why),
			c.edit(where, "backchannel_url: the address at which this machine reaches it, or take that line out to reach it at its issuer"))
		return
	}
	switch x.Trouble {
	case "":
		c.ok("provider", fmt.Sprintf("%s answers at %s", p.Name, x.From))
		c.ok("issuer", fmt.Sprintf("%s calls itself %s, as the file says", p.Name, p.Issuer))
		c.ok("algorithms", fmt.Sprintf("%s signs with what is accepted: %s", p.Name, strings.Join(x.Accepted, ", ")))
	case provider.TroubleIssuer:
		c.ok("provider", fmt.Sprintf("%s answers at %s", p.Name, x.From))
		c.wrong("issuer", fmt.Sprintf("%s calls itself %q, the file says %q: no ID token of it would be accepted", p.Name, x.Issuer, p.Issuer), c.edit(where, "issuer: "+x.Issuer))
	case provider.TroubleAlgorithms:
		c.ok("provider", fmt.Sprintf("%s answers at %s", p.Name, x.From))
		c.wrong("algorithms", fmt.Sprintf("%s signs ID tokens with %s only; whoever knows the client secret could make one", p.Name, strings.Join(x.Algorithms, ", ")),
			"give the client a signing key at the provider (authentik: Providers, Edit, Signing Key), so that it signs with RS256 or ES256")
	case provider.TroubleName:
		c.wrong("provider", fmt.Sprintf("%s: %s does not resolve from here: %s. A browser may well find it", p.Name, host, why),
			fmt.Sprintf("give the provider's or nginx's container the network alias %s, or %s", host, c.edit(where, "backchannel_url: https://NAME:PORT where this machine reaches it")))
	case provider.TroubleConnect:
		c.wrong("provider", fmt.Sprintf("%s is not reached at %s from here: %s. A browser may well reach it", p.Name, x.From, why),
			fmt.Sprintf("let this machine reach %s (try: curl -v %s), or %s", host, x.From, c.edit(where, "backchannel_url: https://NAME:PORT where this machine reaches it")))
	case provider.TroubleCertificate:
		c.wrong("provider", fmt.Sprintf("%s: the certificate of %s is of an authority that is unknown here: %s", p.Name, host, why), c.edit(where, "ca_file: /PATH/TO/CA.pem, with the certificate of that authority in PEM"))
	case provider.TroubleHostname:
		c.wrong("provider", fmt.Sprintf("%s: the certificate at %s is not good for it: %s", p.Name, host, why), "have a certificate issued for "+host+" that is in force, or set the clock of this machine; with backchannel_url it has to be for the name in there")
	case provider.TroubleNotFound:
		c.wrong("issuer", fmt.Sprintf("%s has no metadata at %s: %s", p.Name, x.From, why), c.edit(where, "issuer: what the provider calls its issuer; its address with /.well-known/openid-configuration behind it opens in a browser"))
	case provider.TroubleDocument:
		c.wrong("provider", fmt.Sprintf("%s: %s is no metadata of a provider: %s", p.Name, x.From, why),
			"see what curl -i "+x.From+" shows. If that is a sign-in, nginx asks the outpost in front of the provider: take include /config/nginx/authentik-location.conf; out of the provider's own location")
	default:
		c.wrong("provider", p.Name+" cannot be used: "+why, "see what curl -i "+x.From+" shows, and correct provider "+p.Name+" in "+c.File)
	}
}

func (c *chart) clock(name string, x provider.Examination) {
	skew := x.Skew.Abs().Round(time.Second)
	direction := "ahead of"
	if x.Skew > 0 {
		direction = "behind"
	}
	fix := "set both by NTP: timedatectl set-ntp true, here and where " + name + " runs"
	switch {
	case !x.SkewKnown:
		if x.Err == nil {
			c.warn("clock", name+" does not say what time it is", "")
		}
	case skew > skewLimit:
		c.wrong("clock", fmt.Sprintf("this machine's clock is %s %s that of %s, and a minute is the most: ID tokens are refused (token_invalid)", skew, direction, name), fix)
	case skew > skewNotice:
		c.warn("clock", fmt.Sprintf("this machine's clock is %s %s that of %s; beyond a minute nobody signs in", skew, direction, name), fix)
	default:
		c.ok("clock", "within seconds of that of "+name)
	}
}

// known tells what only a provider that can be used says.
func (c *chart) known(p config.Provider, x provider.Examination) {
	where := "provider " + p.Name
	if len(x.MissingScopes) > 0 {
		var rest []string
		for _, s := range p.Scopes {
			if !slices.Contains(x.MissingScopes, s) {
				rest = append(rest, s)
			}
		}
		message := fmt.Sprintf("%s does not list %s, so it is not asked for", p.Name, strings.Join(x.MissingScopes, ", "))
		fix := c.edit(where, "scopes: ["+strings.Join(rest, ", ")+"]")
		if slices.Contains(x.MissingScopes, "groups") {
			message += "; without groups in its claims, nobody is in any"
			fix = "add a scope groups with the claim groups to the client at " + p.Name + "; or, where its claims hold groups anyway, " + fix
		}
		c.warn("scopes", message, fix)
	} else {
		c.ok("scopes", fmt.Sprintf("%s knows %s", p.Name, strings.Join(p.Scopes, ", ")))
	}
	switch x.Client.Verdict {
	case provider.Accepted:
		c.ok("client", fmt.Sprintf("%s accepts the client %s (%s)", p.Name, p.ClientID, x.Client.Why))
	case provider.Refused:
		c.wrong("client", fmt.Sprintf("%s does not accept the client %s: %s. The secret is wrong, or there is no such client, or it has to authenticate in another way", p.Name, p.ClientID, x.Client.Why),
			c.edit(where, fmt.Sprintf("client_secret: what the provider shows for the client %s, without a space or a line's end", p.ClientID)))
	default:
		c.warn("client", fmt.Sprintf("whether %s accepts the client %s cannot be told: %s", p.Name, p.ClientID, x.Client.Why), "sign in once; a wrong secret is provider_misconfigured on the page and in the log")
	}
	for _, r := range x.Redirects {
		c.redirect(p, r)
	}
	if x.EndSession {
		c.ok("end-session", p.Name+" signs people out, too")
	} else {
		c.warn("end-session", p.Name+" has no end_session_endpoint: who signs out here stays signed in there, and the page says so", c.edit(where, "end_session_url: if it has an address of its own for that; if not, there is nothing to do"))
	}
}

func (c *chart) redirect(p config.Provider, r provider.Answer) {
	register := fmt.Sprintf("register at %s for the client %s, to the letter, the redirect URI %s", p.Name, p.ClientID, r.About)
	switch {
	case r.Verdict == provider.Refused:
		c.wrong("redirect-uri", fmt.Sprintf("%s does not accept %s: %s", p.Name, r.About, r.Why), register)
	case r.Verdict == provider.Unknown:
		c.warn("redirect-uri", fmt.Sprintf("whether %s accepts %s cannot be told: %s", p.Name, r.About, r.Why), "see at the provider; if it is not there, "+register)
	case strings.HasSuffix(r.Why, "invalid_scope"):
		c.wrong("redirect-uri", fmt.Sprintf("%s accepts %s, and not the scopes that are asked for: %s", p.Name, r.About, r.Why), c.edit("provider "+p.Name, "scopes: those that the client may ask for, openid among them"))
	case strings.Contains(r.Why, ", with "):
		c.wrong("redirect-uri", fmt.Sprintf("%s accepts %s, and not the request: %s", p.Name, r.About, r.Why), fmt.Sprintf("let the client %s at %s use the authorization code flow (response type code) with PKCE S256", p.ClientID, p.Name))
	default:
		c.ok("redirect-uri", fmt.Sprintf("%s accepts %s", p.Name, r.About))
	}
}
