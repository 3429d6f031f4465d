package scenario_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// expectStep checks the next response of a conversation.
type expectStep struct {
	*node
	on      string
	silence bool // no response
	closed  bool // the end of the connection
	rcode   int
	flags   []string // "ad", "-ra": other than usual

	records map[string][]*node // by section
	any     map[string]bool    // sections that may hold anything
	counts  map[string]int     // sections whose number of records is all that counts
	edes    []*node
	others  []*node // lines that need nothing else
}

func (*expectStep) checks() bool { return true }

// sections are those of a response.
var sections = []string{"answer", "authority", "additional"}

// parseExpect reads an expect block.
func parseExpect(n *node) (step, error) {
	e := &expectStep{node: n, records: map[string][]*node{}, any: map[string]bool{}, counts: map[string]int{}}
	words := n.words()[1:]
	words = slices.DeleteFunc(words, func(word string) bool {
		on, ok := strings.CutPrefix(word, "+on=")
		if ok {
			e.on = on
		}
		return ok
	})
	if len(words) == 0 {
		return nil, n.errorf("want expect RCODE, expect nothing or expect closed")
	}
	code, ok := lookupRcode(words[0])
	e.silence, e.closed = words[0] == "nothing", words[0] == "closed"
	if !ok && !e.silence && !e.closed {
		return nil, n.errorf("unknown RCODE %q", words[0])
	}
	e.rcode, e.flags = code, words[1:]
	for _, word := range e.flags {
		if flag(new(dns.MsgHdr), strings.TrimPrefix(word, "-")) == nil {
			return nil, n.errorf("unknown flag %q", word)
		}
	}
	for _, k := range n.kids {
		if err := e.line(k); err != nil {
			return nil, err
		}
	}
	return e, nil
}

// line takes a line below expect.
func (e *expectStep) line(k *node) (err error) {
	key, rest := k.key(), k.rest()
	switch {
	case slices.Contains(sections, key) && rest == "any":
		e.any[key] = true
	case slices.Contains(sections, key) && strings.HasPrefix(rest, "count="):
		e.counts[key], err = strconv.Atoi(strings.TrimPrefix(rest, "count="))
	case slices.Contains(sections, key):
		_, err = wanted(k)
		e.records[key] = append(e.records[key], k)
	case key == "ede":
		e.edes = append(e.edes, k)
	case slices.Contains([]string{"opt", "option", "size", "question", "hex", "whole-sets"}, key):
		e.others = append(e.others, k)
	default:
		err = k.errorf("unknown word %q", key)
	}
	return err
}

// run takes as many responses as the query asks for.
func (e *expectStep) run(w *world) error {
	c := w.conversations[e.on]
	if c == nil {
		return e.errorf("nothing was sent")
	}
	switch {
	case e.silence:
		return e.wrap(c.silent())
	case e.closed:
		return e.wrap(c.ended())
	}
	for i := range c.query.times {
		if i > 0 {
			if err := c.send(c.query); err != nil {
				return err
			}
		}
		if err := e.next(c); err != nil {
			if c.query.times > 1 {
				return fmt.Errorf("%w\n(response %d of %d)", err, i+1, c.query.times)
			}
			return err
		}
	}
	return nil
}

// next takes the next response, and where the query is to be retried, those after it until
// one is as expected.
func (e *expectStep) next(c *conversation) error {
	for until := time.Now().Add(patience / 4); ; time.Sleep(time.Millisecond) {
		packet, err := c.receive()
		if err != nil {
			return e.errorf("no response: %v", err)
		}
		err = e.compare(c, packet)
		if err == nil || !c.query.retry || time.Now().After(until) {
			return err
		}
		if err := c.send(c.query); err != nil {
			return err
		}
	}
}

// wrap gives err the place of e.
func (e *expectStep) wrap(err error) error {
	if err == nil {
		return nil
	}
	return e.errorf("%v", err)
}
