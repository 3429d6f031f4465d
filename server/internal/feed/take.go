package feed

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"splitdns/zones"
	"splitdns/zones/compare"
)

// take fetches the documents and takes them over, and says in words what became of that.
func (f *follower) take(ctx context.Context, since time.Time, accept bool) (string, error) {
	if err := f.store.folder.Make(); err != nil { // first: what cannot be kept need not be fetched
		return "", asError(State, err)
	}
	old, waiting, damaged, err := f.onDisk()
	if err != nil {
		return "", asError(State, err)
	}
	base := old
	if waiting != nil {
		base = waiting
	}
	fresh, err := f.fetch(ctx, base, since)
	if err != nil {
		return "", err
	}
	in, err := fresh.contents()
	if err != nil {
		return "", err
	}
	for i, format := range in.formats {
		fresh.Documents[i].Format = format
	}
	switch {
	case sameDocuments(fresh, waiting) && !accept:
		return "unchanged, and waits in the shadow", f.renew(pending, fresh, waiting, false)
	case sameDocuments(fresh, old):
		f.forget()
		fresh.Kept = old.Kept
		return "unchanged", f.renew(current, fresh, old, damaged)
	}
	return f.consider(old, fresh, in, accept)
}

// onDisk is the copy in force and the one that waits; nil where there is none. The one in force may be an
// older one, because the newest is damaged.
func (f *follower) onDisk() (old, waiting *Copy, damaged bool, err error) {
	found, err := Open(f.store.dir, f.Zone, false)
	if errors.Is(err, fs.ErrPermission) {
		return nil, nil, false, err
	}
	if err == nil {
		if _, bad := found.contents(); bad == nil { // or else nothing can be held against it
			old = found.Copy
		}
	}
	if waiting, err = f.store.read(pending); err != nil {
		waiting = nil // begin has said so
	}
	return old, waiting, found.Damage != "", nil
}

// renew writes a copy whose documents are as they were, where what is said of them has changed or always. One
// that is of a time to come was fetched while the clock was wrong: it would wait until then.
func (f *follower) renew(part string, fresh, have *Copy, always bool) error {
	isAhead := have.Fetched.After(fresh.Fetched)
	if !isAhead {
		fresh.Fetched = have.Fetched
	}
	always = always || isAhead
	isSame := func(a, b Document) bool {
		return a.URL == b.URL && a.ETag == b.ETag && a.LastModified == b.LastModified
	}
	if !always && slices.EqualFunc(fresh.Documents, have.Documents, isSame) {
		return nil
	}
	if err := f.store.write(part, fresh); err != nil {
		return asError(State, err)
	}
	if part == pending {
		f.noteWaiting(fresh)
	}
	return nil
}

// fetch fetches all documents, or takes what others have fetched at since or later. Those that have not changed are
// those of base.
func (f *follower) fetch(ctx context.Context, base *Copy, since time.Time) (*Copy, error) {
	fresh := &Copy{Zone: f.Zone}
	for _, address := range f.URLs {
		d, err := f.keeper.get(ctx, address, base.find(address), since)
		if err != nil {
			return nil, err
		}
		d.Format = f.Format // found out again by all documents together, if it is not given
		fresh.Documents = append(fresh.Documents, d)
		if fresh.Octets() > MaxSize {
			return nil, errorf(Size, "%s: with it, all documents are larger than %d MiB", Shown(address), MaxSize>>20)
		}
	}
	fresh.Fetched = time.Now()
	return fresh, nil
}

// consider judges a new copy, and puts it in force or has it wait.
func (f *follower) consider(old, fresh *Copy, in *contents, accept bool) (string, error) {
	if !accept {
		if err := f.guard(old, fresh, in); err != nil {
			return "", err
		}
	}
	if f.Shadow > 0 && !accept && (old != nil || f.Bundled) {
		return f.shadow(old, fresh, in)
	}
	return f.putInForce(old, fresh, in, "subscription "+f.Zone+": new copy")
}

