package importer

import (
	"bytes"
	"errors"
	"net/url"
	"path"
	"regexp"
	"strings"
	"time"
	"unicode"
)

// What is no list of endpoints, whatever it was taken for.
var (
	errPage    = errors.New("this is a web page in HTML, not a list: mirrors answer so when a file is gone; give the address of the file itself")
	errPAC     = errors.New("this is a PAC file, a program that only a browser can run, not a list")
	errPacked  = errors.New("this is a compressed or binary file; unpack it first")
	errNotText = errors.New("this is not text in UTF-8")

	errZoneFile = errors.New("this is a zone file already; it needs no import: give it to a zone of the configuration as file")
)

// refusal says why data can be a document of no format at all.
func refusal(data []byte) error {
	head := data[:min(len(data), 4096)]
	lower := bytes.ToLower(head)
	switch {
	case isPage(lower):
		return errPage
	case bytes.Contains(head, []byte("function FindProxyForURL")):
		return errPAC
	case isPacked(head):
		return errPacked
	case bytes.IndexByte(head, 0) >= 0 || bytes.HasPrefix(head, []byte("\xff\xfe")) || bytes.HasPrefix(head, []byte("\xfe\xff")):
		return errNotText
	}
	return nil
}

// isPage says whether a document that begins so, in lower case, is HTML.
func isPage(head []byte) bool {
	head = body(head)
	for bytes.HasPrefix(head, []byte("<!--")) || bytes.HasPrefix(head, []byte("<?xml")) {
		_, rest, ok := bytes.Cut(head, []byte(">"))
		if !ok {
			return false
		}
		head = bytes.TrimSpace(rest)
	}
	for _, start := range []string{"<!doctype html", "<html", "<head", "<body", "<script", "<title", "<meta"} {
		if bytes.HasPrefix(head, []byte(start)) {
			return true
		}
	}
	return false
}

// isZoneFile says whether a document of no known format begins as zone files do, with a table
// of a row among its first lines.
func isZoneFile(data []byte) bool {
	data = body(data)
	return bytes.HasPrefix(data, []byte("[row.")) || bytes.Contains(data, []byte("\n[row."))
}

// isPacked says whether a document that begins so is a gzip, xz, ZIP or PDF file.
func isPacked(head []byte) bool {
	for _, magic := range []string{"\x1f\x8b", "\xfd7zXZ", "PK\x03\x04", "%PDF-"} {
		if bytes.HasPrefix(head, []byte(magic)) {
			return true
		}
	}
	return false
}

// body is the beginning of data, without a byte order mark and the white space in front.
func body(data []byte) []byte {
	data = data[:min(len(data), shapeSize)]
	return bytes.TrimLeftFunc(bytes.TrimPrefix(data, []byte("\ufeff")), unicode.IsSpace)
}

// looksJSON says whether data begins as JSON does; "[Adblock Plus]" is a heading of lists.
func looksJSON(data []byte) bool {
	data = body(data)
	if len(data) > 0 && data[0] == '[' {
		data = bytes.TrimLeftFunc(data[1:], unicode.IsSpace)
		return len(data) == 0 || strings.IndexByte(`{[]"0123456789-`, data[0]) >= 0
	}
	return len(data) > 0 && data[0] == '{'
}

// maxText is how many octets of a document's prose a row's purpose takes over.
const maxText = 200

// tidy is prose as one line of what is printable, cut at a word when it is long.
func tidy(prose string) string {
	prose = strings.Map(func(c rune) rune {
		switch {
		case unicode.IsSpace(c):
			return ' '
		case unicode.IsPrint(c) && c != unicode.ReplacementChar:
			return c
		}
		return -1
	}, prose[:min(len(prose), 8*maxText)])
	prose = strings.Join(strings.Fields(prose), " ")
	if len(prose) <= maxText {
		return prose
	}
	if at := strings.LastIndexByte(prose[:maxText], ' '); at > 0 {
		return prose[:at] + " …"
	}
	return strings.ToValidUTF8(prose[:maxText], "") + "…"
}

// cut is text as a note may quote it.
func cut(text string) string {
	if len(text) <= maxNote {
		return text
	}
	return strings.ToValidUTF8(text[:maxNote], "") + "…"
}

// sourceOf is where the document was published: its address, if that is how it was
// given, without what was only asked there. Otherwise it is usual.
func sourceOf(d Document, usual string) string {
	u, err := url.Parse(d.Name)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return usual
	}
	u.User, u.RawQuery, u.Fragment = nil, "", ""
	return u.String()
}

// eightDigits are those of a date in the name of a file.
var eightDigits = regexp.MustCompile(`(?:^|\D)(\d{8})(?:\D|$)`)

// dateInName is the date in the name of a file, such as ServiceTags_Public_20260615.json.
func dateInName(name string) string {
	name, _, _ = strings.Cut(name, "?")
	for _, m := range eightDigits.FindAllStringSubmatch(path.Base(strings.ReplaceAll(name, `\`, "/")), -1) {
		if date := dateOf(m[1]); date != "" {
			return date
		}
	}
	return ""
}

// dateOf is the date that text begins with, as 2026-03-24; "" if there is none.
func dateOf(text string) string {
	for _, layout := range []string{time.DateOnly, "20060102"} {
		if len(text) < len(layout) {
			continue
		}
		if t, err := time.Parse(layout, text[:len(layout)]); err == nil {
			return t.Format(time.DateOnly)
		}
	}
	return ""
}
