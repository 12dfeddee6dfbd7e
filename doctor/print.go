package doctor

// Lines for a terminal: grouped, aligned, and no wider than it is.

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

const (
	width     = 98
	checkSize = 16 // of the longest name of a check, and a space
)

// signs stand before the words, so that what is wrong shows at a glance.
var signs = map[Status]string{OK: "✓ ok     ", Warning: "! warning", Wrong: "✗ wrong  "}

// Print writes lines group by group, with each fix below its line, and a summary.
// No line has 100 columns, but where a word alone has. The error is w's.
func Print(w io.Writer, lines []Line) error {
	var b strings.Builder
	count, group := map[Status]int{}, ""
	for _, l := range lines {
		if l.group != group {
			if group != "" {
				b.WriteByte('\n')
			}
			group = l.group
			b.WriteString(strings.Join(wrap(group, width), "\n") + "\n")
		}
		count[l.Status]++
		head := fmt.Sprintf("  %s  %-*s ", signs[l.Status], checkSize, l.Check)
		indent := strings.Repeat(" ", utf8.RuneCountInString(head))
		for i, part := range wrap(l.Message, width-len(indent)) {
			if i > 0 {
				head = indent
			}
			b.WriteString(head + part + "\n")
		}
		if l.Fix == "" {
			continue
		}
		head = indent + "→ "
		for _, part := range wrap(l.Fix, width-len(indent)-2) {
			b.WriteString(head + part + "\n")
			head = indent + "  "
		}
	}
	fmt.Fprintf(&b, "\nchecks: %d; ok: %d, warnings: %d, wrong: %d\n", len(lines), count[OK], count[Warning], count[Wrong])
	_, err := io.WriteString(w, b.String())
	return err
}

// wrap breaks a text at spaces into parts of at most so many characters. A longer
// word, an address that people copy, stays whole.
func wrap(text string, most int) (parts []string) {
	line := ""
	for _, word := range strings.Fields(text) {
		switch {
		case line == "":
			line = word
		case utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > most:
			parts = append(parts, line)
			line = word
		default:
			line += " " + word
		}
	}
	return append(parts, line)
}
