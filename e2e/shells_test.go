package e2e

// What the program prints for shells and for man is given to real ones.

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// printed is a file with what the program prints.
func printed(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command(shared("outpost"), args...).Output()
	if err != nil {
		t.Fatalf("outpost %q: %v", args, err)
	}
	file := filepath.Join(t.TempDir(), "printed")
	writeFile(t, file, string(out))
	return file
}

func TestCompletion(t *testing.T) {
	lines := map[string]string{
		// The last word is being typed; a shell's own files are asked for where it ends in /.
		"bash": `source "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); compopt() { :; }; _outpost; printf '%s\n' "${COMPREPLY[@]}"`,
		// Its widgets are there with a terminal alone; what they are handed is printed.
		"zsh":  `compdef() { : }; _describe() { print -rl -- "${(@P)2}" }; _files() { [[ $1 = -/ ]] && print -l $PREFIX*(/N) || print -l $PREFIX*(N) }; source "$0"; words=("$@"); CURRENT=$#; PREFIX=$words[-1]; _outpost`,
		"fish": `source $argv[1]; complete -C (string join -- ' ' $argv[2..])`,
	}
	folder := t.TempDir()
	for _, name := range []string{"one.yaml", "two.yaml"} {
		writeFile(t, filepath.Join(folder, name), "")
	}
	if err := os.Mkdir(filepath.Join(folder, "three"), 0o700); err != nil {
		t.Fatal(err)
	}
	for shell, line := range lines {
		file := printed(t, "completion", shell)
		for _, tt := range []struct {
			name  string
			typed []string
			want  []string
		}{
			{"command", []string{"sess"}, []string{"sessions"}},
			{"second-word", []string{"sessions", "re"}, []string{"revoke"}},
			{"flag", []string{"explain", "--gr"}, []string{"--groups"}},
			{"value", []string{"nginx", "--for", "np"}, []string{"npm"}},
			{"files", []string{"check", "-config", folder + "/"}, []string{"one.yaml", "three", "two.yaml"}},
			{"folders", []string{"nginx", "--out", folder + "/"}, []string{"three"}},
		} {
			t.Run(shell+"/"+tt.name, func(t *testing.T) {
				args := []string{"-c", line, file, "outpost"}
				if shell == "zsh" {
					args = append([]string{"-f"}, args...)
				}
				cmd := exec.Command(shell, append(args, tt.typed...)...)
				cmd.Env = []string{"PATH=" + filepath.Dir(shared("outpost")) + ":" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "TERM=dumb"}
				out, err := cmd.CombinedOutput()
				if err != nil {
					t.Fatalf("%v\n%s", err, out)
				}
				var got []string
				for line := range strings.Lines(string(out)) {
					word, _, _ := strings.Cut(strings.TrimSpace(line), "\t")
					if shell == "zsh" && !strings.HasPrefix(word, "/") {
						word, _, _ = strings.Cut(word, ":")
					}
					got = append(got, filepath.Base(word))
				}
				slices.Sort(got)
				if !slices.Equal(got, tt.want) {
					t.Errorf("got %q, want %q", got, tt.want)
				}
			})
		}
	}
}

func TestManualPage(t *testing.T) {
	file := printed(t, "man")
	if out, err := exec.Command("mandoc", "-Tlint", "-Wwarning", file).CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("%v\n%s", err, out)
	}
	out, err := exec.Command("mandoc", "-Tutf8", file).Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"OUTPOST(1)", "outpost sessions revoke [ID]", "OUTPOST_ISSUER", "/config/outpost.yaml"} {
		if plain := strings.NewReplacer("‐", "-", "−", "-").Replace(bare(string(out))); !strings.Contains(plain, want) {
			t.Errorf("no %q in\n%s", want, plain)
		}
	}
}

// bare is a page without what makes letters bold and underlined on a terminal.
func bare(s string) string {
	var b []rune
	for _, r := range s {
		if r == '\b' && len(b) > 0 {
			b = b[:len(b)-1]
			continue
		}
		b = append(b, r)
	}
	return string(b)
}
