package config

import (
	"log/slog"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// The rules about single values. Each takes what the file says, ${…} filled
// in, and returns it in its normal form or a violation.

var namePattern = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,40}$`)

// parseName takes what a provider or an application is called. It becomes part
// of a cookie name and a metric label, hence the narrow alphabet.
func parseName(s string) (string, *violation) {
	if !namePattern.MatchString(s) {
		return "", broken("must be a name of lower-case letters, digits and hyphens, at most 41 of them and no hyphen first", "")
	}
	return s, nil
}

// parseApplicationName takes a name whose cookie is not called like one of our
// others: <prefix>outpost-browser, <prefix>outpost-browser-… and
// <prefix>outpost-return-….
func parseApplicationName(s string) (string, *violation) {
	if s == "browser" || strings.HasPrefix(s, "browser-") || s == "return" || strings.HasPrefix(s, "return-") {
		return "", broken("must not be browser, browser-…, return or return-…", "cookies of these names have another use: choose another name")
	}
	return parseName(s)
}

// parseBool takes true or false and none of YAML 1.1's many other words.
func parseBool(s string) (bool, *violation) {
	if s != "true" && s != "false" {
		return false, broken("must be true or false", "")
	}
	return s == "true", nil
}

// oneOf makes a rule that takes one of a few words.
func oneOf(words ...string) func(string) (string, *violation) {
	return func(s string) (string, *violation) {
		if !slices.Contains(words, s) {
			return "", oneOfThese("must be "+orOf(words), "", words...)
		}
		return s, nil
	}
}

// orOf joins words: a, b or c.
func orOf(words []string) string {
	last := len(words) - 1
	if last == 0 {
		return words[0]
	}
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

func parseMode(s string) (Mode, *violation) {
	if m := Mode(s); m == Single || m == Domain {
		return m, nil
	}
	return "", oneOfThese("must be single or domain", "single: this host alone; domain: every host below cookie_domain", "single", "domain")
}

func parseLevel(s string) (slog.Level, *violation) {
	for _, l := range []slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError} {
		if strings.ToLower(l.String()) == s {
			return l, nil
		}
	}
	return 0, oneOfThese("must be debug, info, warn or error", "", "debug", "info", "warn", "error")
}

// longest is how long a cookie can live (RFC 6265bis §5.5: 400 days).
const longest = 400 * 24 * time.Hour

var days = regexp.MustCompile(`^([1-9][0-9]{0,3})d$`)

// parseLifetime takes a duration between a second, in which cookies count, and
// the longest that a cookie can live.
func parseLifetime(s string) (time.Duration, *violation) {
	if m := days.FindStringSubmatch(s); m != nil {
		n, _ := strconv.Atoi(m[1])
		d := min(time.Duration(n)*24*time.Hour, longest)
		return 0, broken("must be a duration in hours, minutes and seconds", "write "+shortDuration(d))
	}
	d, err := time.ParseDuration(s)
	if err != nil {
		return 0, broken("must be a duration", "write it like 90m, 24h or 1h30m")
	}
	if d < time.Second || d > longest {
		return 0, broken("must be between 1s and "+shortDuration(longest)+" (400 days)", "")
	}
	return d, nil
}

// parseRecheck takes a lifetime, or off for none.
func parseRecheck(s string) (time.Duration, *violation) {
	if s == "off" {
		return 0, nil
	}
	d, why := parseLifetime(s)
	if why != nil {
		why.rule += ", or off"
	}
	return d, why
}

// parseNumber takes a number of sessions. There is none for "any number": what
// has no bound fills the disk or the memory one day.
func parseNumber(s string) (int, *violation) {
	n, err := strconv.Atoi(s)
	if err != nil {
		return 0, broken("must be a whole number", "write it like 100000, in digits alone")
	}
	if n < 1 || n > 100_000_000 {
		return 0, broken("must be between 1 and 100000000", "")
	}
	return n, nil
}

// parseMaxAge takes how long ago a person may have proved who they are: not less
// than clocks may differ, or nobody ever proves it recently enough.
func parseMaxAge(s string) (time.Duration, *violation) {
	d, why := parseLifetime(s)
	if why == nil && d < time.Minute {
		return 0, broken("must be at least 1m", "the provider's clock and ours may differ by that much")
	}
	return d, why
}

// parsePrompt takes what the provider may be told to ask the person.
func parsePrompt(s string) (string, *violation) {
	if s == "none" {
		return "", broken("must be login, consent or select_account", "with none the provider asks nothing, and nobody could ever sign in")
	}
	return oneOf("login", "consent", "select_account")(s)
}

// parseWord takes an authentication method or an authentication context class:
// lists of them are joined with spaces.
func parseWord(s string) (string, *violation) {
	if s == "" || !visible(s) || strings.Contains(s, " ") {
		return "", broken("must be one word of printable ASCII, without white space", "write several as a list")
	}
	return s, nil
}

func parseDirectory(s string) (string, *violation) {
	if !filepath.IsAbs(s) || unprintable(s) {
		return "", broken("must be the absolute path of a directory", "a relative one depends on where the program is started")
	}
	return filepath.Clean(s), nil
}

// parseAuditFile takes a file's path, or the word for the standard output.
func parseAuditFile(s string) (string, *violation) {
	if s == AuditStdout {
		return s, nil
	}
	if !filepath.IsAbs(s) || unprintable(s) || strings.HasSuffix(s, "/") {
		return "", broken("must be the absolute path of a file, or stdout", "write it like /var/log/outpost/audit.log")
	}
	return filepath.Clean(s), nil
}

// parseSample takes a part of 1.
func parseSample(s string) (float64, *violation) {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || !(f >= 0 && f <= 1) { // NaN is neither
		return 0, broken("must be a number between 0 and 1", "0.1 records one trace in ten")
	}
	return f, nil
}

// parseEntry takes a group or a user name.
func parseEntry(s string) (string, *violation) {
	if strings.TrimSpace(s) == "" {
		return "", broken("must not be empty", "remove the entry")
	}
	if unprintable(s) || strings.TrimSpace(s) != s {
		return "", broken("must not hold control characters or begin or end with white space", "")
	}
	return s, nil
}

// parseEmail takes an address and returns it in lower case. Little but the "@"
// is looked at: whether the address exists is the provider's to say.
func parseEmail(s string) (string, *violation) {
	local, domain, _ := strings.Cut(s, "@")
	if unprintable(s) || strings.ContainsFunc(s, unicode.IsSpace) || local == "" || domain == "" || strings.Contains(domain, "@") {
		return "", broken("must be an email address", "a whole domain goes under email_domains")
	}
	return strings.ToLower(s), nil
}

// parseEmailDomain takes what stands behind the "@" of an address and returns
// it in lower case.
func parseEmailDomain(s string) (string, *violation) {
	if strings.Contains(s, "@") {
		return "", broken(`must be a domain without "@"`, "a whole address goes under emails")
	}
	return parseHostname(s)
}

// parseClientID takes what RFC 6749 Appendix A.1 allows.
func parseClientID(s string) (string, *violation) {
	if s == "" {
		return "", broken("must not be empty", "copy it from the provider")
	}
	if !visible(s) || strings.TrimSpace(s) != s {
		return "", broken("must be printable ASCII (RFC 6749, Appendix A.1)", "copy it from the provider")
	}
	return s, nil
}

// parseScope takes a scope token (RFC 6749 §3.3).
func parseScope(s string) (string, *violation) {
	if s == "" || !visible(s) || strings.ContainsAny(s, ` "\`) {
		return "", broken("must be one scope without white space, quotes and backslashes (RFC 6749 §3.3)", "")
	}
	return s, nil
}

// parseClaimPath takes the name of a claim, or names with dots between them.
func parseClaimPath(s string) (string, *violation) {
	if s == "" || len(s) > 255 || unprintable(s) || strings.TrimSpace(s) != s || strings.HasPrefix(s, ".") || strings.HasSuffix(s, ".") {
		return "", broken("must be the name of a claim, or a path such as realm_access.roles", "")
	}
	return s, nil
}

// visible says whether s is printable ASCII, the space included.
func visible(s string) bool {
	return !strings.ContainsFunc(s, func(c rune) bool { return c < ' ' || c > '~' })
}

// unprintable says whether s holds a control character or is not UTF-8.
func unprintable(s string) bool {
	return strings.ContainsFunc(s, func(c rune) bool { return unicode.IsControl(c) || c == unicode.ReplacementChar })
}
