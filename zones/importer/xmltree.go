package importer

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
)

const (
	maxXMLDepth = 10      // how deep elements may lie within one another
	maxXMLSize  = 4 << 20 // in octets: one element may be attributes only, each of which takes 20 times its text
)

// element is an element of XML, said when it ends.
type element struct {
	name   string
	parent string // the name of the element around it
	line   int
	attrs  []xml.Attr
	text   string // directly in it
}

// What is wrong with XML that the decoder does not mind.
var (
	errDTD      = errors.New("a document type declaration has no place here; nothing of it is read")
	errXMLSize  = fmt.Errorf("XML of more than %d MiB", maxXMLSize>>20)
	errXMLDepth = fmt.Errorf("elements within elements more than %d deep", maxXMLDepth)
	errNoXML    = errors.New("no element of XML")
)

// readXML gives each element, inner ones first, to each. Unless strict, an ampersand
// may stand for itself. The error says its line. No entity is expanded but those of
// XML itself.
func readXML(data []byte, strict bool, each func(element)) error {
	if len(data) > maxXMLSize {
		return errXMLSize
	}
	d := xml.NewDecoder(bytes.NewReader(bytes.TrimPrefix(data, []byte("\ufeff"))))
	d.Strict, d.CharsetReader = strict, charsetReader
	var open []element
	isAny := false
	for {
		t, err := d.Token()
		line, _ := d.InputPos()
		if err == io.EOF && isAny {
			return nil
		}
		if err == io.EOF {
			err = errNoXML
		}
		if err == nil {
			open, err = walkXML(open, t, line, each)
		}
		if err != nil {
			if isCutOff(err) {
				line, err = lastLine(data), errCutOff
			}
			return fmt.Errorf("line %d: %w", line, err)
		}
		isAny = isAny || len(open) > 0
	}
}

// isCutOff says whether err is that of a document that ends in the middle.
func isCutOff(err error) bool {
	e, ok := errors.AsType[*xml.SyntaxError](err)
	return ok && strings.Contains(e.Msg, "unexpected EOF")
}

// walkXML is what is open behind a token.
func walkXML(open []element, t xml.Token, line int, each func(element)) ([]element, error) {
	switch t := t.(type) {
	case xml.Directive:
		return open, errDTD
	case xml.StartElement:
		if len(open) == maxXMLDepth {
			return open, errXMLDepth
		}
		e := element{name: t.Name.Local, line: line, attrs: t.Copy().Attr}
		if len(open) > 0 {
			e.parent = open[len(open)-1].name
		}
		return append(open, e), nil
	case xml.CharData:
		if len(open) > 0 && len(open[len(open)-1].text) < maxNote {
			open[len(open)-1].text += cut(string(t))
		}
	case xml.EndElement:
		if len(open) > 0 {
			each(open[len(open)-1])
			open = open[:len(open)-1]
		}
	}
	return open, nil
}

// charsetReader reads the encodings that lists come in: of ASCII names all are the same.
func charsetReader(charset string, input io.Reader) (io.Reader, error) {
	switch strings.ToLower(charset) {
	case "us-ascii", "ascii":
		return input, nil
	case "iso-8859-1", "latin1", "windows-1252":
		data, err := io.ReadAll(input)
		if err != nil {
			return nil, err
		}
		text := make([]rune, len(data))
		for i, b := range data {
			text[i] = rune(b)
		}
		return strings.NewReader(string(text)), nil
	}
	return nil, fmt.Errorf("encoding %q: want UTF-8", charset)
}
