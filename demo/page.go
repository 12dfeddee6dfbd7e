package main

// The demo's two pages: the provider's sign-in form, and the page that both
// applications show.

import (
	"bytes"
	"embed"
	"html/template"
	"net/http"
)

//go:embed pages
var pageFiles embed.FS

var pages = template.Must(template.ParseFS(pageFiles, "pages/*"))

// signInPage fills pages/sign_in.html.
type signInPage struct {
	ID       string // of the sign-in under way
	People   []person
	Username string // as typed the last time, "" at first
	Problem  string // one sentence, "" at first
}

// applicationPage fills pages/application.html.
type applicationPage struct {
	Name    string // the application's
	URL     string // as the browser asked for it
	Person  string // whom nginx names
	Headers []header
	Other   link
	Account string // where the person sees where they are signed in
	SignOut string
}

// header is one identity header as it arrived, its value "" where it is empty.
type header struct{ Name, Value string }

// link is where a page leads on to.
type link struct{ Name, URL string }

// writePage answers with a page, or with 500 if it cannot be filled.
func writePage(w http.ResponseWriter, status int, name string, data any) {
	var page bytes.Buffer
	if err := pages.ExecuteTemplate(&page, name, data); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	page.WriteTo(w)
}
