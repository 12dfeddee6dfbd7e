package provider

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"outpost/session"
)

// A claim of an unexpected type is a claim that is not there.
func TestIdentityOfClaims(t *testing.T) {
	for _, tt := range []struct {
		name   string
		claims string
		want   session.Identity
	}{
		{
			"usual",
			`{"sub":"s","preferred_username":"alice","name":"Alice","email":"a@b.c","email_verified":true,"groups":["a","b"],"entitlements":["e"]}`,
			session.Identity{Subject: "s", Username: "alice", Name: "Alice", Email: "a@b.c", EmailVerified: true, Groups: []string{"a", "b"}, Entitlements: []string{"e"}},
		},
		{"one-group-as-a-string", `{"groups":"admins"}`, session.Identity{Groups: []string{"admins"}}},
		{"string-of-groups-stays-one", `{"groups":"users,admins users|admins"}`, session.Identity{Groups: []string{"users,admins users|admins"}}},
		{"groups-twice", `{"groups":["a","b","a"]}`, session.Identity{Groups: []string{"a", "b"}}},
		{"groups-of-many-types", `{"groups":["a",1,null,true,["admins"],{"name":"admins"},"","b"]}`, session.Identity{Groups: []string{"a", "1", "b"}}},
		{"groups-as-an-object-of-flags", `{"groups":{"admins":true}}`, session.Identity{}},
		{"groups-as-a-number", `{"groups":1}`, session.Identity{}},
		{"groups-null", `{"groups":null}`, session.Identity{}},
		{"groups-empty", `{"groups":[]}`, session.Identity{}},
		{"name-as-a-list", `{"name":["Alice"],"preferred_username":1,"email":{"a":"b"},"sub":12}`, session.Identity{}},
		{"verified-without-an-address", `{"email_verified":true}`, session.Identity{}},
		{"verified-as-a-number", `{"email_verified":1}`, session.Identity{}},
		{"verified-null", `{"email_verified":null}`, session.Identity{}},
		{"name-in-other-case", `{"Groups":["admins"],"PREFERRED_USERNAME":"root","Email_Verified":true}`, session.Identity{}},
		{"half-a-surrogate", `{"name":"a\ud800b"}`, session.Identity{Name: "a\ufffdb"}},
		{"twice", `{"name":"first","name":"second"}`, session.Identity{Name: "second"}},
		{"null", `null`, session.Identity{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var c claims
			if err := json.Unmarshal([]byte(tt.claims), &c); err != nil {
				t.Fatal(err)
			}
			tt.want.Issuer = "https://idp.example.org"
			got, err := c.identity("https://idp.example.org", Claims{}.filled(), nil)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("want (-) and got (+):\n%s", diff)
			}
		})
	}
}

func TestAuthTime(t *testing.T) {
	for _, tt := range []struct {
		raw  string
		want int64 // 0 for none
	}{
		{"1790000000", 1790000000}, {"1790000000.9", 1790000000}, {"-1", 0}, {"0", 0}, {"1e300", 0}, {`"1790000000"`, 0}, {"9223372036854775808", 0}, {"null", 0}, {"[1]", 0},
	} {
		got := claims{"auth_time": json.RawMessage(tt.raw)}.authTime()
		if got.IsZero() != (tt.want == 0) || !got.IsZero() && got.Unix() != tt.want {
			t.Errorf("%s is read as %s, want %d", tt.raw, got, tt.want)
		}
	}
}

