package feed

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"splitdns/zones"
)

// A Copy is what a subscription's documents were at one time. It is not changed after it
// was made.
type Copy struct {
	Zone      string     `json:"zone"`
	Fetched   time.Time  `json:"fetched"`
	Documents []Document `json:"documents"`
	Kept      []Kept     `json:"kept,omitempty"` // oldest first
}

// A Document is one text as it was fetched.
type Document struct {
	URL          string `json:"url"`
	ETag         string `json:"etag,omitempty"`
	LastModified string `json:"last_modified,omitempty"`
	Format       string `json:"format,omitempty"` // as which it was read
	SHA256       string `json:"sha256"`           // of Data, in hexadecimal digits
	Size         int    `json:"size"`             // of Data
	Data         []byte `json:"-"`
}

// A Kept is rows that are published no longer and are still in force.
type Kept struct {
	Since time.Time `json:"since"` // they have gone
	Rows  string    `json:"rows"`  // as a zone file
	Size  int       `json:"size"`  // names and prefixes in it
}

// NewDocument returns a document with these octets, which it keeps.
func NewDocument(url string, data []byte) Document {
	sum := sha256.Sum256(data)
	return Document{URL: url, SHA256: hex.EncodeToString(sum[:]), Size: len(data), Data: data}
}

// sameDocuments says whether the octets of a and b are the same.
func sameDocuments(a, b *Copy) bool {
	return a != nil && b != nil && slices.EqualFunc(a.Documents, b.Documents, func(x, y Document) bool {
		return x.SHA256 == y.SHA256 && x.Format == y.Format
	})
}

// find is the document that was fetched from url; nil without one.
func (c *Copy) find(url string) *Document {
	if c == nil {
		return nil
	}
	for i := range c.Documents {
		if c.Documents[i].URL == url {
			return &c.Documents[i]
		}
	}
	return nil
}

// Digest is over all of which the zone is made.
func (c *Copy) Digest() []byte {
	h := sha256.New()
	for _, d := range c.Documents {
		fmt.Fprintln(h, d.Format, d.SHA256)
	}
	for _, k := range c.Kept {
		fmt.Fprintln(h, k.Rows)
	}
	return h.Sum(nil)
}

// Octets is how many octets the documents have.
func (c *Copy) Octets() int64 {
	n := 0
	for _, d := range c.Documents {
		n += d.Size
	}
	return int64(n)
}

// magic begins a copy on disk. Behind it stands the SHA-256 of all that follows on the
// next lines: a copy as JSON on one line, and the documents one behind the other.
const magic = "splitdns-feed 1 "

// maxCopy is how large a copy on disk may be, in octets.
const maxCopy = MaxSize + maxHead

// maxHead is how long the JSON of a copy may be. Kept rows are in it.
const maxHead = 32 << 20

// encode gives c as it stands on disk.
func (c *Copy) encode() ([]byte, error) {
	head, err := json.Marshal(c)
	if err != nil {
		return nil, err
	}
	if len(head) > maxHead {
		return nil, errors.New("too many rows are kept that are published no longer: shorten remove_after")
	}
	body := bytes.NewBuffer(make([]byte, 0, len(head)+1+int(c.Octets())))
	body.Write(head)
	body.WriteByte('\n')
	for _, d := range c.Documents {
		body.Write(d.Data)
	}
	sum := sha256.Sum256(body.Bytes())
	first := magic + hex.EncodeToString(sum[:]) + "\n"
	return append([]byte(first), body.Bytes()...), nil
}

// errDamaged is a copy on disk that is not as it was written.
var errDamaged = errors.New("damaged: its digest does not fit")

// decode reads a copy of zone as it stands on disk. It keeps data.
func decode(zone string, data []byte) (*Copy, error) {
	first, body, ok := bytes.Cut(data, []byte("\n"))
	digest, isOurs := bytes.CutPrefix(first, []byte(magic))
	sum := sha256.Sum256(body)
	if !ok || !isOurs || string(digest) != hex.EncodeToString(sum[:]) {
		return nil, errDamaged
	}
	head, rest, _ := bytes.Cut(body, []byte("\n"))
	c := new(Copy)
	if err := json.Unmarshal(head, c); err != nil {
		return nil, fmt.Errorf("damaged: %w", err)
	}
	if c.Zone != zone {
		return nil, fmt.Errorf("it is of another zone, %q", c.Zone)
	}
	if err := c.cut(rest); err != nil {
		return nil, err
	}
	return c, nil
}

// cut gives each document its part of data.
func (c *Copy) cut(data []byte) error {
	if len(c.Documents) == 0 || len(c.Documents) > MaxURLs {
		return errors.New("damaged: no documents, or too many")
	}
	for i := range c.Documents {
		d := &c.Documents[i]
		if d.Size < 0 || d.Size > len(data) {
			return errors.New("damaged: a document is not there as a whole")
		}
		d.Data, data = data[:d.Size:d.Size], data[d.Size:]
	}
	if len(data) > 0 {
		return errors.New("damaged: there is more than its documents")
	}
	return nil
}

// keptZones are the rows that c keeps, those of each time as a zone.
func (c *Copy) keptZones() ([]*zones.Zone, error) {
	var all []*zones.Zone
	for _, k := range c.Kept {
		z, problems := zones.Parse(c.Zone, "kept rows", []byte(k.Rows))
		if z == nil {
			return nil, fmt.Errorf("damaged: %s", problems.String())
		}
		all = append(all, z)
	}
	return all, nil
}
