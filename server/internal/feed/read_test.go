package feed_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"splitdns/server/internal/feed"
	"splitdns/zones"
)

// page is a copy of a page of Microsoft Learn, for one of its zones.
func page(t *testing.T, zone, file string) *feed.Copy {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "..", "zones", "importer", "testdata", file))
	if err != nil {
		t.Fatal(err)
	}
	return &feed.Copy{Zone: zone, Fetched: day, Documents: []feed.Document{feed.NewDocument("https://learn.example/"+file, text)}}
}

// TestAPageGivesEachZoneItsRows takes two zones of one page, and then the page in another language, which
// takes nothing away from either.
func TestAPageGivesEachZoneItsRows(t *testing.T) {
	for _, zone := range []string{"intune", "apple-push"} {
		ja, zh := page(t, zone, "ja-jp.md"), page(t, zone, "zh-cn.md")
		z := read(t, zh)
		kept, err := feed.Keep(ja, z, day, time.Hour)
		if err != nil || len(kept) != 0 || z.Name != zone || z.Edition != "2020-09-08" {
			t.Errorf("%s %s: kept %v %v, want nothing", z.Name, z.Edition, kept, err)
		}
		bundled, err := zones.Bundled("2020-09-08")
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range bundled {
			if b.Name == zone && len(pairs(b)) != len(pairs(z)) {
				t.Errorf("%s: %d names with their ranges, want the %d of the bundled zone", zone, len(pairs(z)), len(pairs(b)))
			}
		}
	}
	if _, err := page(t, "other", "ja-jp.md").ReadZone(); err == nil || !strings.Contains(err.Error(), `no zone "other"`) {
		t.Errorf("a zone that is not in it: %v", err)
	}
}

// TestDocumentsAreReadTogether takes one document out of another, in either order.
func TestDocumentsAreReadTogether(t *testing.T) {
	goog := feed.NewDocument("https://lists.example/goog.json", []byte(`{"syncToken":"1","creationTime":"2026-11-01T00:00:00","prefixes":[{"ipv4Prefix":"8.8.4.0/24"},{"ipv4Prefix":"34.0.0.0/15"}]}`))
	cloud := feed.NewDocument("https://lists.example/cloud.json", []byte(`{"syncToken":"1","creationTime":"2026-11-01T00:00:00","prefixes":[{"ipv4Prefix":"34.0.0.0/16","service":"Google Cloud","scope":"x"}]}`))
	for _, documents := range [][]feed.Document{{goog, cloud}, {cloud, goog}} {
		z := read(t, &feed.Copy{Zone: "google-apis", Fetched: day, Documents: documents})
		got := pairs(z)
		if len(got) != 2 || !got[[2]string{"", "8.8.4.0/24"}] || !got[[2]string{"", "34.1.0.0/16"}] || z.Name != "google-apis" {
			t.Errorf("%s: %v", z.Name, got)
		}
	}
}

// TestAnEmptyListIsEmpty has what a publisher's list is without any entry: well formed, and empty.
func TestAnEmptyListIsEmpty(t *testing.T) {
	for _, text := range []string{"[]", `{"prefixes":[]}`, `{"values": []}`, `{"syncToken":"1","prefixes":[]}`, " \n"} {
		c := &feed.Copy{Zone: "google-apis", Fetched: day, Documents: []feed.Document{feed.NewDocument("https://lists.example/goog.json", []byte(text))}}
		_, err := c.ReadZone()
		if failed, ok := errors.AsType[*feed.Error](err); !ok || failed.Kind != feed.Empty || !strings.Contains(err.Error(), "is empty") {
			t.Errorf("%q: %v, want it called empty", text, err)
		}
	}
}