// Userinfo says more of the person, and nothing of the token.
func TestLay(t *testing.T) {
	const token = `{"iss":"i","sub":"s","aud":"outpost","exp":9,"iat":8,"nonce":"n","sid":"x","acr":"2","amr":["pwd"],"azp":"outpost","auth_time":7,"at_hash":"h","c_hash":"h","nbf":6,"jti":"j","name":"Token","email":"t@example.org","email_verified":true}`
	var fixed claims
	if err := json.Unmarshal([]byte(token), &fixed); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name     string
		userinfo string
		want     map[string]string // what is other than in the token; "" is absent
	}{
		{"adds", `{"groups":["a"]}`, map[string]string{"groups": `["a"]`}},
		{"goes-before-the-token", `{"name":"Info"}`, map[string]string{"name": `"Info"`}},
		{"nothing-about-the-token", strings.NewReplacer(`"i"`, `"evil"`, `"s"`, `"root"`, `"outpost"`, `"evil"`, "9", "99", "8", "88", `"n"`, `"evil"`, `"x"`, `"evil"`, `"2"`, `"9"`, "7", "77").Replace(token), map[string]string{}},
		{"address-with-its-own-proof", `{"email":"u@example.org","email_verified":true}`, map[string]string{"email": `"u@example.org"`}},
		{"address-without-proof", `{"email":"u@example.org"}`, map[string]string{"email": `"u@example.org"`, "email_verified": ""}},
		{"claims-that-are-elsewhere", `{"_claim_names":{"groups":"a"},"hasgroups":true}`, map[string]string{"_claim_names": `{"groups":"a"}`, "hasgroups": "true"}},
		{"proof-without-address", `{"email_verified":false}`, map[string]string{}},
		{"nothing", `null`, map[string]string{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var c, more claims
			if err := json.Unmarshal([]byte(token), &c); err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal([]byte(tt.userinfo), &more); err != nil {
				t.Fatal(err)
			}
			c.lay(more)
			want := map[string]string{}
			for name, value := range fixed {
				want[name] = string(value)
			}
			for name, value := range tt.want {
				want[name] = value
				if value == "" {
					delete(want, name)
				}
			}
			got := map[string]string{}
			for name, value := range c {
				got[name] = string(value)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("want (-) and got (+):\n%s", diff)
			}
		})
	}
}

// As many groups as an answer can hold are read in the blink of an eye.
func TestManyGroups(t *testing.T) {
	var groups []string
	for i := range 100_000 {
		groups = append(groups, fmt.Sprintf("%x", i))
	}
	raw, err := json.Marshal(groups)
	if err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	if got, _ := entries(raw); len(got) != len(groups) {
		t.Errorf("%d groups, want %d", len(got), len(groups))
	}
	if took := time.Since(begun); took > 20*time.Second {
		t.Errorf("it took %s", took)
	}
}

func TestCheckSpelling(t *testing.T) {
	for name, bad := range map[string]bool{
		"sub": false, "groups": false, "Groups": false, "subs": false,
		"Sub": true, "ISS": true, "Nonce": true, "AUD": true, "Exp": true, "iAt": true, "NBF": true, "At_Hash": true, "i\u017f\u017f": true,
	} {
		err := claims{"sub": json.RawMessage(`"s"`), name: json.RawMessage(`"x"`)}.checkSpelling()
		if (err != nil) != bad {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzClaims(f *testing.F) {
	f.Add([]byte(`{"sub":"s","groups":["a",1,null],"email_verified":true,"auth_time":1e300}`))
	f.Add([]byte(`{"groups":[[[]]],"name":"\ud800"}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		var c, more claims
		if json.Unmarshal(body, &c) != nil || c == nil {
			t.Skip("no JSON object")
		}
		if err := json.Unmarshal(body, &more); err != nil {
			t.Fatal(err)
		}
		before := c.text("sub")
		c.lay(more)
		id, err := c.identity("https://idp.example.org", Claims{Groups: []string{"groups", "name", "a.b"}, TrimGroupsPrefix: "a"}.filled(), nil)
		if err != nil {
			return // they are said to be elsewhere
		}
		if id.Subject != before {
			t.Errorf("the subject %q became %q", before, id.Subject)
		}
		for _, group := range append(id.Groups, id.Entitlements...) {
			if group == "" {
				t.Error("an empty group")
			}
		}
		c.authTime()
	})
}
