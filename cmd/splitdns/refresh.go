package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"splitdns/server"
)

// refreshTimeout bounds how long a refresh is waited for: slow servers of lists are given minutes.
const refreshTimeout = 10 * time.Minute

// refreshCommand is `splitdns refresh`.
func refreshCommand() *cobra.Command {
	var accept bool
	c := &cobra.Command{
		Use:   "refresh [ZONE]",
		Short: "Have a running server fetch its zones with a url now",
		Long: `Have a running server fetch its zones with a url now, and say what became of each.

A copy that has lost more names or prefixes than max_loss, or is of another
format than before, is refused; with --accept it is taken over, and is in force
at once, also if it should wait for its time in the shadow first. Nothing else
that is wrong with a copy can be accepted. The exit code is 1 if a copy could
not be fetched or was refused; the old one is in force then.`,
		Args: arguments(0, 1, "one ZONE, or none for all"),
	}
	f := controlFlagsOf(c)
	f.timeout = refreshTimeout
	c.Flags().BoolVar(&accept, "accept", false, "take ZONE over though it has shrunk or would open pins, and at once")
	c.RunE = func(c *cobra.Command, args []string) error {
		if accept && len(args) == 0 {
			return misuse{c, errors.New("--accept wants a ZONE")}
		}
		var r server.Refreshed
		query := server.RefreshQuery{Zone: strings.Join(args, ""), Accept: accept}
		if err := f.call(c.Context(), http.MethodPost, "/v1/refresh", query, &r); err != nil {
			return err
		}
		return printRefreshed(c.OutOrStdout(), r)
	}
	return c
}

// printRefreshed prints what became of a refresh, a line for each zone.
func printRefreshed(w io.Writer, r server.Refreshed) error {
	bad := false
	for _, o := range r.Outcomes {
		bad = bad || !o.OK
		fmt.Fprintf(w, "%s: %s\n", o.Zone, printable(o.Result))
	}
	if bad {
		return errSaid{}
	}
	return nil
}

// subscription is how a zone with a url does.
func subscription(s server.FeedStatus, now time.Time) string {
	text := s.Zone + ": no copy yet"
	if !s.Fetched.IsZero() {
		text = fmt.Sprintf("%s: %d names, %d prefixes", s.Zone, s.Names, s.Prefixes)
		if s.Edition != "" {
			text += " of " + s.Edition
		}
		text += fmt.Sprintf(", fetched %s ago, checked %s ago", age(now.Sub(s.Fetched)), age(now.Sub(s.Checked)))
	}
	if s.Kept > 0 {
		text += fmt.Sprintf("; %d no longer published, the first of them in force until %s", s.Kept, s.KeptUntil.Local().Format(time.DateTime))
	}
	if s.Pending {
		text += "; a new copy waits in the shadow until " + s.PendingUntil.Local().Format(time.DateTime)
	}
	if s.Problem != "" {
		text += fmt.Sprintf("; FAILING (%s) for %s, refused %d: %s", s.Kind, age(now.Sub(s.Since)), s.Refused(), printable(s.Problem))
	}
	if !s.Next.IsZero() {
		text += "; next at " + s.Next.Local().Format(time.DateTime)
	}
	return text
}

// age is a duration as people say it, in its largest units.
func age(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d >= 2*day:
		return fmt.Sprintf("%d days", d/day)
	case d >= 2*time.Hour:
		return fmt.Sprintf("%d hours", d/time.Hour)
	case d >= 2*time.Minute:
		return fmt.Sprintf("%d minutes", d/time.Minute)
	}
	return fmt.Sprintf("%d seconds", max(0, d/time.Second))
}
