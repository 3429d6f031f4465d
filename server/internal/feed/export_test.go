package feed

import (
	"time"

	"splitdns/server/internal/statedir"
	"splitdns/zones"
)

// Magic begins a copy on disk.
const Magic = magic

// What tests look at.
var (
	RetryAfter = retryAfter
	Decode     = decode
	Encode     = (*Copy).encode
)

// Write puts c in force in dir, without a judgement.
func Write(dir string, c *Copy) error {
	var folders statedir.Folders
	defer folders.Unlock()
	return store{dir, c.Zone, folders.In(dir)}.write(current, c)
}

// Keep is keep for rows in force that are those of a zone file, after it has been the copy old.
func Keep(old *Copy, z *zones.Zone, now time.Time, removeAfter time.Duration) ([]Kept, error) {
	kept, _, err := keep(old, z, now, removeAfter)
	return kept, err
}
