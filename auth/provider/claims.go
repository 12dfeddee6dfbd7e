package provider

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"strconv"
	"time"
)

// claims are a token's claims by name, each still as JSON: a claim of an
// unexpected type is a claim that is not there, never a panic and never a
// guess.
type claims map[string]json.RawMessage

// text returns a claim that is a string; "" if it is absent or no string.
func (c claims) text(name string) string { return text(c[name]) }

func text(raw json.RawMessage) string {
	var s string
	if len(raw) == 0 || raw[0] != '"' || json.Unmarshal(raw, &s) != nil {
		return "" // a long list is not read for a string first
	}
	return s
}

// maxDate is the end of the year 9999: what lies beyond is a mistake of units.
const maxDate = 253402300799

// date returns a claim that is a NumericDate (RFC 7519 §2): a number of
// seconds since 1970, a fraction allowed. A string is not one.
func (c claims) date(name string) (time.Time, error) {
	raw, present := c[name]
	if !present {
		return time.Time{}, fmt.Errorf("%s is missing", name)
	}
	seconds, err := strconv.ParseFloat(string(raw), 64)
	if err != nil || !(seconds > 0 && seconds <= maxDate) {
		return time.Time{}, fmt.Errorf("%s is no date", name)
	}
	whole, fraction := math.Modf(seconds)
	return time.Unix(int64(whole), int64(fraction*1e9)), nil
}

// list returns a claim that is a list of strings, or one string, as a list;
// nil if it is absent or anything else. Entries that are not strings are left
// out, and so is what is there twice.
func (c claims) list(name string) []string {
	list, _ := listOf(c[name], text)
	return list
}

// listOf reads a list, or one string, element by element; an element that is
// read as "" is left out. there is false for anything else.
func listOf(raw json.RawMessage, element func(json.RawMessage) string) (list []string, there bool) {
	if s := text(raw); s != "" {
		return []string{s}, true
	}
	var elements []json.RawMessage
	if json.Unmarshal(raw, &elements) != nil || elements == nil {
		return nil, false
	}
	listed := map[string]bool{"": true}
	for _, e := range elements {
		if s := element(e); !listed[s] {
			list, listed[s] = append(list, s), true
		}
	}
	return list, true
}

// yes reports a claim that is true, or "true" to the letter, as Cognito sends
// it. No other string is: who sends "false" must not be taken at its
// truthiness.
func (c claims) yes(name string) bool {
	raw := string(c[name])
	return raw == "true" || raw == `"true"`
}

// lay puts the claims of userinfo over those of the ID token. What is about
// the token rather than the person stays as it was signed. An address and
// whether it was verified belong together: they come from one source.
func (c claims) lay(userinfo map[string]json.RawMessage) {
	if _, has := userinfo["email"]; has {
		delete(c, "email_verified")
	} else {
		delete(userinfo, "email_verified")
	}
	for name, value := range userinfo {
		switch name {
		case "iss", "sub", "aud", "azp", "exp", "iat", "nbf", "nonce", "at_hash", "c_hash", "auth_time", "acr", "amr", "sid", "jti":
		case "_claim_names":
			c[name] = both(c[name], value) // what either holds back is held back
		case "hasgroups":
			if !c.yes(name) {
				c[name] = value
			}
		default:
			c[name] = value
		}
	}
}

// both joins two objects; a name in either is a name in both.
func both(a, b json.RawMessage) json.RawMessage {
	joined := map[string]json.RawMessage{}
	for _, raw := range []json.RawMessage{a, b} {
		var members map[string]json.RawMessage
		if json.Unmarshal(raw, &members) == nil {
			maps.Copy(joined, members)
		}
	}
	raw, err := json.Marshal(joined)
	if err != nil {
		return a
	}
	return raw
}
