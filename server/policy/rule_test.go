package policy_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"splitdns/server/policy"
)

func TestParsePin(t *testing.T) {
	want := map[string]policy.Pin{
		"observe": policy.Observe, "prefer": policy.Prefer, "enforce": policy.Enforce, "substitute": policy.Substitute,
	}
	for word, pin := range want {
		got, err := policy.ParsePin(word)
		if got != pin || err != nil {
			t.Errorf("ParsePin(%q) = %v, %v, want %v", word, got, err, pin)
		}
		if got.String() != word {
			t.Errorf("ParsePin(%q).String() = %q, want what was parsed", word, got)
		}
	}
	if got := policy.PinUnset.String(); got != "" {
		t.Errorf("PinUnset.String() = %q, want nothing", got)
	}
}

func TestPinsGoFromSafeToStrict(t *testing.T) {
	pins := []policy.Pin{policy.PinUnset, policy.Observe, policy.Prefer, policy.Enforce, policy.Substitute}
	for i, p := range pins[1:] {
		if p <= pins[i] {
			t.Errorf("%v <= %v, want stricter pins to be greater", p, pins[i])
		}
	}
}

func TestParsePinErrors(t *testing.T) {
	for _, word := range []string{"", "Observe", "enforced", "observe ", "off"} {
		got, err := policy.ParsePin(word)
		if got != policy.PinUnset || err == nil {
			t.Errorf("ParsePin(%q) = %v, %v, want an error", word, got, err)
			continue
		}
		want := `"` + word + `": want one of observe, prefer, enforce, substitute`
		if err.Error() != want {
			t.Errorf("ParsePin(%q): %v, want %v", word, err, want)
		}
	}
}

func TestParseAnswer(t *testing.T) {
	tests := map[string]struct {
		values []string
		want   policy.Answer
		text   string // what String gives, if it is not the values with commas between
	}{
		"nothing, spelt out": {values: []string{""}, want: policy.Answer{Kind: policy.AnswerForward}},
		"nxdomain":           {values: []string{"nxdomain"}, want: policy.Answer{Kind: policy.AnswerNXDomain}},
		"nodata":             {values: []string{"nodata"}, want: policy.Answer{Kind: policy.AnswerNoData}},
		"refused":            {values: []string{"refused"}, want: policy.Answer{Kind: policy.AnswerRefused}},
		"null":               {values: []string{"null"}, want: policy.Answer{Kind: policy.AnswerNull}},
		"one address": {
			values: []string{"192.0.2.1"},
			want:   policy.Answer{Kind: policy.AnswerAddresses, Addresses: addrs("192.0.2.1")},
		},
		"addresses of both families in the order given": {
			values: []string{"2001:db8::1", "192.0.2.9", "192.0.2.1"},
			want:   policy.Answer{Kind: policy.AnswerAddresses, Addresses: addrs("2001:db8::1 192.0.2.9 192.0.2.1")},
		},
		"an IPv4-mapped address": {
			values: []string{"::ffff:192.0.2.1"},
			want:   policy.Answer{Kind: policy.AnswerAddresses, Addresses: addrs("192.0.2.1")},
			text:   "192.0.2.1",
		},
		"an RRset holds each address once (RFC 2181, section 5)": {
			values: []string{"192.0.2.1", "192.0.2.2", "192.0.2.1", "::ffff:192.0.2.2"},
			want:   policy.Answer{Kind: policy.AnswerAddresses, Addresses: addrs("192.0.2.1 192.0.2.2")},
			text:   "192.0.2.1,192.0.2.2",
		},
		"a CNAME target": {
			values: []string{"portal.corp.example"},
			want:   policy.Answer{Kind: policy.AnswerCNAME, Target: name("portal.corp.example")},
		},
		"a CNAME target as it may be written": {
			values: []string{"Portal.Corp.Example."},
			want:   policy.Answer{Kind: policy.AnswerCNAME, Target: name("portal.corp.example")},
			text:   "portal.corp.example",
		},
		"a CNAME target with a number inside": {
			values: []string{"192.0.2.1.example"},
			want:   policy.Answer{Kind: policy.AnswerCNAME, Target: name("192.0.2.1.example")},
		},
	}
	for what, test := range tests {
		t.Run(what, func(t *testing.T) {
			got, err := policy.ParseAnswer(test.values)
			if err != nil || !got.Equal(test.want) {
				t.Fatalf("ParseAnswer(%q) = %+v, %v, want %+v", test.values, got, err, test.want)
			}
			text := test.text
			if text == "" {
				text = strings.Join(test.values, ",")
			}
			if got.String() != text {
				t.Errorf("ParseAnswer(%q).String() = %q, want %q", test.values, got, text)
			}
			again, err := policy.ParseAnswer(strings.Split(got.String(), ","))
			if err != nil || !again.Equal(got) {
				t.Errorf("ParseAnswer(%q) = %+v, %v, want what String was called on: %+v", got, again, err, got)
			}
		})
	}
}

