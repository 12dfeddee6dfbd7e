package headers

// confidential.go decides which headers of a mapping nobody is shown: those whose
// values may open something, rather than say who somebody is.

import (
	"slices"
	"strings"
)

// telling are parts of names that secrets have.
var telling = []string{"auth", "cookie", "credential", "jwt", "key", "pass", "pin", "secret", "token"}

// notTelling are words that have such a part and are no secrets: families of
// headers, and what says who somebody is.
var notTelling = strings.NewReplacer("authentik", "", "auth-request", "", "x-webauth", "", "author", "")

// Confidential reports whether the value of a header, by its canonical name, may be
// a secret: injected credentials, a token, text that the configuration has for
// everybody (which may be an application's key), whatever authentik's ak_proxy
// adds, and what is named like a secret, the header or the claim that it holds. It
// says so too of a name that the mapping does not have.
func (m *Mapping) Confidential(name string) bool {
	at, ours := slices.BinarySearch(m.names, name)
	if !ours || soundsSecret(name) {
		return true
	}
	rule := m.fields[at].rule
	if rule == nil {
		return false // of meta: the token is named like one
	}
	return rule.template.static() && len(rule.template) > 0 || slices.ContainsFunc(rule.template.paths(), soundsSecret)
}

func soundsSecret(name string) bool {
	name = notTelling.Replace(strings.ToLower(name))
	return slices.ContainsFunc(telling, func(part string) bool { return strings.Contains(name, part) })
}
