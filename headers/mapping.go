package headers

// mapping.go decides which headers the applications of one configuration get:
// presets, headers of one's own, and what authentik's outpost can send besides.

import (
	"slices"
	"strings"

	"outpost/session"
)

// MappingConfig is what a configuration says of an application's headers, in
// plain values. Its zero value is authentik's six headers.
type MappingConfig struct {
	Presets  []string // of PresetNames; nil is authentik, an empty list none
	Headers  []Header // one's own; one of the name of a preset's takes its place
	Join     string   // between the entries of every list; "" leaves it to each preset, and is "|" elsewhere
	Encoding string   // Raw, Percent, Base64, RFC2047 or ASCII; "" is Raw
	Groups   Groups   // which groups any {groups} has
	MaxBytes int      // of all headers together; 0 is Budget
	JWT      bool     // X-authentik-jwt
	Meta     *Meta    // X-authentik-meta-*; nil sends none
	AKProxy  bool     // additionalHeaders of authentik's ak_proxy claim
	Basic    *Basic   // Authorization: Basic; nil sends none
}

// Header is one header of one's own.
type Header struct {
	Name       string
	Value      string   // text, and claims in braces: {username}, {groups}, {department}; "" sends it empty, always
	Join       string   // of this header's lists; "" as MappingConfig has it
	Encoding   string   // likewise
	Case       string   // "lower", "upper" or "" to leave it
	Only       []string // patterns with "*" of the entries to keep; nil keeps all
	TrimPrefix string   // taken off the front of each entry
	Map        []Pair   // what is sent for which entry; others are left out. With First it may be nothing, and then Default does not count
	Default    string   // what is sent in the place of nothing
	First      bool     // of several entries only one: the first of Map's order, without Map the first of the claim
	MaxBytes   int      // of the value; beyond it the block does not fit. 0 for no limit of its own
}

// Pair is one entry of a Map.
type Pair struct{ From, To string }

// Groups says which groups applications are told of, and how they are called.
type Groups struct {
	Only       []string // patterns with "*"; nil keeps all
	TrimPrefix string
}

// Meta is what X-authentik-meta-* say of us; what they say of the provider
// stands in Vouching.
type Meta struct{ App, Outpost, Version string }

// Vouching is what there is of the sign-in besides the identity, each "" where it
// is not known: the ID token, for X-authentik-jwt, and the provider's name and
// where its keys are, for X-authentik-meta-provider and -jwks.
type Vouching struct{ IDToken, Provider, JWKS string }

// Mapping is a MappingConfig, compiled. It does not change and is safe for use in
// parallel.
type Mapping struct {
	names   []string // what every block has, sorted
	fields  []field  // of each name, in the same order
	claims  []string
	empty   []string // one "" for each name
	jwt     bool
	meta    bool
	akProxy *rule // how additional headers are spelled; nil for none
	basic   *credentials
	named   []string // names and Authorization, sorted, if basic
	budget  int
}

// field is where the value of one header comes from.
type field struct {
	rule *rule  // nil for a constant
	twin int    // the index of an earlier field of the same rule, or its own
	text string // the constant
}

// Names are all headers that an allowed answer can carry, in canonical spelling
// and sorted, but for those that come out of ak_proxy. An nginx configuration has
// to overwrite each. The caller does not change the slice.
func (m *Mapping) Names() []string {
	if m.basic != nil {
		return m.named
	}
	return m.names
}

// Claims are the paths of the claims that have to be kept in
// session.Identity.Claims for this mapping, sorted; nil if none. The caller does
// not change the slice.
func (m *Mapping) Claims() []string { return m.claims }

// MaxBytes is how large a block of this mapping may be.
func (m *Mapping) MaxBytes() int { return m.budget }

// Injects reports whether some answers carry an Authorization header.
func (m *Mapping) Injects() bool { return m.basic != nil }

// String says how much there is: a mapping may hold a password.
func (m Mapping) String() string { return m.empties().String() }

// GoString is String.
func (m Mapping) GoString() string { return m.String() }

// Empty is what a public URL's answer carries where nobody is signed in: every
// header of Names, empty, so that what a client sent under one is overwritten.
// It has no Authorization: that is the client's own.
func (m *Mapping) Empty() Block { return m.empties() }

func (m *Mapping) empties() Block {
	b := Block{names: m.names, values: m.empty}
	b.measure()
	return b
}

// Block writes id as the mapping has it.
//
// Every header of Names is there, empty where nothing is known, but Authorization,
// which is there only where it says something. What cannot be said without being
// misread is left out and named in Dropped. What is too large is not cut: first
// the token is left out, and then the block does not fit, which the caller asks.
func (m *Mapping) Block(id *session.Identity, from Vouching) Block {
	b := Block{names: m.names, values: make([]string, len(m.names), len(m.Names()))}
	outcomes := make([]outcome, len(m.fields))
	for i, f := range m.fields {
		switch {
		case f.rule == nil:
			outcomes[i].value = f.text
		case f.twin < i:
			outcomes[i] = outcomes[f.twin]
		default:
			outcomes[i] = f.rule.value(id)
		}
		b.values[i] = outcomes[i].value
		b.drop(m.names[i], outcomes[i].why)
		b.tooLarge = b.tooLarge || outcomes[i].large
	}
	attributes := m.attributes(id, &b)
	m.authorize(id, attributes, &b)
	m.add(attributes, &b)
	if m.meta {
		m.say(metaJWKS, from.JWKS, &b)
		m.say(metaProvider, from.Provider, &b)
	}
	b.measure()
	if m.jwt {
		m.addToken(from.IDToken, &b)
	}
	b.tooLarge = b.tooLarge || b.Size > m.budget
	return b
}

// say puts a value that is the same for all who sign in at a provider into its
// place.
func (m *Mapping) say(name, value string, b *Block) {
	if !clean(value) {
		b.drop(name, "control character, space at the edge or no UTF-8")
		return
	}
	at, _ := slices.BinarySearch(b.names, name)
	b.values[at] = value
}

// addToken puts the token into its place, if there is room.
func (m *Mapping) addToken(token string, b *Block) {
	switch {
	case token == "":
	case !isToken(token):
		b.drop(jwtName, "no token")
	case b.Size+len(token) > m.budget:
		b.drop(jwtName, "does not fit beside the others")
	default:
		at, _ := slices.BinarySearch(b.names, jwtName)
		b.values[at] = strings.Clone(token) // which may be a part of what holds other tokens
		b.Size += len(token)
	}
}

// isToken reports whether token is made of what a compact JWT is (RFC 7515 §7.1).
func isToken(token string) bool {
	for i := range len(token) {
		if c := token[i]; c != '.' && c != '_' && foldable(rune(c)) {
			return false
		}
	}
	return true
}
