package headers

// fold.go takes the accents off names, for applications that read ASCII alone.

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// folds are the letters of Latin alphabets, by what they are without their
// marks, and the signs that word processors put in the place of ASCII's.
var folds = func() map[rune]string {
	m := map[rune]string{}
	for plain, letters := range map[string]string{
		"A": "ÀÁÂÃÄÅĀĂĄǍẠẢẤẦẨẪẬẮẰẲẴẶ", "a": "àáâãäåāăąǎạảấầẩẫậắằẳẵặª",
		"AE": "Æ", "ae": "æ",
		"C": "ÇĆĈĊČ", "c": "çćĉċč",
		"D": "ÐĎĐ", "d": "ðďđ",
		"E": "ÈÉÊËĒĔĖĘĚẸẺẼẾỀỂỄỆ", "e": "èéêëēĕėęěẹẻẽếềểễệ",
		"G": "ĜĞĠĢ", "g": "ĝğġģ",
		"H": "ĤĦ", "h": "ĥħ",
		"I": "ÌÍÎÏĨĪĬĮİǏỈỊ", "i": "ìíîïĩīĭįıǐỉị",
		"IJ": "Ĳ", "ij": "ĳ",
		"J": "Ĵ", "j": "ĵ",
		"K": "Ķ", "k": "ķĸ",
		"L": "ĹĻĽĿŁ", "l": "ĺļľŀł",
		"N": "ÑŃŅŇŊ", "n": "ñńņňŉŋ",
		"O": "ÒÓÔÕÖØŌŎŐƠǑỌỎỐỒỔỖỘỚỜỞỠỢ", "o": "òóôõöøōŏőơǒọỏốồổỗộớờởỡợº",
		"OE": "Œ", "oe": "œ",
		"R": "ŔŖŘ", "r": "ŕŗř",
		"S": "ŚŜŞŠȘ", "s": "śŝşšșſ",
		"SS": "ẞ", "ss": "ß",
		"T": "ŢŤŦȚ", "t": "ţťŧț",
		"TH": "Þ", "th": "þ",
		"U": "ÙÚÛÜŨŪŬŮŰŲƯǓỤỦỨỪỬỮỰ", "u": "ùúûüũūŭůűųưǔụủứừửữự",
		"W": "ŴẀẂẄ", "w": "ŵẁẃẅ",
		"Y": "ÝŶŸỲỴỶỸ", "y": "ýÿŷỳỵỷỹ",
		"Z": "ŹŻŽ", "z": "źżž",
		"'": "‘’‚‛ʼ", `"`: "“”„‟«»", "-": "‐‑‒–—―−", "...": "…", " ": "\u00a0\u2002\u2003\u2007\u2009\u202f",
	} {
		for _, letter := range letters {
			m[letter] = plain
		}
	}
	return m
}()

// fold spells value in ASCII: ö is o, ß is ss, and a mark of its own on the
// letter before is nothing. A letter that has no such spelling is "?".
func fold(value string) string {
	if isASCII(value) {
		return value
	}
	var b strings.Builder
	for _, r := range value {
		switch plain, known := folds[r]; {
		case r < utf8.RuneSelf:
			b.WriteRune(r)
		case known:
			b.WriteString(plain)
		case !unicode.Is(unicode.Mn, r):
			b.WriteByte('?')
		}
	}
	return b.String()
}
