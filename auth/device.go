package auth

// device.go puts a browser and its system into a few words, by which a person may
// know a sign-in of theirs from one of somebody else. What a browser calls itself
// is its own choice: it decides nothing.

import "strings"

// browsers and systems go by the first that is there: most browsers call
// themselves by the names of others, too.
var (
	browserNames = []struct{ token, name string }{
		{"Edg", "Edge"}, {"OPR/", "Opera"}, {"SamsungBrowser/", "Samsung Internet"}, {"Vivaldi/", "Vivaldi"},
		{"FxiOS/", "Firefox"}, {"Firefox/", "Firefox"}, {"CriOS/", "Chrome"}, {"Chromium/", "Chromium"}, {"Chrome/", "Chrome"}, {"Safari/", "Safari"},
		{"curl/", "curl"},
	}
	systemNames = []struct{ token, name string }{
		{"iPhone", "iOS"}, {"iPad", "iPadOS"}, {"Android", "Android"}, {"CrOS", "ChromeOS"},
		{"Windows", "Windows"}, {"Macintosh", "macOS"}, {"Linux", "Linux"}, {"BSD", "BSD"},
	}
)

// device returns words such as "Firefox on Windows"; "" where nothing is known.
// They are ours, never the browser's own.
func device(userAgent string) string {
	if len(userAgent) > 1024 {
		userAgent = userAgent[:1024]
	}
	name := func(names []struct{ token, name string }) string {
		for _, n := range names {
			if strings.Contains(userAgent, n.token) {
				return n.name
			}
		}
		return ""
	}
	browser, system := name(browserNames), name(systemNames)
	if browser == "" || system == "" {
		return browser + system
	}
	return browser + " on " + system
}
