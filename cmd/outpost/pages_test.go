package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// What these pages have in YAML is copied: a whole file, or the part of one that
// begins with applications. Each is good, rules, headers and all.
func TestPagesWithConfigurations(t *testing.T) {
	for _, page := range []string{"access", "headers", "applications", "machine-clients", "front-ends"} {
		t.Run(page, func(t *testing.T) {
			text, err := os.ReadFile("../../docs/" + page + ".md")
			if err != nil {
				t.Fatal(err)
			}
			blocks := yamlBlock.FindAllStringSubmatch(string(text), -1)
			if len(blocks) == 0 {
				t.Fatal("there are none")
			}
			for _, block := range blocks {
				whole := fromFile.ReplaceAllString(block[1], "s3cr3t-of-${1}-enough-for-all")
				if !strings.HasPrefix(whole, "provider") {
					whole = "provider: { issuer: https://auth.example.com/, client_id: outpost, client_secret: s3cr3t-of-the-provider }\n" + whole
				}
				file := t.TempDir() + "/config.yaml"
				if err := os.WriteFile(file, []byte(whole), 0o600); err != nil {
					t.Fatal(err)
				}
				if o := command(t, nil, "check", "-config", file); o.status != 0 || strings.Contains(o.stdout, "warning") {
					t.Errorf("%s%s\n%s", o.stdout, o.stderr, whole)
				}
			}
		})
	}
}

// docs/pages.md has a section of the configuration, a file of words, and what is
// said of a mistake in it: the file is good but for what its comment says, and the
// mistake is told to the letter.
func TestPagesOfPages(t *testing.T) {
	text, err := os.ReadFile("../../docs/pages.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := yamlBlock.FindAllStringSubmatch(string(text), -1)
	if len(blocks) != 2 {
		t.Fatalf("%d configurations", len(blocks))
	}
	dir := t.TempDir()
	write := func(name, content string) {
		if err := os.WriteFile(dir+"/"+name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("logo.svg", `<svg xmlns="http://www.w3.org/2000/svg"/>`)
	write("strings.yaml", blocks[1][1])
	write("config.yaml", "provider: { issuer: https://auth.example.com/, client_id: outpost }\napplications: [{ name: home, mode: single, external_url: https://home.example.com }]\n"+
		strings.ReplaceAll(blocks[0][1], "/config/", dir+"/"))
	if o := command(t, nil, "check", "-config", dir+"/config.yaml"); o.status != 0 || strings.Count(o.stdout+o.stderr, "texts in sv, which are shown in English") != 1 {
		t.Errorf("%s%s", o.stdout, o.stderr)
	}
	write("strings.yaml", "de:\n\n  not_alowed.next: Nein\n")
	o := command(t, nil, "check", "-config", dir+"/config.yaml")
	_, told, _ := strings.Cut(string(text), "line 14, pages.strings: ")
	told, _, _ = strings.Cut(told, "\n```")
	if told = strings.ReplaceAll(told, "/config/", dir+"/"); o.status == 0 || !strings.Contains(o.stderr, told) {
		t.Errorf("got\n%s, want\n%s", o.stderr, told)
	}
}

var (
	yamlBlock = regexp.MustCompile("(?s)```yaml\n(.*?)```")
	fromFile  = regexp.MustCompile(`\$\{file:[a-z/]*/([a-z-]+)\}`)
)

var mdLink = regexp.MustCompile(`\]\(([^)#\s]+)(?:#[^)]*)?\)`)

// Every page leads to files that are there, and docs/README.md to every page.
func TestLinks(t *testing.T) {
	var pages []string
	for _, pattern := range []string{"*.md", "*/*.md"} {
		found, err := filepath.Glob(filepath.Join("../..", pattern))
		if err != nil {
			t.Fatal(err)
		}
		pages = append(pages, found...)
	}
	index := ""
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(page, "docs/README.md") {
			index = string(text)
		}
		for _, link := range mdLink.FindAllStringSubmatch(string(text), -1) {
			if strings.Contains(link[1], ":") {
				continue
			}
			if _, err := os.Stat(filepath.Join(filepath.Dir(page), link[1])); err != nil {
				t.Errorf("%s leads to %s, which is not there", page, link[1])
			}
		}
	}
	for _, page := range pages {
		if name := filepath.Base(page); filepath.Base(filepath.Dir(page)) == "docs" && name != "README.md" && !strings.Contains(index, "("+name+")") {
			t.Errorf("docs/README.md does not say what %s is for", name)
		}
	}
}
