package integration_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// commands are what scripts can say besides the commands of testscript:
//
//	serve ARG...                start the server, on a port of 127.0.0.1 unless ARGs say where; sets ADDR and PORT
//	dig, kdig ARG...            ask that server, or the one that an ARG names
//	upstream NAME MANNER [FILE] start an upstream with the records in FILE; sets NAME to its address
//	asked NAME [REGEX]          print what it was asked; with REGEX, wait for that first
//	publisher NAME MANNER [FILE [CERTIFICATE]]  start an HTTP server with the list in FILE, or change what it does; sets NAME to its URL
//	fetched NAME [REGEX]        print what it was asked; with REGEX, wait for that first
//	trusts NAME                 have servers trust what NAME.pem has signed
//	release NAME                let go what it holds, or let it die
//	expand FILE...              replace $NAME in files
//	signal HUP|INT|TERM|KILL    send a signal to the server
//	ended CODE                  wait until the server has ended, with that exit code; -1 is by a signal
//	said REGEX                  wait until the server's standard error has REGEX; with ! look at it now
//	logged [REGEX]              print the server's standard output; with REGEX, wait for that first; with ! look now
//	exits CODE ARG...           run splitdns, which must end with that exit code
//	get [-host HOST] PATH       print the response of the server's HTTP service
//	web                         set HTTP to the URL of the server's HTTP service
//	certificate NAME [expired]  make NAME.pem and NAME.key, for dns.example and 127.0.0.1
//	encrypted                   set TLSPORT, HTTPSPORT and HTTPS, the URL, to where the server takes encrypted queries
//	packet FILE NAME            write a query for the A record of NAME
//	needs TOOL...               skip the script where a tool is missing
//	confined COMMAND ARG...     run a command in namespaces of its own, with its loopback interface up
//	observedlong FILE           make the file of observed addresses say that they have been observed for a day
//
// PAGES is the folder of the published pages that importers are tested with.
var commands = map[string]func(ts *testscript.TestScript, neg bool, args []string){
	"serve":    wrap(never, (*script).serve),
	"dig":      wrap(allowed, func(s *script, neg bool, args []string) error { return s.ask(neg, "dig", args) }),
	"kdig":     wrap(allowed, func(s *script, neg bool, args []string) error { return s.ask(neg, "kdig", args) }),
	"upstream": wrap(never, (*script).upstream),
	"asked":    wrap(never, (*script).asked),
	"release":  wrap(never, (*script).release),
	"expand":   wrap(never, (*script).expand),
	"signal":   wrap(never, (*script).signal),
	"ended":    wrap(never, (*script).ended),
	"said":     wrap(allowed, (*script).said),
	"logged":   wrap(allowed, (*script).logged),
	"exits":    wrap(never, (*script).exits),
	"get":      wrap(never, (*script).get),
	"web":      wrap(never, (*script).web),
	"needs":    wrap(never, (*script).needs),

	"certificate": wrap(never, (*script).certificate),
	"encrypted":   wrap(never, (*script).encrypted),
	"packet":      wrap(never, (*script).packet),
	"publisher":   wrap(never, (*script).publisher),
	"fetched":     wrap(never, (*script).fetched),
	"trusts":      wrap(never, (*script).trusts),
	"confined":    wrap(allowed, (*script).confined),

	"observedlong": wrap(never, (*script).observedLong),
}

// script is what one script has started.
type script struct {
	*testscript.TestScript
	t         testing.TB
	vars      []string
	server    *process
	upstreams map[string]*upstream

	publishers map[string]*publisher
}

// scriptKey is where a script keeps its state.
type scriptKey struct{}

// setup prepares a script.
func setup(env *testscript.Env) error {
	env.Setenv("PATH", filepath.Dir(command)+string(os.PathListSeparator)+env.Getenv("PATH"))
	pages, err := filepath.Abs("../zones/importer/testdata")
	if err != nil {
		return err
	}
	env.Setenv("PAGES", pages)
	env.Values[scriptKey{}] = &script{
		t: env.T().(testing.TB), vars: slices.Clone(env.Vars), upstreams: map[string]*upstream{},
		publishers: map[string]*publisher{},
	}
	return nil
}

// Whether a command may stand behind a !.
const (
	never   = false
	allowed = true
)

// wrap makes a command of a method.
func wrap(negatable bool, do func(s *script, neg bool, args []string) error) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		if neg && !negatable {
			ts.Fatalf("! has no meaning here")
		}
		s := ts.Value(scriptKey{}).(*script)
		s.TestScript = ts
		ts.Check(do(s, neg, args))
	}
}

func (s *script) serve(_ bool, args []string) error {
	p, err := run(s.MkAbs("."), s.vars, args...)
	if err != nil {
		return err
	}
	s.Defer(func() { p.stop(s.t) })
	s.server = p
	s.Setenv("ADDR", p.Addr)
	s.Setenv("PORT", port(p.Addr))
	return nil
}

// ask runs dig or kdig, with one try only: a lost answer must not go unnoticed.
func (s *script) ask(neg bool, tool string, args []string) error {
	needs(s.t, tool)
	once := map[string][]string{"dig": {"+tries=1", "+time=10"}, "kdig": {"+retry=0", "+time=10"}}
	head := once[tool]
	if !slices.ContainsFunc(args, func(a string) bool { return strings.HasPrefix(a, "@") }) {
		head = append(head, "@127.0.0.1")
	}
	if !slices.Contains(args, "-p") {
		head = append(head, "-p", s.Getenv("PORT"))
	}
	return s.exec(neg, tool, append(head, args...))
}

// exec runs a program, which must fail if neg.
func (s *script) exec(neg bool, program string, args []string) error {
	err := s.Exec(program, args...)
	if neg && err == nil {
		return fmt.Errorf("%s %s: succeeded, want a failure", program, strings.Join(args, " "))
	}
	if neg {
		return nil
	}
	return err
}

