package integration_test

import (
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// explainedFile has every difference between us and unbound, each with its reason.
const explainedFile = "testdata/oracle/differences.txt"

// The same queries go to splitdns and to unbound, which forward to the same
// upstream. What differs is in a file, difference by difference, below the reason
// why ours is on purpose. One that is not there fails the test, and so does one that
// no longer occurs.
func TestOracle(t *testing.T) {
	needs(t, "unbound")
	explained, reasons := readExplained(t)
	found := make(map[string]bool)
	queries := 0
	for _, group := range oracleGroups() {
		lines, n := compare(t, group)
		queries += n
		for _, line := range lines {
			found[line] = true
		}
	}
	const least = 300
	if queries < least {
		t.Errorf("%d queries, want at least %d", queries, least)
	}
	for _, line := range slices.Sorted(maps.Keys(found)) {
		if explained[line] == "" {
			t.Errorf("not explained in %s:\n%s", explainedFile, line)
		}
	}
	for _, line := range slices.Sorted(maps.Keys(explained)) {
		if !found[line] {
			t.Errorf("explained in %s, and does not occur:\n%s", explainedFile, line)
		}
	}
	t.Logf("%d queries, %d differences for %d reasons", queries, len(found), reasons)
}

// readExplained reads the file of differences: blocks, each of lines that begin with
// "# " and are the reason, and of one line for each difference.
func readExplained(t *testing.T) (explained map[string]string, reasons int) {
	t.Helper()
	b, err := os.ReadFile(filepath.FromSlash(explainedFile))
	if err != nil {
		t.Fatal(err)
	}
	explained = make(map[string]string)
	for block := range strings.SplitSeq(strings.TrimSpace(string(b)), "\n\n") {
		var reason string
		for line := range strings.Lines(block) {
			line = strings.TrimSuffix(line, "\n")
			if why, ok := strings.CutPrefix(line, "# "); ok {
				reason += why + "\n"
				continue
			}
			if !strings.Contains(reason, "RFC ") {
				t.Errorf("%s: no reason with its RFC above %q", explainedFile, line)
			}
			if explained[line] != "" {
				t.Errorf("%s: twice: %q", explainedFile, line)
			}
			explained[line] = reason
		}
		reasons++
	}
	return explained, reasons
}

// compare asks both servers what a group says, and returns the differences. Each
// group has servers of its own: they must not learn from another group that an
// upstream is bad.
func compare(t *testing.T, group oracleGroup) (lines []string, queries int) {
	t.Helper()
	byName := make(map[string]oracleCase)
	for _, c := range group.cases {
		if byName[c.name].name != "" {
			t.Fatalf("two cases are called %s", c.name)
		}
		byName[c.name] = c
	}
	u := newScripted(t, func(q asked) { playCase(byName, q) })
	ours := start(t, "-c", writeConfig(t, oracleConfig(u.addr)))
	theirs := startUnbound(t, u.addr)
	for _, c := range group.cases {
		for _, q := range c.queries {
			packet := q.pack(c.name + ".example.")
			var got [2]oracleAnswer
			var both sync.WaitGroup
			for i, addr := range []string{theirs, ours.Addr} {
				both.Go(func() { got[i] = askOracle(addr, q, packet) })
			}
			both.Wait()
			key := fmt.Sprintf("%s %s %s", group.name, c.name, q.name)
			lines = append(lines, differences(key, got[0], got[1])...)
			queries++
		}
	}
	return lines, queries
}

// oracleConfig is what both have in common: one upstream, and nobody is told what a
// rule did, since none matches.
func oracleConfig(upstream string) string {
	return "[log]\nqueries = \"off\"\n[upstream.default]\nservers = [\"" + upstream + "\"]\n"
}

// playCase has the upstream say what the case says whose name the query is for.
func playCase(byName map[string]oracleCase, q asked) {
	m := new(dns.Msg)
	if m.Unpack(q.packet) != nil || len(m.Question) != 1 {
		return
	}
	labels := dns.SplitDomainName(strings.ToLower(m.Question[0].Name))
	for i := range labels {
		if c, ok := byName[labels[i]]; ok {
			c.says(q, m)
			return
		}
	}
	q.reply(mustPack(ofNoCase(m)))
}

// ofNoCase is the response to a query for a name that is none of the cases': below
// example. there is none, and others have an address, where they are asked for.
func ofNoCase(m *dns.Msg) *dns.Msg {
	name := m.Question[0].Name
	if dns.IsSubDomain("example.", name) {
		return new(dns.Msg).SetRcode(m, dns.RcodeNameError)
	}
	r := new(dns.Msg).SetReply(m)
	if m.Question[0].Qtype == dns.TypeA {
		r.Answer = forged(name)
	}
	return r
}

// startUnbound runs unbound, which forwards everything to upstream, until the test
// ends, and returns its address.
func startUnbound(t *testing.T, upstream string) string {
	t.Helper()
	udp, tcp, err := onePort()
	if err != nil {
		t.Fatal(err)
	}
	addr := udp.LocalAddr().String()
	_ = udp.Close() // unbound takes the port
	_ = tcp.Close()
	dir := t.TempDir()
	config := filepath.Join(dir, "unbound.conf")
	text := fmt.Sprintf(unboundConfig, port(addr), dir, strings.ReplaceAll(upstream, ":", "@"))
	if err := os.WriteFile(config, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	runWitness(t, `start of service`, "unbound", "-d", "-p", "-c", config)
	return addr
}

// unboundConfig has unbound forward and cache as we do: no validation, queries
// without RD for administrators, extended errors.
const unboundConfig = `
server:
	interface: 127.0.0.1@%s
	do-ip6: no
	do-daemonize: no
	use-syslog: no
	verbosity: 1
	chroot: ""
	username: ""
	directory: "%s"
	module-config: "iterator"
	do-not-query-localhost: no
	access-control: 127.0.0.0/8 allow_snoop
	ede: yes
remote-control:
	control-enable: no
forward-zone:
	name: "."
	forward-addr: %s
`

// An oracleAnswer is a response in comparable words: what it says of each aspect.
type oracleAnswer map[string]string

// differences are the aspects in which ours is not theirs, in their order.
func differences(key string, theirs, ours oracleAnswer) (lines []string) {
	if theirs["response"] != ours["response"] { // then there is no more to compare
		return []string{fmt.Sprintf("%s response: unbound %s | splitdns %s", key, theirs.whole(), ours.whole())}
	}
	all := maps.Clone(theirs)
	maps.Copy(all, ours)
	for _, aspect := range slices.Sorted(maps.Keys(all)) {
		if theirs[aspect] != ours[aspect] {
			lines = append(lines, fmt.Sprintf("%s %s: unbound %s | splitdns %s", key, aspect, theirs.say(aspect), ours.say(aspect)))
		}
	}
	return lines
}

// say is what a says of an aspect.
func (a oracleAnswer) say(aspect string) string {
	if text := a[aspect]; text != "" {
		return text
	}
	return "none"
}

// whole is what can be said of a as a whole.
func (a oracleAnswer) whole() string {
	return strings.TrimSpace(a["response"] + " " + a["rcode"])
}

// oraclePatience is how long an answer may take. Only queries that are to get none
// wait for it.
const oraclePatience = 6 * time.Second

// askOracle sends a query and puts the response into words.
func askOracle(addr string, q oracleQuery, packet []byte) oracleAnswer {
	network, patience := "udp", oraclePatience
	if q.tcp {
		network = "tcp"
	}
	if q.unanswered {
		patience = oraclePatience / 20
	}
	c, err := net.Dial(network, addr)
	if err != nil {
		return oracleAnswer{"response": "no connection"}
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(patience))
	if q.tcp {
		packet = framed(packet)
	}
	if _, err := c.Write(packet); err != nil {
		return oracleAnswer{"response": "no connection"}
	}
	response, err := receiveOracle(c, q.tcp)
	if err != nil {
		return oracleAnswer{"response": "none"}
	}
	return inWords(response)
}

// receiveOracle reads one response.
func receiveOracle(c net.Conn, tcp bool) ([]byte, error) {
	if tcp {
		return readMessage(c)
	}
	buf := make([]byte, 65535)
	n, err := c.Read(buf)
	return buf[:n], err
}
