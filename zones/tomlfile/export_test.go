package tomlfile

import "slices"

// MaxDepth is maxDepth, for tests.
const MaxDepth = maxDepth

// KeysAgree says whether the decoder accepts a text, and whether the scanner
// then found the same keys in the same order.
func KeysAgree(data []byte) (decoded, agree bool) {
	_, keys, err := safeDecode(data)
	if err != nil {
		return false, false
	}
	s, err := scan(data)
	return true, err == nil && slices.EqualFunc(s.keys, keys, slices.Equal)
}

// Scan runs the scanner alone.
func Scan(data []byte) { _, _ = scan(data) }
