package headers

// block.go decides what an answer says of a person, once it is worked out: which
// lines, in which order, and whether they may be sent at all.

import (
	"fmt"
	"net/http"
)

// Budget is how many bytes the identity headers of one answer may take, names
// included, unless a Mapping says otherwise. nginx reads the header of an answer
// into one page of 4096 bytes (proxy_buffer_size); beyond it the person would
// see a bare 500.
const Budget = 3500

// Block is a set of headers, ready to be written into any number of answers. It
// is not changed once it is made.
type Block struct {
	Dropped []string // what was left out, "header: why", for the log; one line a header at most, nil if nothing; never a value
	Size    int      // bytes, names and line ends included

	names         []string // canonical, sorted; most often the mapping's own slice
	values        []string // one for each name
	tooLarge      bool
	authorization bool
}

// Line is one header of an answer, its name in canonical spelling.
type Line struct{ Name, Value string }

// Fits reports whether the block may be sent: it is within the budget of its
// mapping, and each header within its own. A block that does not fit is whole
// nonetheless, since a shorter list could mean something else; the caller denies.
func (b *Block) Fits() bool { return !b.tooLarge }

// Authorization reports whether the block has an Authorization header of its
// own. Where it has none, and nginx takes the header from the answer, the caller
// returns the client's: what nginx does not find there it takes away.
func (b *Block) Authorization() bool { return b.authorization }

// Write sets every header of the block, replacing what h has under its names.
// The slices are shared between answers: h's owner must not append to them or
// change their elements. It allocates nothing but what h needs to grow.
func (b *Block) Write(h http.Header) {
	for i, name := range b.names {
		h[name] = b.values[i : i+1 : i+1]
	}
}

// AppendTo appends the block's header lines to answer, in the order in which
// net/http writes them.
func (b *Block) AppendTo(answer []byte) []byte {
	for i, name := range b.names {
		answer = appendLine(answer, name, b.values[i])
	}
	return answer
}

// AppendWith is AppendTo for an answer that has other headers as well: each
// goes to its place in the order. others are sorted by name, and none has a name
// of the block's.
func (b *Block) AppendWith(answer []byte, others ...Line) []byte {
	for i, name := range b.names {
		for len(others) > 0 && others[0].Name < name {
			answer = appendLine(answer, others[0].Name, others[0].Value)
			others = others[1:]
		}
		answer = appendLine(answer, name, b.values[i])
	}
	for _, other := range others {
		answer = appendLine(answer, other.Name, other.Value)
	}
	return answer
}

// Lines are the block's headers, in the order of AppendTo.
func (b *Block) Lines() []Line {
	lines := make([]Line, len(b.names))
	for i, name := range b.names {
		lines[i] = Line{name, b.values[i]}
	}
	return lines
}

func appendLine(answer []byte, name, value string) []byte {
	answer = append(answer, name...)
	answer = append(answer, ": "...)
	answer = append(answer, value...)
	return append(answer, "\r\n"...)
}

// String says how much there is, and nothing of it: a block may hold a password.
func (b Block) String() string { return fmt.Sprintf("%d headers of %d bytes", len(b.names), b.Size) }

// GoString is String: %#v shows no value either.
func (b Block) GoString() string { return b.String() }

// drop notes what is missing from the header called name, and why.
func (b *Block) drop(name, why string) {
	if why != "" {
		b.Dropped = append(b.Dropped, name+": "+why)
	}
}

// measure settles Size once names and values are what they will be.
func (b *Block) measure() {
	b.Size = 0
	for i, name := range b.names {
		b.Size += len(name) + len(b.values[i]) + len(": \r\n")
	}
}
