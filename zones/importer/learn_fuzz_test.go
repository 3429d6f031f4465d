package importer_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"splitdns/zones"
	"splitdns/zones/importer"
)

// Whatever a page holds: nothing crashes, notes have their lines, and every zone is read
// again as it was written.
func FuzzReadLearn(f *testing.F) {
	for _, name := range []string{"ja-jp.md", "zh-cn.md", "present.md", "usgov.md"} {
		data := string(page(f, name).Data)
		f.Add(data)
		f.Add(strings.ReplaceAll(data, "\n", "\r\n"))
		f.Add(data[:len(data)/2])
		for line := range strings.Lines(data) {
			if strings.Contains(line, ".") && len(line) < 400 {
				f.Add("|a|b|\n|--|--|\n" + line)
			}
		}
	}
	for _, text := range []string{
		"|--|\n|#-a.example<br># 0 5|", "- `a.example`: b.example\n\n- c.example x\n", "```\na.example\n192.0.2.1\n```\n|a.example|192.0.2.1/3|",
		"<!-- --><!--", "|a.example:443|TCP: 0, 9-1|", "[a.example](b.example)", "---\nms.date: 1/1/1\n---\n|2001:db8::/20|",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 1<<16 {
			return
		}
		result, err := importer.Read([]importer.Document{{Name: "x", Data: []byte(text), Format: "ms-learn"}}, importer.Options{})
		if err != nil {
			return
		}
		lines := strings.Count(text, "\n") + 1
		for _, n := range result.Notes {
			if n.Line < 0 || n.Line > lines || n.Text == "" {
				t.Errorf("note %+v of %d lines", n, lines)
			}
		}
		for _, z := range result.Zones {
			again, problems := zones.Parse(z.Name, "x", zones.AppendFile(nil, z))
			if again == nil || len(problems) > 0 {
				t.Fatalf("zone %s: %s", z.Name, problems)
			}
			if diff := cmp.Diff(named(z), named(again)); diff != "" {
				t.Errorf("written -, read again +:\n%s", diff)
			}
		}
	})
}

// named is the rows of z by name.
func named(z *zones.Zone) map[string]string {
	rows := make(map[string]string, len(z.Rows))
	for i := range z.Rows {
		rows[z.Rows[i].Name] = published(&z.Rows[i]) + z.Rows[i].Purpose + z.Rows[i].Date
	}
	return rows
}
