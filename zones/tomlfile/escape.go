package tomlfile

import (
	"strconv"
	"unicode/utf8"
)

// unescape resolves the escapes of a quoted key.
func unescape(b []byte) (string, error) {
	out := make([]byte, 0, len(b))
	for i := 0; i < len(b); i++ {
		if b[i] != '\\' {
			out = append(out, b[i])
			continue
		}
		if i++; i == len(b) {
			return "", errScan
		}
		if c, ok := shortEscapes[b[i]]; ok {
			out = append(out, c)
			continue
		}
		digits, ok := longEscapes[b[i]]
		if !ok || i+digits >= len(b) {
			return "", errScan
		}
		code, err := strconv.ParseUint(string(b[i+1:i+1+digits]), 16, 32)
		if err != nil {
			return "", errScan
		}
		out = utf8.AppendRune(out, rune(code))
		i += digits
	}
	return string(out), nil
}

// shortEscapes are the escapes of one letter.
var shortEscapes = map[byte]byte{
	'b': '\b', 't': '\t', 'n': '\n', 'f': '\f', 'r': '\r', 'e': 0x1b, '"': '"', '\\': '\\',
}

// longEscapes are the escapes that take a number of hexadecimal digits.
var longEscapes = map[byte]int{'x': 2, 'u': 4, 'U': 8}
