package importer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

const (
	maxJSONDepth = 12        // published lists have five
	maxJSONNodes = 3_000_000 // a node takes some 70 octets
	shapeSize    = 64 << 10  // octets in which the shape of JSON must show
)

// node is a value of JSON, with its line.
type node struct {
	key   string // in the object that it is a member of
	line  int
	kind  nodeKind
	text  string // of a string or a number; "true" and "false"
	items []node // the elements of a list, the members of an object
}

// nodeKind says what a node is.
type nodeKind uint8

const (
	nullNode nodeKind = iota
	textNode
	numberNode
	boolNode
	listNode
	objectNode
)

// member is the member called key; the zero node, which is null, if there is none.
func (n *node) member(key string) *node {
	for i := range n.items {
		if n.kind == objectNode && n.items[i].key == key {
			return &n.items[i]
		}
	}
	return &node{line: n.line}
}

// scalar is the text of the member called key: a string, or a number in its digits.
func (n *node) scalar(key string) string { return n.member(key).text }

// jsonReader reads JSON as nodes.
type jsonReader struct {
	decoder *json.Decoder
	data    []byte
	at      int64 // what lies before it is counted in line
	line    int
	nodes   int
}

// What is wrong with JSON that the decoder does not mind.
var (
	errJSONDepth = fmt.Errorf("values within values more than %d deep", maxJSONDepth)
	errJSONNodes = fmt.Errorf("more than %d values", maxJSONNodes)
	errJSONRest  = errors.New("there is more behind the end of the document")
	errCutOff    = errors.New("the document ends in the middle: it was cut off")
)

// newJSONReader makes a reader of data.
func newJSONReader(data []byte) *jsonReader {
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	return &jsonReader{decoder: d, data: data, line: 1}
}

// parseJSON reads a document. The error says its line.
func parseJSON(data []byte) (*node, error) {
	j := newJSONReader(data)
	n, err := j.value(maxJSONDepth)
	if err == nil {
		if _, after := j.token(); after != io.EOF {
			err = errJSONRest
		}
	}
	if err != nil {
		return nil, fmt.Errorf("line %d: %w", j.lineOf(err), err)
	}
	return &n, nil
}

// lineOf is the line of err: of a syntax error the decoder says the octet, of others
// it is where reading stopped.
func (j *jsonReader) lineOf(err error) int {
	if e, ok := errors.AsType[*json.SyntaxError](err); ok && e.Offset > j.at {
		j.advance(e.Offset)
	} else if err == errCutOff {
		return lastLine(j.data)
	}
	return j.line
}

// lastLine is the last line of data that is not blank.
func lastLine(data []byte) int {
	return 1 + bytes.Count(bytes.TrimRight(data, " \t\r\n"), []byte("\n"))
}

// advance counts the lines up to an octet.
func (j *jsonReader) advance(to int64) {
	to = min(to, int64(len(j.data)))
	if to > j.at {
		j.line += bytes.Count(j.data[j.at:to], []byte("\n"))
		j.at = to
	}
}

// token reads the next token.
func (j *jsonReader) token() (json.Token, error) {
	t, err := j.decoder.Token()
	j.advance(j.decoder.InputOffset())
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = errCutOff
	}
	return t, err
}

// value reads a value, in which values may lie as deep.
func (j *jsonReader) value(depth int) (node, error) {
	t, err := j.token()
	if err == io.EOF {
		err = errCutOff
	}
	if err != nil {
		return node{}, err
	}
	if j.nodes++; j.nodes > maxJSONNodes {
		return node{}, errJSONNodes
	}
	n := node{line: j.line}
	switch t := t.(type) {
	case json.Delim:
		return j.items(t, depth-1)
	case string:
		n.kind, n.text = textNode, t
	case json.Number:
		n.kind, n.text = numberNode, t.String()
	case bool:
		n.kind, n.text = boolNode, fmt.Sprint(t)
	}
	return n, nil
}

// items reads what stands between brackets or braces, and their end.
func (j *jsonReader) items(open json.Delim, depth int) (node, error) {
	n := node{line: j.line, kind: listNode}
	if open == '{' {
		n.kind = objectNode
	}
	if depth < 0 {
		return n, errJSONDepth
	}
	for j.decoder.More() {
		key := ""
		if n.kind == objectNode {
			t, err := j.token()
			if err != nil {
				return n, err
			}
			key, _ = t.(string)
		}
		item, err := j.value(depth)
		if err != nil {
			return n, err
		}
		item.key = key
		n.items = append(n.items, item)
	}
	_, err := j.token()
	if err == io.EOF {
		err = errCutOff
	}
	return n, err
}

