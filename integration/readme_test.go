package integration_test

import (
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// readme is the README, or the test ends.
func readme(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Every subcommand and flag of splitdns that the README names exists.
func TestReadmeCommands(t *testing.T) {
	mentioned := regexp.MustCompile("(?m)(?:^\\$ |`|^    go run \\./cmd/)splitdns ([^`\n]+)").FindAllStringSubmatch(readme(t), -1)
	if len(mentioned) == 0 {
		t.Error("the README mentions no command")
	}
	for _, m := range mentioned {
		subcommand, flags := parts(m[1])
		out, err := exec.Command(command, append(slices.Clone(subcommand), "--help")...).CombinedOutput()
		usage := "splitdns " + strings.Join(subcommand, " ")
		if err != nil || !strings.Contains(string(out), "\n  "+usage) {
			t.Errorf("README: splitdns %s: there is no %q: %v", m[1], usage, err)
			continue
		}
		for _, flag := range flags {
			if !regexp.MustCompile(`(?m)^  .*` + regexp.QuoteMeta(flag) + `\b`).Match(out) {
				t.Errorf("README: splitdns %s: %s has no %s", m[1], usage, flag)
			}
		}
	}
}

// parts are the subcommand and the flags in the arguments of a command line.
func parts(args string) (subcommand, flags []string) {
	args, _, _ = strings.Cut(args, " #")
	args, _, _ = strings.Cut(args, " | ")
	word := regexp.MustCompile(`^[a-z]+$`)
	names := 1
	for _, arg := range strings.Fields(args) {
		arg = strings.Trim(arg, "[]")
		switch {
		case strings.HasPrefix(arg, "-"):
			arg, _, _ = strings.Cut(arg, "=")
			flags = append(flags, arg)
			names = 0
		case len(subcommand) < names && word.MatchString(arg):
			subcommand = append(subcommand, arg)
			if arg == "zones" {
				names++ // it has subcommands of its own
			}
		default:
			names = 0
		}
	}
	return subcommand, flags
}

// What the README shows of the demonstration is what it prints, but for what is
// different each time.
func TestReadmeTour(t *testing.T) {
	needs(t, "dig")
	p := start(t, "--demo")
	shown := 0
	for _, block := range regexp.MustCompile("(?s)```console\n(.*?)```").FindAllStringSubmatch(readme(t), -1) {
		for _, typed := range strings.Split(block[1], "$ ") {
			line, printed, _ := strings.Cut(typed, "\n")
			if args, ok := strings.CutPrefix(line, "dig @127.0.0.1 -p 5300 "); ok {
				shown++
				comparePrinted(t, p, args, printed)
			}
		}
	}
	if shown == 0 {
		t.Error("the README shows no dig")
	}
}

// comparePrinted asks p with dig, which must print every line of want.
func comparePrinted(t *testing.T, p *process, args, want string) {
	t.Helper()
	all := append([]string{"@127.0.0.1", "-p", port(p.Addr), "+tries=1", "+time=10"}, strings.Fields(args)...)
	out, err := exec.Command("dig", all...).CombinedOutput()
	if err != nil {
		t.Fatalf("dig %s: %v\n%s", args, err, out)
	}
	got := lasting(string(out))
	for line := range strings.Lines(want) {
		if line = lasting(line); !strings.Contains(got, line) {
			t.Errorf("README: dig %s does not print\n%s\nbut\n%s", args, line, out)
		}
	}
}

// changing is what dig prints differently each time: white space is set by the
// width of what stands beside it, TTLs count down, DiG 9.20 puts no parentheses
// around the text of an EDE.
var changing = regexp.MustCompile(`\bid: \d+|config=\w+|age=\d+ ttl=\d+|(\. )\d+( IN )|[()]`)

// lasting is text without what changes.
func lasting(text string) string {
	return changing.ReplaceAllString(strings.Join(strings.Fields(text), " "), "$1$2")
}
