package feed

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"splitdns/server/internal/statedir"
)

// maxFetches is how many subscriptions are fetched at once.
const maxFetches = 4

// A Keeper keeps subscriptions up to date. It is safe for concurrent use.
type Keeper struct {
	options Options
	places  chan struct{} // one for each subscription that is being fetched
	shared  shared

	mu      sync.Mutex // guards what follows; not held while anything is waited for
	running context.Context
	ended   bool // none is started any more
	dir     string
	all     map[string]*follower
	last    map[string]<-chan struct{} // of each zone: closed when the follower that was started last has ended
	work    sync.WaitGroup
}

// Options are what a Keeper needs.
type Options struct {
	// Fetch fetches one document, as [Fetcher.Fetch] does.
	Fetch func(ctx context.Context, address string, have *Document) (d Document, unchanged bool, err error)
	// Adopt loads the configuration with the candidate of zone, and calls commit if it is good, before
	// that configuration is put in force. Without a commit it only says whether it is good. Its
	// error is an *Error if that is the candidate's fault, or nobody can tell.
	Adopt func(zone, why string, commit func() error) error
	// Reload loads the configuration again, with what waits in the shadow now.
	Reload func(why string)
	// Jitter gives what a subscription is to wait instead of d, so that not all servers in the
	// world ask at once.
	Jitter func(d time.Duration) time.Duration
	// Folders are those that copies are written to, which is for their owner to unlock when the Keeper has ended.
	Folders *statedir.Folders
	// Log takes what an administrator should know.
	Log *slog.Logger
}

// NewKeeper returns a Keeper without subscriptions.
func NewKeeper(o Options) *Keeper {
	return &Keeper{
		options: o, places: make(chan struct{}, maxFetches), shared: shared{all: map[string]*fetched{}, due: map[string]time.Time{}},
		all: map[string]*follower{}, last: map[string]<-chan struct{}{},
	}
}

// Set has k follow these subscriptions from now on, with their copies in dir. Those that it
// follows already are not disturbed. It does not wait for anything.
func (k *Keeper) Set(dir string, subscriptions []Subscription) {
	k.mu.Lock()
	defer k.mu.Unlock()
	wanted := make(map[string]*follower, len(subscriptions))
	for _, s := range subscriptions {
		have := k.all[s.Zone]
		if have == nil || !have.is(s) || dir != k.dir {
			have = newFollower(k, store{dir, s.Zone, k.options.Folders.In(dir)}, s, have)
			k.start(have)
		}
		wanted[s.Zone] = have
	}
	for zone, f := range k.all {
		if wanted[zone] != f {
			f.stop()
		}
	}
	k.dir, k.all = dir, wanted
}

// start has f begin, once k runs. k.mu is held.
func (k *Keeper) start(f *follower) {
	if k.running == nil || k.ended {
		return
	}
	ctx, cancel := context.WithCancel(k.running)
	f.stop, f.before = cancel, k.last[f.Zone]
	k.last[f.Zone] = f.done
	k.work.Go(func() {
		defer cancel()
		defer close(f.done)
		f.follow(ctx)
	})
}

// Run follows the subscriptions until ctx is cancelled, and waits until all have ended.
func (k *Keeper) Run(ctx context.Context) error {
	k.mu.Lock()
	k.running = ctx
	for _, f := range k.all {
		k.start(f)
	}
	k.mu.Unlock()
	<-ctx.Done()
	k.mu.Lock()
	k.ended = true
	k.mu.Unlock()
	k.work.Wait()
	return nil
}

// An Outcome is what became of a refresh.
type Outcome struct {
	Zone   string `json:"zone"`
	OK     bool   `json:"ok"`
	Kind   Kind   `json:"kind,omitempty"` // why not
	Result string `json:"result"`         // in words
}

// errNone is that there is nothing to refresh.
var errNone = errors.New("the configuration has no subscription: no [zone.NAME] says a url")

// Refresh fetches the subscription of zone now, or all of them if zone is "", and says
// what became of each. With accept it takes a copy over that is of another format than before or has shrunk,
// and puts it in force at once, also one that waits in the shadow.
func (k *Keeper) Refresh(ctx context.Context, zone string, accept bool) ([]Outcome, error) {
	k.mu.Lock()
	chosen := slices.SortedFunc(maps.Values(k.all), func(a, b *follower) int { return cmp.Compare(a.Zone, b.Zone) })
	have := slices.Sorted(maps.Keys(k.all))
	k.mu.Unlock()
	if len(have) == 0 {
		return nil, errNone
	}
	if zone != "" {
		chosen = slices.DeleteFunc(chosen, func(f *follower) bool { return f.Zone != zone })
	}
	if len(chosen) == 0 {
		return nil, fmt.Errorf("no subscription for %q; have %s", zone, strings.Join(have, ", "))
	}
	outcomes, since := make([]Outcome, len(chosen)), time.Now()
	var work sync.WaitGroup
	for i, f := range chosen {
		work.Go(func() { outcomes[i] = f.ask(ctx, request{accept: accept, since: since}) })
	}
	work.Wait()
	return outcomes, nil
}

// Status says how each subscription does, by zone.
func (k *Keeper) Status() []ZoneStatus {
	k.mu.Lock()
	defer k.mu.Unlock()
	all := make([]ZoneStatus, 0, len(k.all))
	for _, zone := range slices.Sorted(maps.Keys(k.all)) {
		all = append(all, k.all[zone].report())
	}
	return all
}
