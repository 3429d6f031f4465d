package integration_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"regexp"
	"time"
)

// sinceKey is from when on addresses have been observed, in the file that keeps them.
var sinceKey = regexp.MustCompile(`"since":"[^"]*"`)

// observedLong makes a file of observed addresses say that the server has observed them for a day, as if it
// had run so long.
func (s *script) observedLong(_ bool, args []string) error {
	if len(args) != 1 {
		return errors.New("want FILE")
	}
	path := s.MkAbs(args[0])
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	head, body, _ := bytes.Cut(data, []byte("\n"))
	digest := bytes.LastIndexByte(head, ' ') + 1
	body = sinceKey.ReplaceAll(body, fmt.Appendf(nil, `"since":%q`, time.Now().AddDate(0, 0, -1).Format(time.RFC3339)))
	return os.WriteFile(path, fmt.Appendf(nil, "%s%x\n%s", head[:digest], sha256.Sum256(body), body), 0o600)
}
