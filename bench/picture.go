package main

// The picture of the README: bars of CPU time, one group for each way of asking.

import (
	"fmt"
	"html"
	"strings"
)

// bars is one group: a title, and what each server takes.
type bars struct {
	title string
	names []string
	µs    []float64
}

const (
	barHeight, barGap = 18, 6
	groupGap, labels  = 26, 190 // the names' column
	longest, margin   = 380, 16
)

// picture draws the groups to one scale, in the colours of light and dark pages.
func picture(groups []bars) string {
	most, height := 0.0, margin
	for _, g := range groups {
		for _, µs := range g.µs {
			most = max(most, µs)
		}
		height += groupGap + len(g.names)*(barHeight+barGap) + barGap
	}
	var b strings.Builder
	width := labels + longest + 90
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img" aria-label="CPU time for each check, in microseconds">`+"\n", width, height, width, height)
	b.WriteString(`<style>text{font:13px system-ui,sans-serif;fill:#1c2126}.t{font-weight:600}.o{fill:#1d5563}.n{fill:#b9c3c9}@media(prefers-color-scheme:dark){text{fill:#e9ebed}.o{fill:#8cc9d8}.n{fill:#4a545c}}</style>` + "\n")
	y := margin
	for _, g := range groups {
		y += groupGap
		fmt.Fprintf(&b, `<text class="t" x="%d" y="%d">%s</text>`+"\n", margin, y-8, html.EscapeString(g.title))
		for i, name := range g.names {
			class := "n"
			if name == outpostName {
				class = "o"
			}
			length := max(1, int(g.µs[i]/most*longest))
			fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="end">%s</text><rect class="%s" x="%d" y="%d" width="%d" height="%d" rx="3"/><text x="%d" y="%d">%.1f µs</text>`+"\n",
				labels-8, y+barHeight-5, html.EscapeString(name), class, labels, y, length, barHeight, labels+length+8, y+barHeight-5, g.µs[i])
			y += barHeight + barGap
		}
		y += barGap
	}
	b.WriteString("</svg>\n")
	return b.String()
}
