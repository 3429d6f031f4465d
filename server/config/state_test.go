package config_test

import (
	"os"
	"runtime"
	"strings"
	"testing"

	"splitdns/server/config"
)

// TestStateIsOurs has a folder in which everybody may write: whoever puts a copy there puts a list in force.
func TestStateIsOurs(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the bits of modes say nothing on windows")
	}
	for mode, want := range map[os.FileMode]string{0o700: "", 0o775: "", 0o777: "everybody may write there", os.ModeSticky | 0o777: "everybody may write there"} {
		dir := t.TempDir()
		if err := os.Chmod(dir, mode); err != nil {
			t.Fatal(err)
		}
		_, problems := config.Parse("c.toml", []byte("[server]\nstate = '"+dir+"'\n"))
		if text := problems.String(); want == "" && text != "" || !strings.Contains(text, want) {
			t.Errorf("%v: %q, want %q", mode, text, want)
		}
	}
}