func TestParseAnswerErrors(t *testing.T) {
	const forms = `want "nxdomain", "nodata", "refused", "null", addresses or a CNAME target`
	tests := []struct {
		values []string
		want   string
	}{
		{nil, forms},
		{[]string{"NXDOMAIN"}, `"NXDOMAIN": ` + forms},
		{[]string{"nxdomian"}, `"nxdomian": ` + forms},
		{[]string{"localhost"}, `"localhost": ` + forms},
		{[]string{"nxdomain."}, `"nxdomain.": ` + forms},
		{[]string{"."}, `".": ` + forms},
		{[]string{`a\.example`}, `"a\\.example": ` + forms}, // one label
		{[]string{"192.0.2.300"}, `"192.0.2.300": neither an address nor a name`},
		{[]string{"192.0.2"}, `"192.0.2": neither an address nor a name`},
		{[]string{"192.0.2.1."}, `"192.0.2.1.": neither an address nor a name`},
		{[]string{"192.0.2.0/24"}, `"192.0.2.0/24": neither an address nor a name`},
		{[]string{"192.0.2.1:53"}, `"192.0.2.1:53": neither an address nor a name`},
		{[]string{`\047.example`}, `"\\047.example": neither an address nor a name`},
		{[]string{"*.corp.example"}, `"*.corp.example": neither an address nor a name`},
		{[]string{"{0..5}.corp.example"}, `"{0..5}.corp.example": neither an address nor a name`},
		{[]string{"a..example"}, `name "a..example": empty label: two dots with nothing between them, or a dot too many at an end`},
		{[]string{"fe80::1%eth0"}, `"fe80::1%eth0": an interface has no place here; write "fe80::1"`},
		{[]string{"192.0.2.1", "a.example"}, `"a.example": want only addresses in a list`},
		{[]string{"nxdomain", "192.0.2.1"}, `"nxdomain": want only addresses in a list`},
		{[]string{"192.0.2.1", ""}, `"": want only addresses in a list`},
		{[]string{"192.0.2.1", "fe80::1%eth0"}, `"fe80::1%eth0": an interface has no place here; write "fe80::1"`},
	}
	for _, test := range tests {
		got, err := policy.ParseAnswer(test.values)
		if err == nil || err.Error() != test.want {
			t.Errorf("ParseAnswer(%q): %v, want %s", test.values, err, test.want)
		}
		if !got.Equal(policy.Answer{}) {
			t.Errorf("ParseAnswer(%q) = %+v with an error, want the zero Answer", test.values, got)
		}
	}
}

func TestAnswerKinds(t *testing.T) {
	tests := []struct {
		answer        policy.Answer
		given, blocks bool
	}{
		{policy.Answer{}, false, false},
		{answer(""), false, false},
		{answer("nxdomain"), true, true},
		{answer("nodata"), true, true},
		{answer("refused"), true, true},
		{answer("null"), true, true},
		{answer("192.0.2.1"), true, false},
		{answer("a.example"), true, false},
	}
	for _, test := range tests {
		if got := test.answer.Given(); got != test.given {
			t.Errorf("%+v.Given() = %v, want %v", test.answer, got, test.given)
		}
		if got := test.answer.Blocks(); got != test.blocks {
			t.Errorf("%+v.Blocks() = %v, want %v", test.answer, got, test.blocks)
		}
		for _, other := range tests {
			want := test.answer.Kind == other.answer.Kind // each kind stands here once
			if got := test.answer.Equal(other.answer); got != want {
				t.Errorf("%+v.Equal(%+v) = %v, want %v", test.answer, other.answer, got, want)
			}
		}
	}
	if answer("a.example").Equal(answer("b.example")) {
		t.Error("answers with other targets are equal, want them to differ")
	}
	if answer("192.0.2.1").Equal(answer("192.0.2.2")) {
		t.Error("answers with other addresses are equal, want them to differ")
	}
	if got := (policy.Answer{}).String(); got != "" {
		t.Errorf("the zero Answer is %q, want nothing", got)
	}
}

func TestViaWords(t *testing.T) {
	got := []string{policy.ViaNames.String(), policy.ViaZone.String(), policy.ViaAll.String()}
	if diff := cmp.Diff([]string{"names", "zone", "*"}, got); diff != "" {
		t.Errorf("the words of Via, want - got +:\n%s", diff)
	}
}

func FuzzParseAnswer(f *testing.F) {
	for _, s := range []string{"", "nxdomain", "192.0.2.1", "::ffff:192.0.2.1", "a.example", `a\046b.example`, "fe80::1%eth0", ".", `\047b.m`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a, err := policy.ParseAnswer([]string{s})
		if err != nil {
			return
		}
		if _, isNotAddr := netip.ParseAddr(s); (isNotAddr == nil) != (a.Kind == policy.AnswerAddresses) {
			t.Errorf("ParseAnswer(%q) = %+v, want addresses for an address and for nothing else", s, a)
		}
		again, err := policy.ParseAnswer([]string{a.String()})
		if err != nil || !again.Equal(a) {
			t.Errorf("ParseAnswer(%q) = %+v, %v, want what String was called on: %+v", a, again, err, a)
		}
	})
}
