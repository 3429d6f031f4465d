package export

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// DefaultProxy is what a PAC file returns for all other hosts unless it is told: a proxy that
// nobody has (RFC 2606, section 3). Nothing leaves by accident, and who loads the file sees why.
const DefaultProxy = "PROXY proxy.example:8080"

// checkPAC checks what is returned for all other hosts.
func checkPAC(o *Options) error {
	o.Proxy = cmp.Or(o.Proxy, DefaultProxy)
	if strings.ContainsFunc(o.Proxy, func(r rune) bool { return r < ' ' || r > '~' }) {
		return &OptionError{"proxy", fmt.Sprintf("%q: want printable ASCII", o.Proxy)}
	}
	return nil
}

// writePAC writes a PAC file: names are found as the matcher finds them, one suffix after the
// other. Keys of its tables begin with a dot, so that no name meets a property that every
// object has. Patterns with ranges and stars stand below their literal suffix.
func writePAC(w *writing) error {
	w.noPrefixes(notePrefixes)
	if w.o.Proxy == DefaultProxy {
		w.notes.say("all other hosts go to " + DefaultProxy + ", which is nobody's: say which with --proxy")
	}
	proxy, err := json.Marshal(w.o.Proxy)
	if err != nil {
		return err
	}
	w.line("var proxy = ", string(proxy), ";")
	w.pacTable("exact", exact)
	w.notes.done = true // the same patterns once more
	w.pacTable("below", below)
	w.pacOdd()
	_, err = w.WriteString(pacProgram)
	return err
}

// pacTable writes the names that are matched themselves, or those that names below them are.
func (w *writing) pacTable(name string, kind anchor) {
	seen := w.newOnce()
	w.line("var ", name, " = {")
	w.eachShape(func(s shape) {
		isKind := s.anchor == kind || s.anchor == subtree && (kind == below || s.name != "")
		if !s.isOdd() && isKind && seen.isNew(plain{subtree, s.name}) {
			w.entry(`"`, dotted(s.name), `": 1,`)
		}
	})
	w.line(`"!": 0`, "\n};") // no comma may be the last
}

// dotted is a name as a key: with a dot before each label, so that the root is empty.
func dotted(name string) string {
	if name == "" {
		return ""
	}
	return "." + name
}

