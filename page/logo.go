package page

// logo.go takes an operator's logo. It stands in each page as a data: URL, in an
// <img>, where a browser runs no script of an SVG and fetches nothing that it
// names (SVG 2 §2.2.7, secure animated mode; the page's policy forbids both as
// well). An SVG that has a script is refused all the same: whoever made it wanted
// something else than a logo.

import (
	"bytes"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
)

// MaxLogo is how many bytes a logo may have. It is in every page.
const MaxLogo = 48 << 10

// CheckLogo says what is wrong with a logo; nil if nothing is.
func CheckLogo(logo []byte) error {
	_, err := dataURL(logo)
	return err
}

// dataURL is the logo as an <img> takes it. What it is, its first bytes say.
func dataURL(logo []byte) (string, error) {
	var kind string
	switch {
	case len(logo) > MaxLogo:
		return "", fmt.Errorf("must be at most %d KiB, since it is in every page", MaxLogo>>10)
	case bytes.HasPrefix(logo, []byte("\x89PNG\r\n\x1a\n")) && len(logo) > 24 && string(logo[12:16]) == "IHDR":
		kind = "image/png"
	case bytes.HasPrefix(logo, []byte("RIFF")) && len(logo) > 16 && string(logo[8:12]) == "WEBP":
		kind = "image/webp"
	default:
		if err := checkSVG(logo); err != nil {
			return "", err
		}
		kind = "image/svg+xml"
	}
	return "data:" + kind + ";base64," + base64.StdEncoding.EncodeToString(logo), nil
}

// checkSVG wants a whole SVG in UTF-8 that runs nothing and refers to nothing
// outside itself.
func checkSVG(logo []byte) error {
	d := xml.NewDecoder(bytes.NewReader(logo))
	depth, seen := 0, false
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) && seen && depth == 0 {
			return nil
		}
		if err != nil {
			if !seen {
				return errors.New("must be a PNG, a WebP or an SVG")
			}
			return errors.New("must be a whole SVG, and is no well-formed XML")
		}
		switch t := token.(type) {
		case xml.Directive:
			return errors.New("must be an SVG without a <!DOCTYPE>: remove that line")
		case xml.StartElement:
			if !seen && (t.Name.Local != "svg" || t.Name.Space != "http://www.w3.org/2000/svg") {
				return errors.New(`must be a PNG, a WebP or an SVG, whose first element is <svg xmlns="http://www.w3.org/2000/svg">`)
			}
			seen = true
			depth++
			if err := checkElement(t); err != nil {
				return err
			}
		case xml.EndElement:
			depth--
		}
	}
}

// checkElement refuses what runs, embeds or fetches.
func checkElement(e xml.StartElement) error {
	switch name := strings.ToLower(e.Name.Local); name {
	case "script", "foreignobject", "iframe", "object", "embed", "handler", "listener":
		return fmt.Errorf("must be an SVG without <%s>", name)
	}
	for _, a := range e.Attr {
		name, value := strings.ToLower(a.Name.Local), strings.ToLower(strings.TrimSpace(a.Value))
		switch {
		case strings.HasPrefix(name, "on"):
			return fmt.Errorf("must be an SVG without scripts, and <%s> has %s", e.Name.Local, name)
		case name == "href" && !strings.HasPrefix(value, "#") && !strings.HasPrefix(value, "data:image/"):
			return fmt.Errorf("must be an SVG that refers to nothing outside itself, and <%s> does", e.Name.Local)
		}
	}
	return nil
}
