package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/spf13/cobra"

	"splitdns/zones"
	"splitdns/zones/importer"
	"splitdns/zones/redirect"
	"splitdns/zones/tomlfile"
)

// importing is what `splitdns zones import` was told.
type importing struct {
	zone, out, format string
	only              []string
	quiet             bool
}

// zonesImportCommand is `splitdns zones import`.
func zonesImportCommand() *cobra.Command {
	var im importing
	c := &cobra.Command{
		Use:   "import FILE|URL...",
		Short: "Make zone files of what vendors publish, and report what was done with it",
		Long: `Make zone files of what vendors publish: pages, JSON, lists. The format is found out.
Without -o, one zone file with every row goes to standard output. The report goes to
standard error: FILE:LINE: normalised, skipped or doubted: what. Read the doubts.
Where there are several zones, a new name without an ending behind -o is a directory.
- in place of FILE is standard input, and behind -o standard output.`,
		Args: arguments(1, 1000, "a FILE or a URL"),
		RunE: func(c *cobra.Command, args []string) error {
			if err := checkFormat(im.format); err != nil {
				return misuse{c, fmt.Errorf("--format: %w", err)}
			}
			if err := zones.CheckName(im.zone); im.zone != "" && err != nil {
				return misuse{c, fmt.Errorf("--zone: %w", err)}
			}
			return im.run(c, args)
		},
	}
	c.Flags().StringVar(&im.zone, "zone", "", "put every row into the zone `NAME`")
	c.Flags().StringVarP(&im.out, "output", "o", "", "write to `FILE`, or a file for each zone into a DIRECTORY (existing, or ending in /)")
	c.Flags().StringVar(&im.format, "format", "", "the `FORMAT`: "+strings.Join(importer.Formats(), ", "))
	c.Flags().StringSliceVar(&im.only, "only", nil, "take only these `ROWS`, such as azurefrontdoor.*; can be given again")
	c.Flags().BoolVar(&im.quiet, "quiet", false, "report only the sums")
	return c
}

// run imports documents.
func (im *importing) run(c *cobra.Command, names []string) error {
	documents, err := im.read(c, names)
	if err != nil {
		return problem{err}
	}
	if im.out == "-" {
		im.out = ""
	}
	isMany := isDirectory(im.out) || im.zone == "" && isNewPlain(im.out) && im.haveZones(documents)
	result, err := importer.Read(documents, importer.Options{
		Zone: cmp.Or(im.zone, im.zoneOfAll(isMany, documents[0].Name)),
		Only: im.only,
	})
	if err != nil {
		im.notes(c.ErrOrStderr(), result.Notes)
		return problem{err}
	}
	files, err := im.files(result, isMany)
	if err != nil {
		return problem{err}
	}
	for i := range files {
		if err := files[i].write(c.OutOrStdout()); err != nil {
			return problem{err}
		}
	}
	im.report(c.ErrOrStderr(), result, files)
	return nil
}

// read reads the documents that are called names.
func (im *importing) read(c *cobra.Command, names []string) (documents []importer.Document, err error) {
	for _, name := range names {
		if name, err = localName(name); err != nil {
			return nil, err
		}
		d := importer.Document{Name: withoutSecrets(name), Format: im.format}
		if name == "-" {
			d.Name = "stdin"
			d.Data, err = atMost(c.InOrStdin())
		} else {
			d.Data, err = readDocument(c.Context(), name)
		}
		if err != nil {
			return nil, err
		}
		documents = append(documents, d)
	}
	return documents, nil
}

// zoneOfAll is the zone of every row where all go into one file: that of the name of the
// file, or of the first document.
func (im *importing) zoneOfAll(isMany bool, document string) string {
	if isMany {
		return ""
	}
	base := path.Base(filepath.ToSlash(cmp.Or(im.out, document)))
	name := strings.ToLower(strings.TrimSuffix(base, path.Ext(base)))
	if zones.CheckName(name) != nil {
		return "imported"
	}
	return name
}

