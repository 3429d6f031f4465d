package scenario_test

import (
	"strings"
	"testing"
)

// TestRunnerFails holds that a scenario which says something wrong fails, at its line.
func TestRunnerFails(t *testing.T) {
	const head = "scenario s\nupstream default\n\trecord www.example. 300 A 192.0.2.1\nquery www.example A +edns\n"
	for text, want := range map[string]string{
		"expect NXDOMAIN\n":    "s.scenario:5: rcode NOERROR, want NXDOMAIN",
		"expect NOERROR\n":     "s.scenario:5: answer: got   www.example.",
		"expect NOERROR aa\n":  "s.scenario:5: flags: got [rd ra], want",
		"expect NOERROR -ra\n": "s.scenario:5: flags: got [rd ra], want [rd]",
		"expect nothing\n":     "s.scenario:5: want no answer, got",
		"expect NOERROR\n\tanswer www.example. 299 A 192.0.2.1\n":                                                    "s.scenario:6: answer: want  www.example. 299",
		"expect NOERROR\n\tanswer www.example. * A 192.0.2.1\n\tanswer www.example. * A 192.0.2.2\n":                 "s.scenario:7: answer: want  www.example.",
		"expect NOERROR\n\tanswer any\n\tauthority example. 1 NS ns.example.\n":                                      "s.scenario:7: authority: want",
		"expect NOERROR\n\tanswer any\n\tede 15\n":                                                                   "s.scenario:7: no extended error, want 15",
		"expect NOERROR\n\tanswer any\n\topt none\n":                                                                 "s.scenario:7: OPT record:",
		"expect NOERROR\n\tanswer any\n\topt size=512\n":                                                             "s.scenario:7: UDP size 1232",
		"expect NOERROR\n\tanswer any\n\toption 10\n":                                                                "s.scenario:7: option 10 is",
		"expect NOERROR\n\tanswer any\n\tsize <= 12\n":                                                               "s.scenario:7: 56 octets, want <= 12",
		"expect NOERROR\n\tanswer any\n\tquestion none\n":                                                            "s.scenario:7: question [www.example. A IN], want none",
		"expect NOERROR\n\tanswer count=2\n":                                                                         "s.scenario:5: answer: 1 records, want 2",
		"expect NOERROR\n\thex {id} 00\n":                                                                            "s.scenario:6: want",
		"expect NOERROR\n\tanswer any\nasked default 2\n":                                                            "s.scenario:7: upstream default was asked 1 times, want 2",
		"expect NOERROR\n\tanswer any\nasked default 1\n\tis tcp\n":                                                  "s.scenario:8: want tcp",
		"expect NOERROR\n\tanswer any\nasked default 1\n\tdifferent-ids\n":                                           "s.scenario:8: the same in all 1 queries",
		"expect NOERROR\n\tanswer any\nquery a.example A\nexpect NXDOMAIN\nreload refused\n\t[rule.a]\nasked no 1\n": "s.scenario:11: want asked NAME",
	} {
		all, err := parse("s.scenario", head+text)
		if err == nil {
			err = run(t, all[0])
		}
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s\ngives: %v\nwant: %s", text, err, want)
		}
	}
}

// TestRunnerReportsStrayQueries holds that an upstream which was asked something that it has
// no entry for fails the scenario.
func TestRunnerReportsStrayQueries(t *testing.T) {
	all, err := parse("s.scenario", "scenario s\nupstream default\n\twhen other.example A\n\t\tsilent\nquery www.example A\nexpect SERVFAIL\n")
	if err == nil {
		err = run(t, all[0])
	}
	if want := "s.scenario:2: upstream default was asked what it has no entry for"; err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("%v, want %s", err, want)
	}
}

// TestParseErrors holds that what is wrong in a file is named with its line.
func TestParseErrors(t *testing.T) {
	for text, want := range map[string]string{
		"query a.example A\n":                                           `s.scenario:1: "query" stands before the first scenario`,
		"scenario s\nfrobnicate\n":                                      `s.scenario:2: unknown word "frobnicate"`,
		"scenario s\n":                                                  `s.scenario:1: scenario "s" checks nothing`,
		"scenario s\n# none\nquery a.example A\n":                       `s.scenario:1: scenario "s" checks nothing`,
		"scenario s\nexpect nothing\nscenario s\nexpect nothing\n":      `s.scenario:3: a second scenario "s"`,
		"scenario s\nquery a.example\n":                                 `s.scenario:2: want query NAME TYPE`,
		"scenario s\nquery a.example FOO\n":                             `s.scenario:2: unknown type "FOO"`,
		"scenario s\nquery a.example A +foo\n":                          `s.scenario:2: unknown word "foo"`,
		"scenario s\nquery a.example A\n\tfoo\n":                        `s.scenario:3: unknown word "foo"`,
		"scenario s\nexpect FOO\n":                                      `s.scenario:2: unknown RCODE "FOO"`,
		"scenario s\nexpect NOERROR xx\n":                               `s.scenario:2: unknown flag "xx"`,
		"scenario s\nexpect NOERROR\n\tanswer a.example.\n":             `s.scenario:3: want NAME TTL TYPE DATA`,
		"scenario s\nexpect NOERROR\n\tanswer a.example. x A 1.2.3.4\n": `s.scenario:3: TTL "x"`,
		"scenario s\nexpect NOERROR\n\tanswer a.example. 1 A 1.2.3.x\n": `s.scenario:3: "a.example. 1 A 1.2.3.x" is no record`,
		"scenario s\nexpect NOERROR\n\t\tanswer any\n":                  `s.scenario:3: indented by 2 tabs: want at most 1`,
		"scenario s\nexpect NOERROR\n    answer any\n":                  `s.scenario:3: indented with spaces`,
		"scenario s\nupstream default\n\trecord a.example. A x\n":       `s.scenario:3: "a.example. A x" is no record`,
		"scenario s\nupstream default\n\twhen a.example A tls\n":        `s.scenario:3: unknown condition "tls"`,
		"scenario s\nupstream default\n\twhen a.example A\n\t\tlie\n":   `s.scenario:4: unknown action "lie"`,
		"scenario s\nsend\n\t0x12\n":                                    `s.scenario:3: encoding/hex`,
		"scenario s\npass 1 hour\n":                                     `s.scenario:2: time:`,
		"scenario s\nasked default many\n":                              `s.scenario:2: strconv`,
	} {
		if _, err := parse("s.scenario", text); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q gives %v, want %s", text, err, want)
		}
	}
}
