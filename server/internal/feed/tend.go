package feed

import "time"

// tend puts in force what has become so by time alone: a copy whose time in the shadow is over, and
// the end of what was kept. It returns when there is more to do; the zero time is never.
func (f *follower) tend(now time.Time) (due time.Time) {
	due = f.due()
	if due.IsZero() || now.Before(due) {
		return due
	}
	if now.Before(f.retry) {
		return f.retry
	}
	if err := f.advance(now); err != nil {
		f.retry = now.Add(min(maxPause, f.Every))
		text := oneLine(err.Error())
		if f.complain(asError(Other, err).Kind, text, now) {
			f.keeper.options.Log.Error("subscription: what is due is refused, the old copy stays in force: "+text, "zone", f.Zone)
		}
		return f.retry
	}
	f.retry = now.Add(time.Second) // whatever happens, this does not become a loop without rest
	return f.due()
}

// due is when something becomes so by time alone.
func (f *follower) due() time.Time {
	st := f.report()
	if st.PendingUntil.IsZero() {
		return st.KeptUntil
	}
	return earlier(st.PendingUntil, st.KeptUntil)
}

// advance does what is due at now.
func (f *follower) advance(now time.Time) error {
	old, waiting, _, err := f.onDisk()
	if err != nil {
		return asError(State, err)
	}
	f.noteWaiting(waiting)
	if waiting != nil && !now.Before(waiting.Fetched.Add(f.Shadow)) {
		in, err := waiting.contents()
		if err == nil {
			_, err = f.putInForce(old, waiting, in, "subscription "+f.Zone+": its time in the shadow is over")
		}
		return err
	}
	if old == nil {
		f.note(func(st *ZoneStatus) { st.KeptUntil = time.Time{} }) // the copy has gone from disk
		return nil
	}
	return f.expire(old, waiting, now)
}

// expire ends what was kept for long enough.
func (f *follower) expire(old, waiting *Copy, now time.Time) error {
	in, err := old.contents()
	if err != nil {
		return err
	}
	fresh := *old
	fresh.Kept = unexpired(old.Kept, now, f.RemoveAfter)
	if err := f.store.write(candidate, &fresh); err != nil {
		return asError(State, err)
	}
	defer f.store.drop(candidate)
	why := "subscription " + f.Zone + ": what is published no longer was kept for remove_after"
	if err := f.keeper.options.Adopt(f.Zone, why, f.store.commit); err != nil {
		return err
	}
	before := f.report().Kept
	f.noteCopy(&fresh, waiting, in)
	f.keeper.options.Log.Info("subscription: what is published no longer is in force no longer", "zone", f.Zone, "removed", before-f.report().Kept)
	return nil
}