// isDirectory says whether -o names a directory.
func isDirectory(out string) bool {
	info, err := os.Stat(out)
	return err == nil && info.IsDir() || out != "" && os.IsPathSeparator(out[len(out)-1])
}

// isNewPlain says whether out names nothing yet, and has no ending such as .toml: it may
// be meant as a directory.
func isNewPlain(out string) bool {
	_, err := os.Stat(out)
	return out != "" && errors.Is(err, os.ErrNotExist) && filepath.Ext(out) == ""
}

// haveZones says whether documents come to several zones.
func (im *importing) haveZones(documents []importer.Document) bool {
	result, err := importer.Read(documents, importer.Options{Only: im.only})
	return err == nil && len(result.Zones) > 1
}

// zoneFile is a zone file to be written.
type zoneFile struct {
	path string // "" is standard output
	zone *zones.Zone
	text []byte
}

// files makes a file of each zone, and checks that all can be loaded, and written without
// loss: nothing has been written yet.
func (im *importing) files(result importer.Result, isMany bool) ([]zoneFile, error) {
	var files []zoneFile
	head := header(result.Read)
	for _, z := range result.Zones {
		f := zoneFile{path: im.out, zone: z, text: zones.AppendFile(slices.Clone(head), z)}
		if isMany {
			f.path = filepath.Join(im.out, z.Name+".toml")
		}
		if loaded, problems := zones.Parse(z.Name, f.path, f.text); loaded == nil || len(problems) > 0 {
			return nil, fmt.Errorf("zone %s cannot be loaded when it is written: %s", z.Name, strings.TrimSpace(problems.String()))
		}
		if err := f.mayReplace(); err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	return files, nil
}

// header is the comment at the beginning of a file.
func header(read []importer.Summary) []byte {
	var b []byte
	for _, s := range read {
		b = fmt.Appendf(b, "# Imported from %s: %s, %s.\n", printable(s.Name), s.Format, editionText(s.Edition))
	}
	return append(b, '\n')
}

// editionText says which edition a document is of.
func editionText(edition string) string {
	if edition == "" {
		return "without a date"
	}
	return "edition " + edition
}

// printable is s fit for a comment.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, s)
}