func (s *script) upstream(_ bool, args []string) error {
	manners := []string{answers, silent, holds, lies, truncates, fails, dies}
	if len(args) < 2 || len(args) > 3 || !slices.Contains(manners, args[1]) {
		return fmt.Errorf("usage: upstream NAME %s [FILE]", strings.Join(manners, "|"))
	}
	records := ""
	if len(args) == 3 {
		records = s.ReadFile(args[2])
	}
	u, err := newUpstream(args[1], records)
	if err != nil {
		return err
	}
	s.Defer(u.close)
	s.upstreams[args[0]] = u
	s.Setenv(args[0], u.addr)
	return nil
}

// named is the upstream that args begin with, and the argument behind it.
func (s *script) named(args []string) (u *upstream, pattern string, err error) {
	if len(args) == 0 || len(args) > 2 || s.upstreams[args[0]] == nil {
		return nil, "", fmt.Errorf("want the NAME of an upstream, have %q", args)
	}
	return s.upstreams[args[0]], strings.Join(args[1:], ""), nil
}

func (s *script) asked(_ bool, args []string) error {
	u, pattern, err := s.named(args)
	if err != nil {
		return err
	}
	return s.show(&u.asked, pattern)
}

func (s *script) release(_ bool, args []string) error {
	u, _, err := s.named(args)
	if err != nil {
		return err
	}
	u.release()
	return nil
}

// show waits for pattern, if there is one, and prints what tr has.
func (s *script) show(tr *transcript, pattern string) error {
	if pattern != "" {
		re, err := regexp.Compile(`(?m)` + pattern)
		if err != nil {
			return err
		}
		if _, err := tr.wait(re); err != nil {
			return err
		}
	}
	_, err := io.WriteString(s.Stdout(), tr.String())
	return err
}

// look is show; if neg it only makes sure that tr has no match now.
func (s *script) look(tr *transcript, neg bool, args []string) error {
	pattern := strings.Join(args, " ")
	if !neg {
		return s.show(tr, pattern)
	}
	re, err := regexp.Compile(`(?m)` + pattern)
	if err == nil && re.MatchString(tr.String()) {
		err = fmt.Errorf("%#q stands in\n%s", re, tr)
	}
	return err
}

func (s *script) said(neg bool, args []string) error {
	return s.look(&s.server.stderr, neg, args)
}

func (s *script) logged(neg bool, args []string) error {
	return s.look(&s.server.stdout, neg, args)
}

func (s *script) expand(_ bool, args []string) error {
	variable := regexp.MustCompile(`\$[A-Z]+`)
	for _, file := range args {
		text := variable.ReplaceAllStringFunc(s.ReadFile(file), func(name string) string {
			return s.Getenv(name[1:])
		})
		if err := os.WriteFile(s.MkAbs(file), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

func (s *script) signal(_ bool, args []string) error {
	signals := map[string]os.Signal{"HUP": syscall.SIGHUP, "INT": syscall.SIGINT, "TERM": syscall.SIGTERM, "KILL": syscall.SIGKILL}
	sig, ok := signals[strings.Join(args, " ")]
	if !ok {
		return errors.New("usage: signal HUP|INT|TERM|KILL")
	}
	return s.server.signal(sig)
}

func (s *script) ended(_ bool, args []string) error {
	code, err := s.server.wait()
	if err == nil && strings.Join(args, " ") != strconv.Itoa(code) {
		err = fmt.Errorf("exit code %d, want %s:\n%s", code, args, &s.server.stderr)
	}
	return err
}

func (s *script) exits(_ bool, args []string) error {
	if len(args) == 0 {
		return errors.New("usage: exits CODE ARG...")
	}
	code := 0
	err := s.Exec("splitdns", args[1:]...)
	if exit := new(exec.ExitError); errors.As(err, &exit) {
		code, err = exit.ExitCode(), nil
	}
	if err == nil && args[0] != strconv.Itoa(code) {
		err = fmt.Errorf("exit code %d, want %s", code, args[0])
	}
	return err
}

func (s *script) get(_ bool, args []string) error {
	host := ""
	if len(args) == 3 && args[0] == "-host" {
		host, args = args[1], args[2:]
	}
	if len(args) != 1 {
		return errors.New("usage: get [-host HOST] PATH")
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	base, err := s.server.stderr.wait(announcedHTTP)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, base[1]+args[0], http.NoBody)
	if err != nil {
		return err
	}
	req.Host = host
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	fmt.Fprintf(s.Stdout(), "%s\n", resp.Status)
	_, err = io.Copy(s.Stdout(), resp.Body)
	return err
}

func (s *script) web(_ bool, _ []string) error {
	base, err := s.server.stderr.wait(announcedHTTP)
	if err == nil {
		s.Setenv("HTTP", base[1])
	}
	return err
}

func (s *script) needs(_ bool, args []string) error {
	needs(s.t, args...)
	return nil
}

// confined runs a command as root of namespaces of its own for users, mounts,
// network and processes, where it may do as it likes; what it leaves running ends
// with it. Some systems and containers allow none: they lack no tool, and skip.
func (s *script) confined(neg bool, args []string) error {
	needs(s.t, "unshare", "ip")
	namespaces := []string{"--user", "--map-root-user", "--mount", "--net", "--pid", "--fork", "--kill-child", "--"}
	if err := exec.Command("unshare", append(namespaces, "true")...).Run(); err != nil {
		s.t.Skip("namespaces are not allowed here")
	}
	up := []string{"sh", "-c", `ip link set lo up && exec "$@"`, "sh"}
	return s.exec(neg, "unshare", slices.Concat(namespaces, up, args))
}