// eachShape yields the patterns that a host of a URL can match.
func (w *writing) eachShape(yield func(shape)) {
	for _, p := range w.patterns {
		s := shapeOf(p)
		if strings.Contains(s.name, `\`) {
			w.notes.add("patterns", noteOctets, s.text)
			continue
		}
		yield(s)
	}
}

// pacOdd writes the patterns with ranges and stars, by their literal suffix.
func (w *writing) pacOdd() {
	bySuffix := map[string][]string{}
	var order []string
	seen := w.newOnce()
	w.eachShape(func(s shape) {
		if !s.isOdd() || !seen.isNew(s.plain) {
			return
		}
		suffix, text := s.pacShape()
		if bySuffix[suffix] == nil {
			order = append(order, suffix)
		}
		bySuffix[suffix] = append(bySuffix[suffix], text)
	})
	w.line("var odd = {")
	for _, suffix := range order {
		w.entries += len(bySuffix[suffix])
		w.line(`"`, dotted(suffix), `": [`)
		w.line(strings.Join(bySuffix[suffix], ",\n"), "],")
	}
	w.line(`"!": []`, "\n};")
}

// runMark stands between the numbers of a range while dots separate labels.
const runMark = "~"

// pacShape splits a pattern into its literal suffix and what stands left of it: the anchor,
// then labels from the right. A label is a list of parts: a text, 0 for a star, or the first
// and the last number of a range, as texts since JavaScript's numbers have 53 bits.
func (s shape) pacShape() (suffix, text string) {
	labels := strings.Split(strings.ReplaceAll(s.name, "..", runMark), ".")
	odd := len(labels)
	for !strings.ContainsAny(labels[odd-1], "*{") {
		odd--
	}
	parts := []string{fmt.Sprint(s.anchor)}
	for _, label := range slices.Backward(labels[:odd]) {
		parts = append(parts, "["+pacLabel(label)+"]")
	}
	return strings.Join(labels[odd:], "."), "[" + strings.Join(parts, ", ") + "]"
}

// pacLabel is the parts of a label.
func pacLabel(label string) string {
	var parts []string
	for label != "" {
		end := strings.IndexAny(label, "*{")
		switch {
		case end < 0:
			end = len(label)
			fallthrough
		case end > 0:
			parts = append(parts, `"`+label[:end]+`"`)
		case label[0] == '*':
			end = 1
			parts = append(parts, "0")
		default:
			end = strings.IndexByte(label, '}') + 1
			first, last, _ := strings.Cut(label[1:end-1], runMark)
			parts = append(parts, `["`+first+`", "`+last+`"]`)
		}
		label = label[end:]
	}
	return strings.Join(parts, ", ")
}

// pacProgram is the part of a PAC file that is always the same. It is of the oldest
// JavaScript that browsers and operating systems run such files with. A label is matched as
// package matcher does it: with all positions at once that the parts so far can end at, so
// that no pattern makes it slow.
const pacProgram = `
function FindProxyForURL(url, host) {
  return isPublished(host.toLowerCase()) ? "DIRECT" : proxy;
}

function isPublished(host) {
  var labels, left, suffix = "";
  if (host.charAt(host.length - 1) === ".") host = host.substring(0, host.length - 1);
  if (host.length > 253 || /[^\x21-\x7e]/.test(host)) return false;
  labels = host.split(".");
  for (left = 0; left < labels.length; left++)
    if (labels[left].length < 1 || labels[left].length > 63) return false;
  for (left = labels.length; left >= 0; left--) {
    if (left < labels.length) suffix = "." + labels[left] + suffix;
    if (has(left > 0 ? below : exact, suffix) || oddMatches(suffix, labels, left)) return true;
  }
  return false;
}

function has(table, key) {
  return Object.prototype.hasOwnProperty.call(table, key);
}

function oddMatches(suffix, labels, left) {
  var i, patterns = has(odd, suffix) ? odd[suffix] : [];
  for (i = 0; i < patterns.length; i++)
    if (tailMatches(patterns[i], labels, left)) return true;
  return false;
}

function tailMatches(tail, labels, left) {
  var i, over = left - (tail.length - 1);
  if (over < 0 || tail[0] === 0 && over > 0 || tail[0] === 1 && over === 0) return false;
  for (i = 1; i < tail.length; i++)
    if (!labelMatches(tail[i], labels[left - i])) return false;
  return true;
}

function labelMatches(parts, label) {
  var i, begin, next, ends = [true];
  for (i = 0; i < parts.length; i++) {
    next = [];
    for (begin = 0; begin <= label.length; begin++)
      if (ends[begin]) partEnds(parts[i], label, begin, next);
    ends = next;
  }
  return ends[label.length] === true;
}

function partEnds(part, label, begin, ends) {
  var end;
  if (part === 0) {
    for (end = begin; end <= label.length; end++) ends[end] = true;
  } else if (typeof part === "string") {
    if (label.substr(begin, part.length) === part) ends[begin + part.length] = true;
  } else {
    numberEnds(part, label, begin, ends);
  }
}

function numberEnds(range, label, begin, ends) {
  var end, text;
  for (end = begin + 1; end <= label.length && end - begin <= range[1].length; end++) {
    text = label.substring(begin, end);
    if (!/^[0-9]+$/.test(text)) return;
    if (atLeast(text, range[0]) && atLeast(range[1], text)) ends[end] = true;
    if (text === "0") return;
  }
}

function atLeast(a, b) {
  return a.length !== b.length ? a.length > b.length : a >= b;
}
`