// mayReplace refuses to write over a file that is no zone file.
func (f *zoneFile) mayReplace() error {
	if f.path == "" {
		return nil
	}
	data, err := os.ReadFile(f.path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if z, _ := zones.Parse(f.zone.Name, f.path, data); z == nil {
		return fmt.Errorf("%s exists and is no zone file; give another name", f.path)
	}
	return nil
}

// write writes f: to standard output, or beside its place first and then there, so that
// nobody ever reads half of it.
func (f *zoneFile) write(stdout io.Writer) error {
	if f.path == "" {
		_, err := stdout.Write(f.text)
		return err
	}
	folder := filepath.Dir(f.path)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	temp, err := os.CreateTemp(folder, ".splitdns-*")
	if err != nil {
		return err
	}
	defer os.Remove(temp.Name())
	_, err = temp.Write(f.text)
	if err = errors.Join(err, temp.Chmod(0o644), temp.Sync(), temp.Close()); err != nil {
		return fmt.Errorf("writing %s: %w", f.path, err)
	}
	return os.Rename(temp.Name(), f.path)
}

// report says what became of the documents.
func (im *importing) report(w io.Writer, result importer.Result, files []zoneFile) {
	im.notes(w, result.Notes)
	for _, s := range result.Read {
		fmt.Fprintln(w, tomlfile.Problem{File: s.Name, Text: fmt.Sprintf("%s, %s: %s; %s",
			s.Format, editionText(s.Edition), amounts(s.Rows, s.Patterns, s.Prefixes), kinds(result.Notes, s.Name))})
	}
	for _, f := range files {
		names, prefixes := 0, 0
		for i := range f.zone.Rows {
			names += f.zone.Rows[i].Patterns.Len()
			prefixes += len(f.zone.Rows[i].Prefixes)
		}
		fmt.Fprintf(w, "zone %s: %s, to %s\n", f.zone.Name, amounts(len(f.zone.Rows), names, prefixes), cmp.Or(f.path, "standard output"))
	}
}

// notes says what was done with parts of documents.
func (im *importing) notes(w io.Writer, notes []importer.Note) {
	for _, n := range notes {
		if !im.quiet {
			fmt.Fprintln(w, n)
		}
	}
}

// amounts says how much there is.
func amounts(rows, names, prefixes int) string {
	return fmt.Sprintf("rows %d, names %d, prefixes %d", rows, names, prefixes)
}

// kinds says how many notes of each kind a document has.
func kinds(notes []importer.Note, file string) string {
	count := make(map[importer.Kind]int)
	for _, n := range notes {
		if n.File == file {
			count[n.Kind]++
		}
	}
	var parts []string
	for _, k := range []importer.Kind{importer.Normalised, importer.Skipped, importer.Doubted} {
		parts = append(parts, fmt.Sprintf("%s %d", k, count[k]))
	}
	return strings.Join(parts, ", ")
}

// How documents are fetched.
const (
	fetchTime = time.Minute
	dialTime  = 10 * time.Second
)

// readDocument reads a file, or what a URL gives.
func readDocument(ctx context.Context, name string) ([]byte, error) {
	if strings.HasPrefix(name, "https://") || strings.HasPrefix(name, "http://") {
		data, err := fetch(ctx, name)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", printable(withoutSecrets(name)), err)
		}
		return data, nil
	}
	if scheme, _, isURL := strings.Cut(name, "://"); isURL {
		return nil, fmt.Errorf("%s: cannot fetch over %s; want an address with https or http, or a file", printable(name), printable(scheme))
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.IsDir() {
		return nil, fmt.Errorf("%s is a directory; name the files in it", printable(name))
	}
	return atMost(f)
}

// withoutSecrets is the name of a document as reports and files may say it: of a URL without the user,
// the password and the query, where tokens stand.
func withoutSecrets(name string) string {
	u, err := url.Parse(name)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" {
		return name
	}
	u.User, u.RawQuery, u.ForceQuery, u.Fragment = nil, "", false, ""
	return u.String()
}

// atMost reads r, and a little more than an importer takes, so that it can refuse it.
func atMost(r io.Reader) ([]byte, error) { return io.ReadAll(io.LimitReader(r, importer.MaxSize+1)) }

// fetch gets a document.
func fetch(ctx context.Context, address string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(redirect.Context(ctx), fetchTime)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("User-Agent", "splitdns/"+version())
	transport := &http.Transport{
		Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true, TLSHandshakeTimeout: dialTime, DisableKeepAlives: true,
		DialContext: redirect.Dial((&net.Dialer{Timeout: dialTime}).DialContext),
	}
	client := http.Client{CheckRedirect: redirect.Check, Transport: transport}
	response, err := client.Do(request)
	if failed, ok := errors.AsType[*url.Error](err); ok {
		return nil, failed.Err // without the URL, which the caller says
	}
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if err := refused(response); err != nil {
		return nil, err
	}
	return atMost(response.Body)
}

// refused says why a response holds no document.
func refused(r *http.Response) error {
	host := r.Request.URL.Hostname()
	switch {
	case r.StatusCode != http.StatusOK:
		return fmt.Errorf("the server says %s; want 200 OK", printable(r.Status))
	case !strings.HasPrefix(strings.ToLower(r.Header.Get("Content-Type")), "text/html"):
		return nil
	case host == "learn.microsoft.com" || host == "docs.microsoft.com":
		return errors.New("a page in HTML; give the address of the Markdown that it is made of, such as " +
			"https://raw.githubusercontent.com/MicrosoftDocs/memdocs/main/intune/fundamentals/endpoints.md")
	}
	return errors.New("a page in HTML, not a list; give the address of the list itself")
}
