package nginx

// How a configuration file is read: nginx's own grammar, word for word as its
// ngx_conf_read_token does, since a linter that reads a file differently from
// nginx is wrong about who gets in. A file that nginx would not take is an
// error with a line, and never half a tree.

import (
	"fmt"
	"strings"
)

// Directive is one statement of a configuration file.
type Directive struct {
	Name   string
	Args   []string // as nginx sees them: without quotes and escapes; nil for none
	Block  []*Directive
	Braced bool   // it has a block, which may be empty
	File   string // as it was named when it was read
	Line   int    // of its name, from 1
}

// arg is the i-th argument, "" if there is none.
func (d *Directive) arg(i int) string {
	if i < len(d.Args) {
		return d.Args[i]
	}
	return ""
}

// syntaxError says where a file stops being one.
type syntaxError struct {
	file string
	line int
	what string
}

func (e *syntaxError) Error() string { return fmt.Sprintf("%s:%d: %s", e.file, e.line, e.what) }

// reader goes through the text of one file.
type reader struct {
	file string
	text string
	at   int
	line int
}

// The ways in which a statement ends.
type ending int

const (
	semicolon ending = iota
	blockStart
	blockEnd
	endOfFile
)

// parse reads a whole file. It follows no include.
func parse(file, text string) ([]*Directive, error) {
	r := &reader{file: file, text: text, line: 1}
	return r.block(0)
}

// deepest is how far blocks may stand in each other. nginx's own never come
// near; a file that does is no configuration.
const deepest = 64

func (r *reader) block(depth int) ([]*Directive, error) {
	if depth > deepest {
		return nil, r.wrong("blocks stand in each other %d times", depth)
	}
	var list []*Directive
	for {
		words, line, end, err := r.statement()
		if err != nil {
			return nil, err
		}
		switch {
		case end == endOfFile && depth > 0:
			return nil, r.wrong(`unexpected end of file, expecting "}"`)
		case end == blockEnd && depth == 0:
			return nil, r.wrong(`unexpected "}"`)
		case end == endOfFile || end == blockEnd:
			return list, nil
		}
		d := &Directive{Name: words[0], Args: words[1:], File: r.file, Line: line}
		list = append(list, d)
		if end != blockStart {
			continue
		}
		d.Braced = true
		if strings.HasSuffix(d.Name, "_by_lua_block") {
			err = r.skipLua()
		} else {
			d.Block, err = r.block(depth + 1)
		}
		if err != nil {
			return nil, err
		}
	}
}

func (r *reader) wrong(format string, args ...any) error {
	return &syntaxError{r.file, r.line, fmt.Sprintf(format, args...)}
}

// statement reads the words up to a ";", "{" or "}", and the line of the first.
func (r *reader) statement() (words []string, line int, end ending, err error) {
	for {
		r.skipSpace()
		if r.at == len(r.text) {
			if len(words) > 0 {
				return nil, 0, 0, r.wrong(`unexpected end of file, expecting ";" or "}"`)
			}
			return nil, 0, endOfFile, nil
		}
		c := r.text[r.at]
		switch c {
		case ';', '{':
			if len(words) == 0 {
				return nil, 0, 0, r.wrong("unexpected %q", string(c))
			}
			r.at++
			return words, line, map[byte]ending{';': semicolon, '{': blockStart}[c], nil
		case '}':
			if len(words) > 0 {
				return nil, 0, 0, r.wrong(`unexpected "}", expecting ";"`)
			}
			r.at++
			return nil, 0, blockEnd, nil
		}
		if len(words) == 0 {
			line = r.line
		}
		word, err := r.word(c)
		if err != nil {
			return nil, 0, 0, err
		}
		words = append(words, word)
	}
}

// skipSpace goes on to the next word, over comments.
func (r *reader) skipSpace() {
	comment := false
	for ; r.at < len(r.text); r.at++ {
		switch c := r.text[r.at]; {
		case c == '\n':
			r.line++
			comment = false
		case comment || isSpace(c):
		case c == '#':
			comment = true
		default:
			return
		}
	}
}

// word reads one word, which begins here.
func (r *reader) word(first byte) (string, error) {
	if first == '"' || first == '\'' {
		r.at++
		word, closed := r.until(func(c byte) bool { return c == first })
		if !closed {
			return "", r.wrong(`unexpected end of file, expecting %s`, string(first))
		}
		r.at++
		return word, r.afterQuote()
	}
	word, closed := r.until(func(c byte) bool { return isSpace(c) || c == ';' || c == '{' })
	if !closed {
		return "", r.wrong(`unexpected end of file, expecting ";" or "}"`)
	}
	return word, nil
}

// until reads up to a character that ends the word, which a backslash before
// it or "$" before "{" keeps from doing so.
func (r *reader) until(ends func(byte) bool) (word string, closed bool) {
	start, variable := r.at, false
	for ; r.at < len(r.text); r.at++ {
		c := r.text[r.at]
		if c == '\n' {
			r.line++
		}
		switch {
		case c == '{' && variable:
			continue
		case c == '\\':
			variable = false
			if r.at++; r.at < len(r.text) && r.text[r.at] == '\n' {
				r.line++
			}
			continue
		case c == '$':
			variable = true
			continue
		}
		variable = false
		if ends(c) {
			if c == '\n' {
				r.line-- // it is counted when it is skipped
			}
			return unescape(r.text[start:r.at]), true
		}
	}
	r.at = len(r.text)
	return "", false
}

// afterQuote holds that a quoted word is followed by something that may.
func (r *reader) afterQuote() error {
	if r.at == len(r.text) {
		return nil // said by whoever wants more
	}
	if c := r.text[r.at]; !isSpace(c) && !strings.ContainsRune(";{)", rune(c)) {
		return r.wrong("unexpected %q", string(c))
	}
	return nil
}

// unescape takes the backslashes away that nginx takes away: all others stay,
// as in a regular expression.
func unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			if at := strings.IndexByte(`"'\trn`, s[i+1]); at >= 0 {
				b.WriteByte("\"'\\\t\r\n"[at])
				i++
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

// skipLua passes over a block in another language, by its braces: strings and
// comments may hold others.
func (r *reader) skipLua() error {
	depth := 1
	for ; r.at < len(r.text); r.at++ {
		switch c := r.text[r.at]; {
		case c == '\n':
			r.line++
		case c == '{':
			depth++
		case c == '}':
			if depth--; depth == 0 {
				r.at++
				return nil
			}
		case c == '-' && strings.HasPrefix(r.text[r.at:], "--"):
			for r.at+1 < len(r.text) && r.text[r.at+1] != '\n' {
				r.at++
			}
		case c == '"' || c == '\'':
			for r.at++; r.at < len(r.text) && r.text[r.at] != c && r.text[r.at] != '\n'; r.at++ {
				if r.text[r.at] == '\\' {
					r.at++
				}
			}
		}
	}
	return r.wrong(`unexpected end of file, expecting "}" of a Lua block`)
}
