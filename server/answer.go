package server

import (
	"errors"
	"slices"
	"strings"

	"splitdns/server/config"
	"splitdns/server/internal/wire"
)

// maxTCP is the largest message that TCP carries (RFC 1035, section 4.2.2).
const maxTCP = 65535

// pack appends the response to q as this client gets it: never larger than
// what it said it takes, nor over UDP than our own limit (RFC 9715). It reports
// whether the answer is whole.
func (s *snapshot) pack(dst []byte, q Query, o Outcome) (packet []byte, whole bool) {
	return s.response(q, o).AppendWhole(dst)
}

// response is what goes out to q, yet to be packed.
func (s *snapshot) response(q Query, o Outcome) wire.Response {
	return wire.Response{
		Query:              q.Query,
		Message:            o.Response,
		Authoritative:      o.Authoritative,
		RecursionAvailable: true,
		EDEs:               s.extended(o),
		Limit:              s.limit(q.UDPSize, q.TCP),
		UDPSize:            s.config.Server.UDPSize,
		Options:            q.options,
	}
}

// limit is the largest response, in octets, to a client that takes udpSize.
func (s *snapshot) limit(udpSize int, tcp bool) int {
	if tcp {
		return maxTCP
	}
	return min(udpSize, s.config.Server.UDPSize)
}

// tooLarge is what becomes of an answer that not even TCP carries: truncated, it
// would only be asked for again.
func (o Outcome) tooLarge() Outcome {
	o = o.servfail()
	o.Failure = errTooLarge
	o.Notes = []wire.EDE{{Code: wire.EDEOther, Text: errTooLarge.Error()}}
	return o
}

// errTooLarge is an answer over 65,535 octets.
var errTooLarge = errors.New("the answer is too large for DNS")

// servfail is o with SERVFAIL for a response: without records, and no longer an
// answer that rules have changed.
func (o Outcome) servfail() Outcome {
	o.Response = wire.NewMessage(o.Response.Question(), wire.ServFail)
	o.Changed, o.Code, o.Authoritative = false, wire.EDEOther, false
	return o
}

// extended returns the extended errors of o: what went wrong, what the rules made
// of it, as far as server.annotate shows it, and last, where room is short, what
// the upstream sent.
func (s *snapshot) extended(o Outcome) []wire.EDE {
	annotate := s.config.Server.Annotate
	all := slices.Clip(o.Notes)
	switch {
	case o.Changed && annotate == config.AnnotateOff && slices.ContainsFunc(o.Notes, func(e wire.EDE) bool { return e.Code == o.Code }):
	case o.Changed && annotate == config.AnnotateOff:
		all = append(all, wire.EDE{Code: o.Code})
	case o.annotated(annotate):
		all = append(all, wire.EDE{Code: o.Code, Text: o.annotation()})
	}
	return append(all, o.Relayed...)
}

// annotated reports whether the answer gets an annotation. Where only private addresses
// were removed and no rule has matched, a note says all there is to say.
func (o Outcome) annotated(annotate config.Annotate) bool {
	matched := o.Decision.Matched() || o.Local != ""
	return matched && annotate == config.AnnotateMatched || o.Changed && (matched || len(o.Private) == 0)
}

// annotation says in one line which rules matched and what came of it.
func (o Outcome) annotation() string {
	d := o.Decision
	var t tokens
	t.add("local", o.Local)
	t.add("rule", strings.Join(d.Rules(), ","))
	t.add("zone", d.Match.Zone)
	t.add("row", d.Match.Row)
	switch {
	case o.ours():
	case d.Answer.Given():
		t.add("answer", d.Answer.String())
		if !d.Chain.IsZero() {
			t.add("chain", d.Chain.String())
		}
	default:
		t.add("pin", d.Pin.String())
		t.add("verdict", o.verdict())
		t.add("spared", d.Spared)
	}
	t.add("tags", strings.Join(d.Tags, ","))
	return strings.Join(t, " ")
}

// verdict is the verdict in words. A failure has none: nothing was answered that
// could be judged.
func (o Outcome) verdict() string {
	if o.ours() {
		return ""
	}
	if rcode := o.Response.Rcode(); !o.Decision.Answer.Given() && rcode != wire.NoError && rcode != wire.NXDomain {
		return ""
	}
	return o.Judgement.Verdict.String()
}

// ours reports whether the answer is that of a local zone or a special-use name, which
// is neither judged nor pinned.
func (o Outcome) ours() bool { return o.Local != "" || o.Special != nil }

// tokens is a line of key=value words in the making.
type tokens []string

// add appends key=value, unless there is no value.
func (t *tokens) add(key, value string) {
	if value != "" {
		*t = append(*t, key+"="+value)
	}
}