// jsonShape says how the JSON in data begins: whether it is a list, and which keys
// objects have, each behind as many dots as values enclose it.
func jsonShape(data []byte) (isList bool, keys []string) {
	if !looksJSON(data) {
		return false, nil
	}
	isList = body(data)[0] == '['
	j := newJSONReader(data[:min(len(data), shapeSize)])
	var open []json.Delim
	for isKey := false; len(open) <= maxJSONDepth; {
		t, err := j.decoder.Token()
		if err != nil {
			return isList, keys
		}
		switch t := t.(type) {
		case json.Delim:
			open = nested(open, t)
		case string:
			if isKey {
				keys = append(keys, strings.Repeat(".", len(open))+t)
				isKey = false
				continue
			}
		}
		isKey = len(open) > 0 && open[len(open)-1] == '{'
	}
	return isList, keys
}

// nested is what is open behind t.
func nested(open []json.Delim, t json.Delim) []json.Delim {
	if t == '{' || t == '[' {
		return append(open, t)
	}
	return open[:max(len(open)-1, 0)]
}

// hasKeys says whether JSON, a list or not, begins with all of the keys.
func hasKeys(data []byte, wantList bool, want ...string) bool {
	isList, keys := jsonShape(data)
	for _, key := range want {
		if isList != wantList || !slices.Contains(keys, key) {
			return false
		}
	}
	return true
}

// nothing refuses JSON whose lists are all empty: of an object, or alone. Beside other
// documents a list of nothing says that nothing changed.
func nothing(data []byte, alone bool) error {
	if len(data) > shapeSize || !looksJSON(data) {
		return nil
	}
	root, err := parseJSON(data)
	switch {
	case err != nil:
	case root.kind == listNode && len(root.items) == 0 && alone:
		return fmt.Errorf("%w; what says that nothing changed at Microsoft 365, give together with the document of /endpoints", ErrEmptyList)
	case root.kind == objectNode && hasEmptyLists(root):
		return ErrEmptyList
	}
	return nil
}

// hasEmptyLists says whether an object has lists, and nothing in them.
func hasEmptyLists(n *node) bool {
	lists := 0
	for i := range n.items {
		switch m := &n.items[i]; m.kind {
		case listNode, objectNode:
			if m.kind == objectNode || len(m.items) > 0 {
				return false
			}
			lists++
		case nullNode, textNode, numberNode, boolNode:
		}
	}
	return lists > 0
}

// members notes the members of n that are not among those known.
func (r *reading) members(n *node, known ...string) {
	for i := range n.items {
		if m := &n.items[i]; n.kind == objectNode && !slices.Contains(known, m.key) {
			r.count(m.line, Skipped, fmt.Sprintf("member %q, which is not known here", cut(m.key)))
		}
	}
}

// texts gives the strings of a list, with their lines. What else stands in it is noted.
func (r *reading) texts(n *node, each func(line int, text string)) {
	if n.kind != listNode && n.kind != nullNode {
		r.note(n.line, Skipped, "%s: want a list", cut(n.key))
		return
	}
	for i := range n.items {
		item := &n.items[i]
		switch {
		case n.kind != listNode || item.kind != textNode:
			r.note(item.line, Skipped, "an element of %s that is no string", cut(n.key))
		case len(item.text) > maxNote:
			r.note(item.line, Skipped, "%q: %v", cut(item.text), errPrinted)
		default:
			each(item.line, item.text)
		}
	}
}

// patternsOf reads a list of names.
func (r *reading) patternsOf(d *draft, n *node) {
	r.texts(n, func(line int, text string) {
		if p, ok := r.pattern(line, text); ok {
			d.names = append(d.names, p)
		}
	})
}

// prefixesOf reads a list of prefixes.
func (r *reading) prefixesOf(d *draft, n *node) {
	r.texts(n, func(line int, text string) {
		if p, ok := r.prefix(line, text); ok {
			d.prefixes = append(d.prefixes, p)
		}
	})
}
