package main

// completion.go has a shell complete command lines. The script that a shell is given
// knows nothing: it asks the program itself, whose table of commands is what counts,
// by `outpost completion words WORD…`.

import (
	"context"
	_ "embed" // the scripts
	"errors"
	"fmt"
	"slices"
	"strings"
)

//go:embed completion.bash
var completionBash string

//go:embed completion.zsh
var completionZsh string

//go:embed completion.fish
var completionFish string

func completion() subcommand {
	scripts := map[string]string{"bash": completionBash, "zsh": completionZsh, "fish": completionFish}
	return subcommand{
		name: "completion", takes: "bash|zsh|fish", says: "print what has a shell complete these commands", arguments: 1, noFile: true,
		more: "For bash: outpost completion bash > /etc/bash_completion.d/outpost; for zsh, into a folder of $fpath as _outpost;\nfor fish, into ~/.config/fish/completions/outpost.fish.",
		do: func(_ context.Context, p program, _ string, args []string) error {
			if len(args) == 0 || scripts[args[0]] == "" {
				return wrongUse{errors.New("completion: name the shell: bash, zsh or fish")}
			}
			_, err := fmt.Fprint(p.stdout, scripts[args[0]])
			return err
		},
	}
}

// A candidate is what may stand in the place of the word that is being typed.
type candidate struct{ word, says string }

// printCandidates answers a shell: a line for each candidate, with a tab before what
// is said of it, or the one line :files or :dirs. words are those after "outpost",
// the one being typed last.
func (p program) printCandidates(words []string) {
	for _, c := range candidates(words) {
		fmt.Fprintln(p.stdout, strings.TrimSuffix(c.word+"\t"+c.says, "\t"))
	}
}

func candidates(words []string) []candidate {
	if len(words) == 0 {
		return nil
	}
	before, typed := words[:len(words)-1], words[len(words)-1]
	c, rest, err := choose(before)
	switch {
	case len(before) == 0 && !strings.HasPrefix(typed, "-"):
		return matching(firstWords(), typed)
	case err != nil && len(before) == 1:
		return matching(secondWords(before[0]), typed)
	case err != nil:
		return nil
	}
	value, left := c.left(rest)
	switch {
	case value != "":
		return fitting(value, typed)
	case strings.HasPrefix(typed, "-"):
		var all []candidate
		for _, o := range c.options() {
			all = append(all, candidate{o.name, o.says})
		}
		return matching(all, typed)
	case len(left) > 0:
		return fitting(left, typed)
	}
	return nil
}

// left is what a command still takes after some words: the value of the flag that the
// last one is, or else the next argument, as help shows it; "" for none.
func (c subcommand) left(words []string) (value, argument string) {
	takes, count := strings.Fields(c.takes), 0
	for i := 0; i < len(words); i++ {
		j := slices.IndexFunc(c.options(), func(o option) bool { return strings.TrimLeft(o.name, "-") == strings.TrimLeft(words[i], "-") })
		switch {
		case !strings.HasPrefix(words[i], "-"):
			count++
		case j >= 0 && c.options()[j].value != "":
			if i++; i == len(words) {
				return c.options()[j].value, ""
			}
		}
	}
	if len(takes) == 0 || count >= len(takes) && !strings.HasSuffix(strings.Trim(takes[len(takes)-1], "[]"), "…") {
		return "", ""
	}
	return "", takes[min(count, len(takes)-1)]
}

// fitting are the candidates for what help calls FILE, DIR, COMMAND or, by its words,
// one|two|three; nil for what nobody but the person knows.
func fitting(what, typed string) []candidate {
	switch what = strings.Trim(what, "[]…"); {
	case strings.Contains(what, "FILE"):
		return []candidate{{word: ":files"}}
	case what == "DIR":
		return []candidate{{word: ":dirs"}}
	case what == "COMMAND":
		return matching(firstWords(), typed)
	case strings.Contains(what, "|"):
		var all []candidate
		for word := range strings.SplitSeq(what, "|") {
			all = append(all, candidate{word: word})
		}
		return matching(all, typed)
	}
	return nil
}

func firstWords() (all []candidate) {
	for _, c := range commands() {
		first, _, two := strings.Cut(c.name, " ")
		if slices.ContainsFunc(all, func(other candidate) bool { return other.word == first }) {
			continue
		}
		says := c.says
		if two {
			var seconds []string
			for _, second := range secondWords(first) {
				seconds = append(seconds, second.word)
			}
			says = strings.Join(seconds, ", ")
		}
		all = append(all, candidate{first, says})
	}
	return all
}

func secondWords(first string) (all []candidate) {
	for _, c := range commands() {
		if a, b, _ := strings.Cut(c.name, " "); a == first && b != "" {
			all = append(all, candidate{b, c.says})
		}
	}
	return all
}

func matching(all []candidate, typed string) []candidate {
	return slices.DeleteFunc(all, func(c candidate) bool { return !strings.HasPrefix(c.word, typed) })
}
