package headers

// basic.go decides the Authorization header that an application gets in the place
// of a password that nobody types.

import (
	"encoding/base64"
	"strings"
	"unicode"

	"outpost/session"
)

// Basic says which name and password an application is told (RFC 7617). Nothing
// is sent where either comes out empty.
type Basic struct {
	Username string // text and claims in braces, as in Header.Value
	Password string // one claim in braces and nothing else, "{imap_password}"; or the password to the letter, braces and all

	// Names of attributes in user_attributes of authentik's ak_proxy claim
	// ("Send HTTP-Basic Authentication" of its proxy provider). What they hold goes
	// before Username and Password; a UserAttribute that is not there, with no
	// Username either, is the email address, as in authentik.
	UserAttribute     string
	PasswordAttribute string
}

// String hides what is secret.
func (b Basic) String() string { return "basic credentials" }

// GoString is String.
func (b Basic) GoString() string { return b.String() }

// MarshalText is String: neither JSON nor a log has the password.
func (b Basic) MarshalText() ([]byte, error) { return []byte(b.String()), nil }

// credentials is Basic, compiled.
type credentials struct {
	username          *rule  // nil for none
	password          string // to the letter
	claim             part   // of the password; no claim if its word is text
	userAttribute     string
	passwordAttribute string
	constant          string // the whole value, if it is the same for everybody
}

// credentials compiles b. No problem repeats the password.
func (k *compiler) credentials(b *Basic) *credentials {
	c := &credentials{userAttribute: b.UserAttribute, passwordAttribute: b.PasswordAttribute}
	if b.Username != "" {
		own := k.config
		k.config = MappingConfig{} // whatever encoding headers have, this one has its own
		c.username = k.rule(Header{Value: b.Username}, "basic_auth.username")
		k.config = own
		if c.username.template.static() && strings.Contains(c.username.constant, ":") {
			k.problem("basic_auth.username", "has a colon, which ends a user name (RFC 7617 §2)")
		}
	}
	if t, err := parseTemplate(b.Password); err == nil && t.alone() {
		c.claim = t[0]
		k.claims = append(k.claims, t.paths()...)
	} else {
		c.password = b.Password
	}
	if strings.ContainsFunc(b.Password, unicode.IsControl) {
		k.problem("basic_auth.password", "has a control character, perhaps the end of a line")
	}
	switch attributes := b.UserAttribute != "" || b.PasswordAttribute != ""; {
	case attributes && !k.config.AKProxy:
		k.problem("basic_auth", "attributes are read from the ak_proxy claim: want ak_proxy: true")
	case b.Password == "" && b.PasswordAttribute == "":
		k.problem("basic_auth.password", "is missing: nothing would be sent")
	case b.Username == "" && !attributes:
		k.problem("basic_auth.username", "is missing: nothing would be sent")
	}
	if c.username != nil && c.username.template.static() && c.password != "" && c.userAttribute == "" && c.passwordAttribute == "" {
		c.constant = basicValue(c.username.constant, c.password)
	}
	return c
}

func basicValue(username, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(username+":"+password))
}

// authorize puts Authorization into b, if there is anything to say.
func (m *Mapping) authorize(id *session.Identity, attributes map[string]any, b *Block) {
	if m.basic == nil {
		return
	}
	value, why := m.basic.value(id, attributes)
	b.drop("Authorization", why)
	if value != "" {
		b.put("Authorization", value, m.named)
		b.authorization = true
	}
}

// value is what Authorization says; "" for nothing. why says what stood against
// it, without the password.
func (c *credentials) value(id *session.Identity, attributes map[string]any) (value, why string) {
	if c.constant != "" {
		return c.constant, ""
	}
	password := c.password
	if c.claim.word != wordText {
		one, list, _ := c.claim.of(id)
		if len(list) == 1 {
			one = list[0]
		}
		password = one
	}
	if s, _ := attributes[c.passwordAttribute].(string); s != "" {
		password = s
	}
	user := ""
	switch s, _ := attributes[c.userAttribute].(string); {
	case s != "":
		user = s
	case c.username != nil:
		o := c.username.value(id)
		user, why = o.value, o.why
	default:
		user = id.Email
	}
	switch {
	case password == "" || user == "":
		return "", why
	case strings.Contains(user, ":"):
		return "", "the user name has a colon"
	case !clean(user):
		return "", "the user name has a " + unclean
	case strings.ContainsFunc(password, unicode.IsControl):
		return "", "the password has a control character"
	}
	return basicValue(user, password), ""
}

// put adds one header to b, whose names become all if that is what they are then.
func (b *Block) put(name, value string, all []string) {
	at := 0
	for at < len(b.names) && b.names[at] < name {
		at++
	}
	b.values = append(b.values, "")
	copy(b.values[at+1:], b.values[at:])
	b.values[at] = value
	if all != nil {
		b.names = all
		return
	}
	names := make([]string, 0, len(b.names)+1)
	names = append(append(append(names, b.names[:at]...), name), b.names[at:]...)
	b.names = names
}
