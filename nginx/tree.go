package nginx

// The whole configuration: a file with what it includes in the places where it
// includes it. What could not be read stays in the tree as a hole with a name,
// so that nobody takes what stands around it for all there is.

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
)

// Unread is a file, or the rest of one, that could not be read.
type Unread struct {
	File   string `json:"file"` // the one that says so: it holds the mistake or the include
	Line   int    `json:"line"` // 0 for a file that cannot be opened at all
	Reason string `json:"reason"`
}

func (u Unread) String() string {
	if u.Line == 0 {
		return fmt.Sprintf("%s: %s", u.File, u.Reason)
	}
	return fmt.Sprintf("%s:%d: %s", u.File, u.Line, u.Reason)
}

// unread is the name of the directive that stands where something could not be
// read. nginx has none with a space in its name.
const unread = "could not be read"

// tables are files that every nginx has and that can let nobody in: types and
// variables for other protocols. Where they are not at hand, nothing is lost.
var tables = []string{"mime.types", "fastcgi.conf", "fastcgi_params", "scgi_params", "uwsgi_params"}

// tree reads files and remembers what was wrong with them.
type tree struct {
	from     source
	unread   []Unread
	versions map[string]version // by file
}

// version is the first line of a file of ours, or of SWAG's.
type version struct {
	date string // 2026/11/26
	rest string // what stands after it on the line
}

var versionLine = regexp.MustCompile(`\A## Version (\d{4}/\d{2}/\d{2})[ \t]*(.*)`)

// load reads a file with all its includes. The directive that asked for it is
// nil for the first.
func (t *tree) load(name string, by *Directive, depth int) []*Directive {
	text, err := t.from.read(name)
	if err != nil {
		if by == nil {
			return t.hole(name, 0, err.Error())
		}
		return t.hole(by.File, by.Line, fmt.Sprintf("include %s: %v", by.arg(0), err))
	}
	if found := versionLine.FindStringSubmatch(text); found != nil {
		t.versions[name] = version{found[1], found[2]}
	}
	list, err := parse(name, text)
	var syntax *syntaxError
	if errors.As(err, &syntax) {
		return t.hole(name, syntax.line, syntax.what)
	}
	return t.follow(list, depth)
}

// follow puts what is included in the place of the includes.
func (t *tree) follow(list []*Directive, depth int) []*Directive {
	var whole []*Directive
	for _, d := range list {
		if d.Name != "include" || d.Braced || len(d.Args) != 1 {
			d.Block = t.follow(d.Block, depth)
			whole = append(whole, d)
			continue
		}
		if depth > deepest {
			whole = append(whole, t.hole(d.File, d.Line, fmt.Sprintf("include %s: files include each other", d.arg(0)))...)
			continue
		}
		names, err := t.from.resolve(d.arg(0))
		if errors.Is(err, errElsewhere) && slices.Contains(tables, path.Base(d.arg(0))) {
			continue
		}
		if err != nil {
			whole = append(whole, t.hole(d.File, d.Line, fmt.Sprintf("include %s: %v", d.arg(0), err))...)
			continue
		}
		for _, name := range names {
			whole = append(whole, t.load(name, d, depth+1)...)
		}
	}
	return whole
}

// hole notes what could not be read, once, and stands for it in the tree.
func (t *tree) hole(file string, line int, reason string) []*Directive {
	if u := (Unread{file, line, reason}); !slices.Contains(t.unread, u) {
		t.unread = append(t.unread, u)
	}
	return []*Directive{{Name: unread, File: file, Line: line}}
}
