package matcher

import (
	"strings"
	"unicode"
)

// asciiForm returns s with each label that is not ASCII as an A-label (RFC 5890, section
// 2.3.2.1), for a message to show. It gives up, with false, on text whose A-label takes
// more than folding case and width to find: characters that are no letters or digits, and accents
// that stand by themselves.
func asciiForm(s string) (ascii string, ok bool) {
	labels := strings.Split(foldText(s), ".")
	for i, l := range labels {
		if isASCII(l) {
			continue
		}
		if strings.IndexFunc(l, needsMapping) >= 0 {
			return "", false
		}
		labels[i] = "xn--" + punycode([]rune(l))
	}
	return strings.Join(labels, "."), true
}

// foldText makes letters lower case, full-width ones ordinary, and East Asian dots full stops.
func foldText(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\u3002' || r == '\uff61':
			return '.'
		case '\uff01' <= r && r <= '\uff5e':
			r -= '\uff01' - '!'
		}
		return unicode.ToLower(r)
	}, s)
}

// needsMapping says whether a character may have another form in an A-label.
func needsMapping(r rune) bool {
	if r < unicode.MaxASCII {
		return !isPlain(byte(r))
	}
	return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.Is(unicode.Mc, r)
}

// Parameters of RFC 3492, section 5.
const (
	punyBase        = 36
	punyTMin        = 1
	punyTMax        = 26
	punySkew        = 38
	punyDamp        = 700
	punyInitialBias = 72
	punyInitialN    = 128
)

// punycode encodes a label (RFC 3492, section 6.3). Labels in a configuration are far too short for an overflow.
func punycode(label []rune) string {
	var out []byte
	for _, r := range label {
		if r < punyInitialN {
			out = append(out, byte(r))
		}
	}
	basic := len(out)
	if basic > 0 {
		out = append(out, '-')
	}
	n, delta, bias := rune(punyInitialN), 0, punyInitialBias
	for done := basic; done < len(label); {
		next := nextRune(label, n)
		delta += int(next-n) * (done + 1)
		n = next
		for _, r := range label {
			if r < n {
				delta++
			}
			if r == n {
				out = appendPunyDigits(out, delta, bias)
				bias = punyAdapt(delta, done+1, done == basic)
				delta = 0
				done++
			}
		}
		delta++
		n++
	}
	return string(out)
}

// nextRune returns the smallest rune of the label that is n or above.
func nextRune(label []rune, n rune) rune {
	next := unicode.MaxRune
	for _, r := range label {
		if r >= n {
			next = min(next, r)
		}
	}
	return next
}

// appendPunyDigits appends delta as a variable-length integer.
func appendPunyDigits(out []byte, delta, bias int) []byte {
	const digits = "abcdefghijklmnopqrstuvwxyz0123456789"
	for k := punyBase; ; k += punyBase {
		t := min(max(k-bias, punyTMin), punyTMax)
		if delta < t {
			return append(out, digits[delta])
		}
		out = append(out, digits[t+(delta-t)%(punyBase-t)])
		delta = (delta - t) / (punyBase - t)
	}
}

// punyAdapt returns the bias for the next delta (RFC 3492, section 6.1).
func punyAdapt(delta, points int, first bool) int {
	if first {
		delta /= punyDamp
	} else {
		delta /= 2
	}
	delta += delta / points
	k := 0
	for delta > (punyBase-punyTMin)*punyTMax/2 {
		delta /= punyBase - punyTMin
		k += punyBase
	}
	return k + (punyBase-punyTMin+1)*delta/(delta+punySkew)
}
