package session

// Identity is what the provider has vouched for about one end-user: verified
// claims, and nothing that a browser sent.
//
// Issuer and Subject together identify the person (OpenID Connect Core §2);
// Username and Email may change hands and never do.
type Identity struct {
	Issuer        string   // as the ID token spells it
	Subject       string   // sub: 1 to 255 printable ASCII characters
	Username      string   // preferred_username; "" if the provider sent none
	Name          string   // name; "" if none
	Email         string   // email; "" if none
	EmailVerified bool     // email_verified; false if the provider did not say
	Groups        []string // groups, in the provider's order; nil if none
	Entitlements  []string // entitlements, in the provider's order; nil if none

	// Claims are the further claims that rules or headers name, by path: a
	// string, a number or a boolean as one text, a list of them as its entries,
	// an object as its JSON. What the provider did not send is not in it; nil
	// if nothing is. It is not changed once the identity is in a session.
	Claims map[string][]string
}
