package scenario_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// A node is a line of a scenario file with the lines that are indented below it.
type node struct {
	place string // FILE:LINE
	text  string // without indentation
	kids  []*node
}

// words are the words of the line.
func (n *node) words() []string { return strings.Fields(n.text) }

// key is the first word of the line, and rest what follows it.
func (n *node) key() string { return n.words()[0] }

// rest is the line without its first word.
func (n *node) rest() string {
	return strings.TrimSpace(strings.TrimPrefix(n.text, n.key()))
}

// errorf is an error with the place of n.
func (n *node) errorf(format string, args ...any) error {
	return fmt.Errorf("%s: %s", n.place, fmt.Sprintf(format, args...))
}

// block is the text of the lines below n, as it was indented there.
func (n *node) block() string {
	var b strings.Builder
	n.appendTo(&b, 0)
	return b.String()
}

// appendTo writes the lines below n.
func (n *node) appendTo(b *strings.Builder, depth int) {
	for _, k := range n.kids {
		b.WriteString(strings.Repeat("\t", depth) + k.text + "\n")
		k.appendTo(b, depth+1)
	}
}

// parseNodes makes a tree of the lines of text: a line belongs to the nearest one above it
// that is indented less. Empty lines and those that begin with # go.
func parseNodes(file, text string) (*node, error) {
	root := &node{place: file}
	path := []*node{root}
	number := 0
	for line := range strings.Lines(text) {
		number++
		body := strings.TrimLeft(line, "\t")
		depth := len(line) - len(body)
		body = strings.TrimSpace(body)
		if body == "" || strings.HasPrefix(body, "#") {
			continue
		}
		n := &node{place: fmt.Sprintf("%s:%d", file, number), text: body}
		if strings.HasPrefix(strings.TrimLeft(line, "\t"), " ") {
			return nil, n.errorf("indented with spaces: use tabs")
		}
		if depth >= len(path) {
			return nil, n.errorf("indented by %d tabs: want at most %d", depth, len(path)-1)
		}
		path = append(path[:depth+1], n)
		path[depth].kids = append(path[depth].kids, n.repeated()...)
	}
	return root, nil
}

// counter is FROM..TO in a record: that many records, with each number in turn.
var counter = regexp.MustCompile(`\{(\d+)\.\.(\d+)\}`)

// repeated is n, or for a record with a counter one line for each number.
func (n *node) repeated() []*node {
	m := counter.FindStringSubmatch(n.text)
	if m == nil || !slices.Contains([]string{"record", "answer", "authority", "additional"}, n.key()) {
		return []*node{n}
	}
	var all []*node
	from, _ := strconv.Atoi(m[1])
	to, _ := strconv.Atoi(m[2])
	for i := from; i <= to; i++ {
		all = append(all, &node{place: n.place, text: strings.ReplaceAll(n.text, m[0], strconv.Itoa(i))})
	}
	return all
}

// A scenario is one behaviour: a configuration, upstreams, and steps.
type scenario struct {
	subject string // the name of the file
	name    string
	place   string
	needs   string // configuration that the server must know

	config    string
	files     []*node
	upstreams []*upstreamScript
	steps     []step
}

// parseFile reads the scenarios of a file.
func parseFile(path string) ([]*scenario, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return parse(path, string(text))
}

// parse reads scenarios from text, which came from the file at path.
func parse(path, text string) ([]*scenario, error) {
	root, err := parseNodes(filepath.Base(path), text)
	if err != nil {
		return nil, err
	}
	subject := strings.TrimSuffix(filepath.Base(path), ".scenario")
	var all []*scenario
	needs := ""
	for _, n := range root.kids {
		if n.key() == "scenario" {
			all = append(all, &scenario{subject: subject, name: n.rest(), place: n.place, needs: needs})
			continue
		}
		if n.key() == "needs" && len(all) == 0 {
			needs += n.block()
			continue
		}
		if len(all) == 0 {
			return nil, n.errorf("%q stands before the first scenario", n.key())
		}
		if err := all[len(all)-1].add(n); err != nil {
			return nil, err
		}
	}
	return all, check(all)
}

// check finds what is wrong with scenarios that were read.
func check(all []*scenario) error {
	seen := map[string]bool{}
	for _, s := range all {
		switch {
		case s.name == "":
			return fmt.Errorf("%s: a scenario without a name", s.place)
		case seen[s.name]:
			return fmt.Errorf("%s: a second scenario %q", s.place, s.name)
		case !slices.ContainsFunc(s.steps, step.checks):
			return fmt.Errorf("%s: scenario %q checks nothing: want an expect or asked step", s.place, s.name)
		}
		seen[s.name] = true
	}
	return nil
}

// add adds what a line at the margin says.
func (s *scenario) add(n *node) error {
	switch n.key() {
	case "config":
		s.config += n.block()
		return nil
	case "file":
		s.files = append(s.files, n)
		return nil
	case "upstream":
		u, err := parseUpstream(n)
		s.upstreams = append(s.upstreams, u)
		return err
	}
	parser, ok := stepParsers[n.key()]
	if !ok {
		return n.errorf("unknown word %q: want scenario, config, file, upstream, query, send, expect, asked, pass, reload, release, hang or shut", n.key())
	}
	st, err := parser(n)
	if err != nil {
		return err
	}
	s.steps = append(s.steps, st)
	return nil
}
