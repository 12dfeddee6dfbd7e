package nginx

// Where the files of a configuration are: a folder that holds the tree, or the
// output of nginx -T, which holds all of it in one text. An include is found as
// nginx finds it, but for one thing: what SWAG calls /config/nginx is the
// folder that we were given.

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// swagRoot is where SWAG's configurations believe they are.
const swagRoot = "/config/nginx"

// errElsewhere is of a file that nginx reads from outside the tree: it cannot
// be had here, and need not be wrong there.
var errElsewhere = errors.New("it is not in this tree")

// source gives the text of files.
type source interface {
	// read returns a file by the name that resolve gave it.
	read(name string) (string, error)
	// resolve returns the names of the files that an include means, in the
	// order in which nginx reads them. None is right for a pattern alone.
	resolve(include string) ([]string, error)
}

// disk is a tree of files below root.
type disk struct {
	root  string
	first string // the file that was named, whose text is at hand: it may be a pipe
	text  string
	// sample makes of a line that a user would have to uncomment one that is,
	// if the file of this name is a sample; nil for as it stands.
	sample func(name, text string) string
}

func (d disk) read(name string) (string, error) {
	text, err := []byte(d.text), error(nil)
	if name != d.first {
		text, err = os.ReadFile(name)
	}
	if err != nil {
		return "", errors.Unwrap(err) // the caller names the file
	}
	if d.sample != nil {
		return d.sample(name, string(text)), nil
	}
	return string(text), nil
}

func (d disk) resolve(include string) ([]string, error) {
	name := include
	rest, swag := strings.CutPrefix(include, swagRoot+"/")
	etc, isEtc := strings.CutPrefix(include, "/etc/nginx/")
	switch {
	case swag:
		name = filepath.Join(d.root, rest)
	case !path.IsAbs(include):
		name = filepath.Join(d.root, include)
	case isEtc && d.root != swagRoot && d.root != "/etc/nginx":
		name = filepath.Join(d.root, etc) // a copy of a plain nginx's tree
	}
	inside := name != include || strings.HasPrefix(include, d.root+"/")
	if isPattern(name) {
		found, err := filepath.Glob(name)
		return found, err // sorted, and without hidden files only if the pattern says so, as glob(3)
	}
	if _, err := os.Stat(name); err == nil {
		return []string{name}, nil
	} else if errors.Is(err, fs.ErrNotExist) && (!inside || isEtc) {
		return nil, errElsewhere
	}
	return []string{name}, nil // reading it says what is wrong
}

func isPattern(name string) bool { return strings.ContainsAny(name, "*?[") }

// dump is what nginx -T printed.
type dump struct {
	main  string
	files map[string]string
	order []string
}

var dumpHeader = regexp.MustCompile(`(?m)^# configuration file (\S.*):\n`)

// parseDump takes the output of nginx -T apart. It is false if text is none.
func parseDump(text string) (dump, bool) {
	heads := dumpHeader.FindAllStringSubmatchIndex(text, -1)
	if len(heads) == 0 {
		return dump{}, false
	}
	// What stands before the first is what nginx says on standard error.
	for line := range strings.Lines(text[:heads[0][0]]) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "nginx: ") {
			return dump{}, false
		}
	}
	d := dump{files: map[string]string{}}
	for i, head := range heads {
		end := len(text)
		if i+1 < len(heads) {
			end = heads[i+1][0]
		}
		name := text[head[2]:head[3]]
		d.files[name] = text[head[1]:end]
		d.order = append(d.order, name)
	}
	d.main = d.order[0]
	return d, true
}

func (d dump) read(name string) (string, error) {
	text, found := d.files[name]
	if !found {
		return "", errors.New("nginx -T did not print it")
	}
	return text, nil
}

func (d dump) resolve(include string) ([]string, error) {
	if !path.IsAbs(include) {
		include = path.Join(path.Dir(d.main), include)
	}
	if !isPattern(include) {
		return []string{include}, nil
	}
	var found []string
	for _, name := range d.order {
		if matched, err := path.Match(include, name); err != nil {
			return nil, fmt.Errorf("the pattern %s cannot be read: %w", include, err)
		} else if matched {
			found = append(found, name)
		}
	}
	slices.Sort(found)
	return slices.Compact(found), nil
}