// guard says what is wrong with a new copy beside the one in force. Where other documents are wanted than
// before, their formats may be others. Without one in force, which is nil, there is still what no list has.
func (f *follower) guard(old, fresh *Copy, in *contents) error {
	if old == nil {
		return f.guardAdmission(nil, in)
	}
	before, err := old.contents()
	if err != nil {
		return err
	}
	for i, d := range fresh.Documents {
		if was := old.find(d.URL); was != nil && f.Format == "" && was.Format != d.Format {
			return errorf(Shape, "%s: looks like format %q, and was %q before; %s", Shown(d.URL), in.formats[i], was.Format, f.acceptHint())
		}
	}
	if e := tooMuch(compare.Lost(before.zone, in.zone), f.MaxLoss); e != nil {
		return asError(Shrunk, fmt.Errorf("%w; %s", e, f.acceptHint()))
	}
	return f.guardAdmission(before.zone, in)
}

// guardAdmission says what in admits that it should not beside before, the zone in force; nil without one.
func (f *follower) guardAdmission(before *zones.Zone, in *contents) error {
	loaded, err := zones.Bundled(zones.DefaultEdition)
	if err != nil {
		return asError(Other, err)
	}
	if e := newAdmission(before, in, loaded).judge(); e != nil {
		return asError(Widened, fmt.Errorf("%w; %s", e, f.acceptHint()))
	}
	return nil
}

// acceptHint says how to take a copy over all the same.
func (f *follower) acceptHint() string {
	return "if that is right, take it over with: splitdns refresh " + f.Zone + " --accept"
}

// judge writes fresh as the candidate, with what is kept of old, and has it judged. With a commit
// it is put in force.
func (f *follower) judge(old, fresh *Copy, in *contents, why string, commit func() error) error {
	now := time.Now()
	if old != nil {
		kept, early, err := keep(old, in.zone, now, f.RemoveAfter)
		if err != nil {
			return asError(State, err)
		}
		if fresh.Kept = kept; early > 0 {
			f.keeper.options.Log.Warn("subscription: too much is published no longer to keep it all for remove_after",
				"zone", f.Zone, "kept", maxKept, "removed_early", early)
		}
	}
	if err := f.store.write(candidate, fresh); err != nil {
		return asError(State, err)
	}
	defer f.store.drop(candidate) // which commit has renamed
	return f.keeper.options.Adopt(f.Zone, why, commit)
}

// putInForce puts fresh in force in the place of old, which may be nil.
func (f *follower) putInForce(old, fresh *Copy, in *contents, why string) (string, error) {
	if err := f.judge(old, fresh, in, why, f.store.commit); err != nil {
		return "", err
	}
	f.forget()
	f.noteCopy(fresh, nil, in)
	changed := f.changes(old, in.zone)
	args := []any{"zone", f.Zone, "edition", in.zone.Edition, "changes", changed, "kept", f.report().Kept}
	if in.notes != "" {
		args = append(args, "notes", in.notes)
	}
	f.keeper.options.Log.Info("subscription: a new copy is in force", args...)
	return "a new copy is in force: " + changed, nil
}

// changes counts what z brings and lacks beside old.
func (f *follower) changes(old *Copy, z *zones.Zone) string {
	names, prefixes := count(z)
	if old != nil {
		if before, err := old.contents(); err == nil {
			gone, come := lossOf(before.zone, newIndex(z)), lossOf(z, newIndex(before.zone))
			return fmt.Sprintf("names +%d -%d, prefixes +%d -%d", come.names, gone.names, come.prefixes, gone.prefixes)
		}
	}
	return fmt.Sprintf("names +%d, prefixes +%d", names, prefixes)
}

// shadow has fresh wait, if it could be put in force now.
func (f *follower) shadow(old, fresh *Copy, in *contents) (string, error) {
	if err := f.judge(old, fresh, in, "", nil); err != nil {
		return "", err
	}
	waits := *fresh
	waits.Kept = nil // that is found when its time has come
	if err := f.store.write(pending, &waits); err != nil {
		return "", asError(State, err)
	}
	f.noteWaiting(&waits)
	f.keeper.options.Reload("subscription " + f.Zone + ": new copy in the shadow")
	changed, until := f.changes(old, in.zone), waits.Fetched.Add(f.Shadow).UTC().Format(time.RFC3339)
	f.keeper.options.Log.Info("subscription: a new copy waits in the shadow", "zone", f.Zone, "changes", changed, "until", until)
	return "a new copy waits in the shadow until " + until + ": " + changed, nil
}

// forget drops what waits, if anything does.
func (f *follower) forget() {
	isWaiting := f.report().Pending
	f.store.drop(pending)
	f.noteWaiting(nil)
	if isWaiting {
		f.keeper.options.Reload("subscription " + f.Zone + ": nothing waits in the shadow any more")
	}
}
