package access

import "testing"

func TestMatchQuery(t *testing.T) {
	for _, tt := range []struct {
		name, want, raw string
		match           match
	}{
		{"key", "debug", "/?debug", yes},
		{"key-with-a-value", "debug", "/?a=b&debug=1&c", yes},
		{"key-twice", "debug", "/?debug=1&debug=2", yes},
		{"key-encoded", "debug", "/?%64ebug", yes},
		{"key-with-a-space", "a b", "/?a+b", yes},
		{"value", "a=b=c", "/?a=b=c", yes},
		{"value-empty", "a=", "/?a", yes},
		{"value-with-a-plus", "a=c+d", "/?a=c%2Bd", yes},
		{"value-with-a-raw-plus", "a=c+d", "/?a=c+d", maybe},
		{"value-twice", "a=1", "/?a=1&a=1", yes},
		{"two-values", "a=1", "/?a=1&a=2", maybe},
		{"two-values-turned", "a=1", "/?a=2&a=1", maybe},
		{"by-case", "debug", "/?Debug", maybe},
		{"value-by-case", "a=on", "/?a=ON", maybe},
		{"as-an-array", "debug", "/?debug[x]=1", maybe},
		{"as-an-array-encoded", "debug", "/?debug%5B%5D=1", maybe},
		{"with-a-dot", "a_b", "/?a.b", maybe},
		{"with-a-nul", "debug", "/?debug%00x", maybe},
		{"with-a-space-in-front", "debug", "/?%20debug", maybe},
		{"encoded-twice", "debug", "/?%2564ebug", maybe},
		{"encoded-too-often", "debug", "/?%2525252525252525", maybe},
		{"by-semicolon", "debug", "/?a=b;debug", maybe},
		{"before-a-semicolon", "debug", "/?debug;a=b", maybe},
		{"beside-a-semicolon", "debug", "/?debug&a;b", yes},
		{"value-before-a-semicolon", "a=1", "/?a=1;b", maybe},
		{"behind-a-fragment", "debug", "/?a#&debug", maybe},
		{"before-a-fragment", "debug", "/?debug&a#b", yes},
		{"behind-a-fragment-in-the-path", "debug", "/#?debug", maybe},
		{"behind-an-encoded-mark", "debug", "/%3fdebug", maybe},
		{"behind-a-mark-encoded-twice", "debug", "/%253fa&debug", maybe},
		{"behind-two-marks", "debug", "/?a?debug", no},

		{"no-query", "debug", "/debug", no},
		{"empty-query", "debug", "/?", no},
		{"longer-key", "debug", "/?debugger", no},
		{"key-as-a-value", "debug", "/?a=debug", no},
		{"other-value", "a=1", "/?a=2&b=1", no},
		{"part-of-a-value", "a=1", "/?a=12", no},
		{"value-as-an-array", "a=b", "/?a=b[]", no},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w, problem := parseWant(tt.want)
			if problem != "" {
				t.Fatal(problem)
			}
			if got := matchQuery([]want{w}, tt.raw); got != tt.match {
				t.Errorf("%s in %s is %d, want %d", tt.want, tt.raw, got, tt.match)
			}
		})
	}
	two := []want{{key: "a"}, {key: "b"}}
	for raw, want := range map[string]match{"/?a&b": yes, "/?a&B": maybe, "/?a": no, "/?b": no} {
		if got := matchQuery(two, raw); got != want {
			t.Errorf("a and b in %s are %d, want %d", raw, got, want)
		}
	}
}
