package doctor

// A bundle for a bug report: one text file that its reader may put in public.
// Whatever goes into it passes redact.go, the parts that hide their secrets by
// themselves included.

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"strings"

	"outpost/config"
)

const logLines = 200

// Bundle is what goes into the file.
type Bundle struct {
	Program string // the line of outpost version
	Lines   []Line
	Config  *config.Config // nil where it could not be loaded
	Metrics []byte         // nil for none
	Log     io.Reader      // its last 200 lines count; nil for none

	Secrets   []string // that must not be in it, besides those of Config
	Anonymous bool     // hosts and names become host-1.example, name-1 and so on
}

// Write writes the bundle. The error says what could not be read or written.
func (b Bundle) Write(w io.Writer) error {
	r := newRedactor(b)
	var out bytes.Buffer
	fmt.Fprintf(&out, "%s\nA report of outpost doctor. Secrets, cookies, tokens and addresses of people are taken out.\n", b.Program)
	var lines bytes.Buffer
	if err := Print(&lines, b.Lines); err != nil {
		return err
	}
	out.WriteString("\n== doctor ==\n" + r.everything(lines.String()))
	out.WriteString("\n== configuration ==\n")
	if b.Config == nil {
		out.WriteString("It could not be loaded; the lines above say why.\n")
	} else {
		var dump bytes.Buffer
		if err := b.Config.Dump(&dump); err != nil {
			return fmt.Errorf("writing the configuration: %w", err)
		}
		out.WriteString(r.configuration(dump.String()))
	}
	out.WriteString("\n== metrics ==\n")
	if b.Metrics == nil {
		out.WriteString("None could be had.\n")
	}
	for line := range strings.Lines(string(b.Metrics)) {
		if !strings.HasPrefix(line, "#") {
			out.WriteString(r.everything(line))
		}
	}
	if b.Log != nil {
		last, err := tail(b.Log, logLines)
		if err != nil {
			return fmt.Errorf("reading the log: %w", err)
		}
		out.WriteString("\n== the last lines of the log ==\n")
		for _, line := range last {
			out.WriteString(r.log(line) + "\n")
		}
	}
	_, err := w.Write(out.Bytes())
	return err
}

// tail is the last n lines of a text of any length.
func tail(from io.Reader, n int) (last []string, err error) {
	scanner := bufio.NewScanner(from)
	scanner.Buffer(nil, 1<<20)
	for scanner.Scan() {
		if last = append(last, scanner.Text()); len(last) > n {
			last = last[1:]
		}
	}
	return last, scanner.Err()
}
