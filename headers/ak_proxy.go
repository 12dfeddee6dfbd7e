package headers

// ak_proxy.go reads authentik's ak_proxy claim: the attributes of a user and of
// their groups, and among them additionalHeaders, headers that an administrator
// of authentik has given them.
//
// What stands there is somebody else's configuration, not ours: it may add
// headers, and neither replace one that an application is told anyway nor one
// that steers something.

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"outpost/session"
)

// akProxyClaim is the claim's path. Scope ak_proxy asks for it.
const akProxyClaim = "ak_proxy"

// attributes are the user_attributes of id; nil if there are none.
func (m *Mapping) attributes(id *session.Identity, b *Block) map[string]any {
	if m.akProxy == nil {
		return nil
	}
	values := id.Claims[akProxyClaim]
	if len(values) == 0 {
		return nil
	}
	var c struct {
		UserAttributes map[string]any `json:"user_attributes"`
	}
	decoder := json.NewDecoder(strings.NewReader(values[0]))
	decoder.UseNumber()
	if len(values) > 1 || decoder.Decode(&c) != nil {
		b.drop(akProxyClaim, "no object as authentik sends it")
		return nil
	}
	return c.UserAttributes
}

// add puts the additional headers into b. Of two names that are one header
// neither counts.
func (m *Mapping) add(attributes map[string]any, b *Block) {
	additional, _ := attributes["additionalHeaders"].(map[string]any)
	if len(additional) == 0 {
		return
	}
	spellings := map[string]int{}
	for name := range additional {
		spelled, _ := canonical(name)
		spellings[spelled]++
	}
	refused := 0
	for _, given := range slices.Sorted(maps.Keys(additional)) {
		name, why := canonical(given)
		_, ours := slices.BinarySearch(b.names, name)
		value, isText := said(additional[given])
		switch {
		case why != "", ours, spellings[name] > 1, !isText, strings.HasPrefix(name, "X-Authentik-"):
			refused++ // the name is anybody's text: it is not repeated
			continue
		}
		value, why, _ = m.akProxy.single(value, false)
		b.drop(name, why)
		b.put(name, whole(m.akProxy.encoding, value), nil)
	}
	if refused > 0 {
		b.drop("additionalHeaders", fmt.Sprintf("headers that may not be set, are set already or are no text, number or boolean: %d", refused))
	}
}

// said is how an attribute goes into a header.
func said(value any) (string, bool) {
	switch v := value.(type) {
	case string:
		return v, true
	case json.Number:
		return v.String(), true
	case bool:
		return strconv.FormatBool(v), true
	}
	return "", false
}
