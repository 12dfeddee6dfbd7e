package page

// accept_language.go decides in which language somebody reads a page. The header
// is the client's own choice and decides nothing else.

import (
	"strconv"
	"strings"
)

// maxRanges is how many language ranges of a header are read. Browsers send a
// handful; whoever sends thousands is answered by the first of them.
const maxRanges = 32

// languageRange is one entry of an Accept-Language header, with its weight in
// thousandths.
type languageRange struct {
	tag    string
	weight int
}

// chosen returns the index of the tag that headers, the values of
// Accept-Language, ask for (RFC 9110 §12.5.4), and 0 where they ask for none of
// the tags.
//
// A range stands for its own tag and for more special ones, "de" for "de-CH"
// (RFC 4647 §3.3.1), and, where there is nothing closer, for the more general
// ones, "de-AT" for "de" (§3.4). "*" stands for every tag that no other range
// names. Of several tags the one with the greatest weight counts, then the one
// named first. A tag that a range excludes with q=0 is taken only if there is
// nothing else. A range that is malformed is skipped.
func chosen(tags []string, headers []string) int {
	var ranges [maxRanges]languageRange
	n := 0
	for _, header := range headers {
		for header != "" && n < maxRanges {
			var one string
			one, header, _ = strings.Cut(header, ",")
			if r, ok := readRange(one); ok {
				ranges[n], n = r, n+1
			}
		}
	}
	best, weight, place := 0, 0, maxRanges
	for i, tag := range tags {
		w, at := weigh(tag, ranges[:n])
		closer := at == place && within(ranges[at].tag, tag) && len(tag) > len(tags[best])
		if w > weight || w == weight && w > 0 && (at < place || closer) {
			best, weight, place = i, w, at
		}
	}
	if weight == 0 && n > 0 {
		return notExcluded(tags, ranges[:n])
	}
	return best
}

// notExcluded is for somebody who wants no language that there is.
func notExcluded(tags []string, ranges []languageRange) int {
	for i, tag := range tags {
		excluded := false
		for _, r := range ranges {
			excluded = excluded || r.weight == 0 && r.tag != "*" && within(tag, r.tag)
		}
		if !excluded {
			return i
		}
	}
	return 0
}

// weigh returns how much the ranges want tag, 0 for not at all, and the place of
// the one that says so.
func weigh(tag string, ranges []languageRange) (weight, place int) {
	closest := -1 // of those that stand for tag, the longest
	for i, r := range ranges {
		if r.tag != "*" && within(tag, r.tag) && (closest < 0 || len(r.tag) > len(ranges[closest].tag)) {
			closest = i
		}
	}
	if closest >= 0 && ranges[closest].weight == 0 {
		return 0, 0
	}
	for i, r := range ranges {
		// Of a more special one it is better than nothing.
		if (i == closest || within(r.tag, tag) && len(r.tag) > len(tag)) && r.weight > weight {
			weight, place = r.weight, i
		}
	}
	if weight > 0 {
		return weight, place
	}
	for i, r := range ranges {
		if r.tag == "*" {
			return r.weight, i
		}
	}
	return 0, 0
}

// within reports whether tag is that of the range or more special.
func within(tag, of string) bool {
	return len(tag) >= len(of) && strings.EqualFold(tag[:len(of)], of) && (len(tag) == len(of) || tag[len(of)] == '-')
}

// readRange reads "de-AT;q=0.8". A weight is a number from 0 to 1 with at most
// three decimals (RFC 9110 §12.4.2), and 1 where there is none.
func readRange(s string) (languageRange, bool) {
	tag, parameter, weighted := strings.Cut(s, ";")
	r := languageRange{tag: strings.Trim(tag, " \t"), weight: 1000}
	if r.tag != "*" && !isTag(r.tag) {
		return r, false
	}
	if weighted {
		name, value, _ := strings.Cut(strings.Trim(parameter, " \t"), "=")
		whole, decimals, _ := strings.Cut(value, ".")
		thousandths, err := strconv.ParseUint((decimals + "000")[:3], 10, 16)
		if !strings.EqualFold(name, "q") || len(decimals) > 3 || err != nil || whole != "0" && (whole != "1" || thousandths > 0) {
			return r, false
		}
		if whole == "0" {
			r.weight = int(thousandths)
		}
	}
	return r, true
}

// isTag reports whether s has the form of a language tag (RFC 5646 §2.1): a
// language of two or three letters, and parts of up to eight letters and digits.
func isTag(s string) bool {
	if len(s) > 35 {
		return false
	}
	for i, part := range strings.Split(s, "-") {
		if part == "" || len(part) > 8 || i == 0 && (len(part) < 2 || len(part) > 3) {
			return false
		}
		for _, c := range []byte(part) {
			letter := c|0x20 >= 'a' && c|0x20 <= 'z'
			if !letter && (i == 0 || c < '0' || c > '9') {
				return false
			}
		}
	}
	return true
}
