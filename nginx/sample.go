package nginx

// SWAG's samples have every line that asks somebody written as a comment. To
// judge one is to judge what its user gets who takes the "#" away.

import (
	"regexp"
	"strings"
)

var hook = regexp.MustCompile(`(?m)^([ \t]*)#([ \t]*include[ \t]+/config/nginx/authentik-(?:server|location)\.conf;)`)

// switchedOn takes the "#" from the lines of authentik's, in a sample.
func switchedOn(name, text string) string {
	if !strings.HasSuffix(name, ".sample") {
		return text
	}
	return hook.ReplaceAllString(text, "$1$2")
}
