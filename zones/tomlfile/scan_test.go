package tomlfile_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"splitdns/zones/tomlfile"
)

// documents are texts that the decoder accepts, with whatever makes finding keys hard.
var documents = map[string]string{
	"empty":              "",
	"comment only":       "# a = 1",
	"byte order mark":    "\xef\xbb\xbfa = 1\n",
	"windows lines":      "a = 1\r\n[b]\r\nc = \"x\"\r\n",
	"dotted":             "a.b.c = 1\na . b . d = 2\n",
	"quoted":             "\"a.b\" = 1\n'c d' = 2\n\"\\u00e9\\t\\\"\\x41\" = 3\n\"\" = 4\n",
	"quoted tables":      "[rule.\"a.b\"]\nx = 1\n[ rule . 'c' ]\ny = 2\n",
	"strings":            "a = \"# no [comment] = 1\"\nb = '\\'\nc = \"\\\"\" # yes\n",
	"multi-line strings": "a = \"\"\"\nx = 1\n\\\"\"\" [b]\"\"\"\nc = '''\ny\n''''\nd = \"\"\"\"\"\"\"\"\ne = 1\n",
	"lists":              "a = [ 1, # one\n [2, 3,],\n \"]\", ]\nb = []\n",
	"inline tables":      "a = {b = 1, c = {d = [1, {e = 2}]}, f.g = 3}\nh = {}\n",
	"long inline table":  "a = {\n b = 1,\n # c\n d = 2,\n}\n",
	"arrays of tables":   "[[a]]\nb = 1\n[[a]]\nb = 2\n[a.c]\nd = 3\n[[a.e]]\n[[a.e]]\nf = 1\n",
	"parent after child": "[a.b]\nc = 1\n[a]\nd = 1\n",
	"values":             "a = 1979-05-27 07:32:00\nb = +1.5e3\nc = true\nd = inf\ne = 0xff\n",
	"deep":               "a = " + strings.Repeat("[", tomlfile.MaxDepth) + strings.Repeat("]", tomlfile.MaxDepth),
}

func TestScannerFindsTheKeysOfTheDecoder(t *testing.T) {
	for name, text := range documents {
		t.Run(name, func(t *testing.T) {
			if decoded, agree := tomlfile.KeysAgree([]byte(text)); !decoded || !agree {
				t.Errorf("decoded %v, agree %v, want both true for\n%s", decoded, agree, text)
			}
		})
	}
}

func TestScannerFindsTheKeysOfTheBundledZones(t *testing.T) {
	files, err := filepath.Glob("../data/*/*.toml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no zone files: %v", err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if decoded, agree := tomlfile.KeysAgree(data); !decoded || !agree {
			t.Errorf("%s: decoded %v, agree %v, want both true", file, decoded, agree)
		}
	}
}

// FuzzScanner holds the scanner to the decoder: wherever the decoder accepts a
// text, both find the same keys.
func FuzzScanner(f *testing.F) {
	for _, text := range documents {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 4096 {
			return // the decoder's recursion is bounded by Parse, which is not what is tested here
		}
		tomlfile.Scan(data) // must end on any text
		if _, ok := tomlfile.Parse("x", data, testSchema); !ok {
			return
		}
		if decoded, agree := tomlfile.KeysAgree(data); decoded && !agree {
			t.Errorf("the scanner finds other keys than the decoder in %q", data)
		}
	})
}
