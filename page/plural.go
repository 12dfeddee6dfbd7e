package page

// plural.go knows which form of a text goes with a number, by language: the
// cardinal rules of Unicode's CLDR for whole numbers
// (https://www.unicode.org/cldr/charts/latest/supplemental/language_plural_rules.html).

import "strings"

// forms are the names of all forms, in the order of CLDR.
var forms = []string{"zero", "one", "two", "few", "many", "other"}

// plurals are the rules that are not "one" for 1 and "other" for the rest.
var plurals = map[string]func(n int) string{
	"ja": always, "zh": always, "ko": always, "vi": always, "th": always, "id": always, "ms": always, "lo": always, "my": always, "yue": always,
	"fr": zeroIsOne, "hi": zeroIsOne, "fa": zeroIsOne, "bn": zeroIsOne, "gu": zeroIsOne, "kn": zeroIsOne, "am": zeroIsOne, "hy": zeroIsOne,
	"pl": polish, "cs": czech, "sk": czech, "ro": romanian, "lt": lithuanian, "lv": latvian, "sl": slovenian, "ar": arabic, "he": hebrew,
	"ru": russian, "uk": russian, "be": russian, "sr": serbian, "hr": serbian, "bs": serbian,
	"is": icelandic, "mk": icelandic,
}

// form is the name of the form that goes with n, which is not negative, in the
// language of a tag.
func form(tag string, n int) string {
	base, _, _ := strings.Cut(strings.ToLower(tag), "-")
	if rule, ok := plurals[base]; ok {
		return rule(n)
	}
	if n == 1 {
		return "one"
	}
	return "other"
}

func always(int) string { return "other" }

func zeroIsOne(n int) string {
	if n <= 1 {
		return "one"
	}
	return "other"
}

// fewOf reports 2 to 4, 22 to 24 and so on, but not 12 to 14.
func fewOf(n int) bool { return n%10 >= 2 && n%10 <= 4 && (n%100 < 12 || n%100 > 14) }

func polish(n int) string {
	switch {
	case n == 1:
		return "one"
	case fewOf(n):
		return "few"
	}
	return "many"
}

func russian(n int) string {
	switch {
	case n%10 == 1 && n%100 != 11:
		return "one"
	case fewOf(n):
		return "few"
	}
	return "many"
}

func serbian(n int) string {
	if f := russian(n); f != "many" {
		return f
	}
	return "other"
}

func icelandic(n int) string {
	if n%10 == 1 && n%100 != 11 {
		return "one"
	}
	return "other"
}

func czech(n int) string {
	switch {
	case n == 1:
		return "one"
	case n >= 2 && n <= 4:
		return "few"
	}
	return "other"
}

func romanian(n int) string {
	switch {
	case n == 1:
		return "one"
	case n == 0 || n%100 >= 1 && n%100 <= 19:
		return "few"
	}
	return "other"
}

func lithuanian(n int) string {
	teen := n%100 >= 11 && n%100 <= 19
	switch {
	case n%10 == 1 && !teen:
		return "one"
	case n%10 >= 2 && !teen:
		return "few"
	}
	return "other"
}

func latvian(n int) string {
	switch {
	case n%10 == 0 || n%100 >= 11 && n%100 <= 19:
		return "zero"
	case n%10 == 1:
		return "one"
	}
	return "other"
}

func slovenian(n int) string {
	switch n % 100 {
	case 1:
		return "one"
	case 2:
		return "two"
	case 3, 4:
		return "few"
	}
	return "other"
}

func hebrew(n int) string {
	switch n {
	case 1:
		return "one"
	case 2:
		return "two"
	}
	return "other"
}

func arabic(n int) string {
	switch {
	case n == 0:
		return "zero"
	case n == 1:
		return "one"
	case n == 2:
		return "two"
	case n%100 >= 3 && n%100 <= 10:
		return "few"
	case n%100 >= 11:
		return "many"
	}
	return "other"
}
