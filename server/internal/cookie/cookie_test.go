package cookie_test

import (
	"bytes"
	"encoding/hex"
	"net/netip"
	"testing"
	"time"

	"splitdns/server/internal/cookie"
)

// octets is a text of hexadecimal digits as octets.
func octets(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The cookies of RFC 9018, appendix A: the same inputs give the same octets on every server.
func TestVectors(t *testing.T) {
	const first = "e5e973e5a6b2a43f48e7dc849e37bfcf"
	tests := map[string]struct{ secret, client, sent, at, want string }{
		"a new cookie": {
			first, "198.51.100.100", "2464c4abcf10c957",
			"2019-06-05T10:53:05Z", "2464c4abcf10c957010000005cf79f111f8130c3eee29480",
		},
		"a renewed cookie": {
			first, "198.51.100.100", "2464c4abcf10c957010000005cf79f111f8130c3eee29480",
			"2019-06-05T11:33:05Z", "2464c4abcf10c957010000005cf7a871d4a564a1442aca77",
		},
		"another client, whose cookie has expired": {
			first, "203.0.113.203", "fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5",
			"2019-06-05T11:38:20Z", "fc93fc62807ddb86010000005cf7a9acf73a7810aca2381e",
		},
		"over IPv6, before the secret changes": {
			"dd3bdf9344b678b185a6f5cb60fca715", "2001:db8:220:1:59de:d0f4:8769:82b8", "22681ab97d52c298",
			"2019-06-05T13:36:57Z", "22681ab97d52c298010000005cf7c57926556bd0934c72f8",
		},
		"over IPv6, after it": {
			"445536bcd2513298075a5d379663c962", "2001:db8:220:1:59de:d0f4:8769:82b8", "22681ab97d52c298",
			"2019-06-05T13:39:21Z", "22681ab97d52c298010000005cf7c609a6bb79d16625507a",
		},
	}
	for name, c := range tests {
		t.Run(name, func(t *testing.T) {
			at, err := time.Parse(time.RFC3339, c.at)
			if err != nil {
				t.Fatal(err)
			}
			s := cookie.ParseSecret([16]byte(octets(t, c.secret)))
			got, _ := s.Answer(octets(t, c.sent), netip.MustParseAddr(c.client), at)
			if hex.EncodeToString(got[:]) != c.want {
				t.Errorf("%x, want %s", got, c.want)
			}
		})
	}
}

// RFC 9018, section 4.2, and appendix A.3: reserved octets that are not zero are part of what the hash is made of, and
// no reason to refuse a cookie.
func TestReservedOctets(t *testing.T) {
	s := cookie.ParseSecret([16]byte(octets(t, "e5e973e5a6b2a43f48e7dc849e37bfcf")))
	sent, made := octets(t, "fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5"), time.Unix(1559727985, 0)
	if got, good := s.Answer(sent, netip.MustParseAddr("203.0.113.203"), made); !good || !bytes.Equal(got[:], sent) {
		t.Errorf("%x, good %v, want the same again", got, good)
	}
}

func TestAge(t *testing.T) {
	s, client := cookie.NewSecret(), netip.MustParseAddr("192.0.2.1")
	start := time.Unix(1<<32-100, 0) // the time of cookies wraps around soon
	made, good := s.Answer([]byte("abcdefgh"), client, start)
	if good {
		t.Error("a client's own part alone is a good cookie")
	}
	for after, want := range map[time.Duration]struct{ good, same bool }{
		-301 * time.Second: {false, false},
		-300 * time.Second: {true, true},
		0:                  {true, true},
		1799 * time.Second: {true, true},
		1800 * time.Second: {true, false},
		3600 * time.Second: {true, false},
		3601 * time.Second: {false, false},
		1e6 * time.Second:  {false, false},
	} {
		again, good := s.Answer(made[:], client, start.Add(after))
		if good != want.good || (again == made) != want.same {
			t.Errorf("after %v: good %v, the same %v, want %+v", after, good, again == made, want)
		}
	}
}

// Whatever differs from what was given out is no good, and gets a good one.
func TestForged(t *testing.T) {
	s, client, now := cookie.NewSecret(), netip.MustParseAddr("2001:db8::1"), time.Unix(1e9, 0)
	made, _ := s.Answer([]byte("abcdefgh"), client, now)
	for i := range made {
		other := made
		other[i] ^= 1
		answer, good := s.Answer(other[:], client, now)
		if good {
			t.Errorf("octet %d changed: good", i)
		}
		if _, good = s.Answer(answer[:], client, now); !good {
			t.Errorf("octet %d changed: the answer is no good", i)
		}
	}
	for name, from := range map[string]string{"another address": "2001:db8::2", "one of IPv4": "192.0.2.1"} {
		if _, good := s.Answer(made[:], netip.MustParseAddr(from), now); good {
			t.Errorf("good from %s", name)
		}
	}
	if _, good := cookie.NewSecret().Answer(made[:], client, now); good {
		t.Error("good under another secret")
	}
	if _, good := s.Answer(append(made[:], 0), client, now); good {
		t.Error("good with an octet more")
	}
}

func TestMappedAddressIsTheSame(t *testing.T) {
	s, now := cookie.NewSecret(), time.Unix(1e9, 0)
	made, _ := s.Answer([]byte("abcdefgh"), netip.MustParseAddr("192.0.2.1"), now)
	if _, good := s.Answer(made[:], netip.MustParseAddr("::ffff:192.0.2.1"), now); !good {
		t.Error("no good from the mapped address")
	}
}

func TestAnswerDoesNotAllocate(t *testing.T) {
	s, client, now := cookie.NewSecret(), netip.MustParseAddr("2001:db8::1"), time.Now()
	made, _ := s.Answer([]byte("abcdefgh"), client, now)
	if n := testing.AllocsPerRun(100, func() { s.Answer(made[:], client, now) }); n != 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}

func BenchmarkAnswer(b *testing.B) {
	s, client, now := cookie.NewSecret(), netip.MustParseAddr("192.0.2.1"), time.Now()
	made, _ := s.Answer([]byte("abcdefgh"), client, now)
	b.Run("good", func(b *testing.B) {
		for b.Loop() {
			s.Answer(made[:], client, now)
		}
	})
	b.Run("new", func(b *testing.B) {
		for b.Loop() {
			s.Answer(made[:8], client, now)
		}
	})
}

// FuzzAnswer holds that what is answered is good, whatever was sent.
func FuzzAnswer(f *testing.F) {
	f.Add([]byte("abcdefgh"), int64(1e9))
	f.Add([]byte("abcdefgh\x01\x00\x00\x00abcd01234567"), int64(1<<32))
	s, client := cookie.NewSecret(), netip.MustParseAddr("192.0.2.1")
	f.Fuzz(func(t *testing.T, sent []byte, seconds int64) {
		if len(sent) < cookie.ClientSize {
			return
		}
		now := time.Unix(seconds, 0)
		answer, _ := s.Answer(sent, client, now)
		if again, good := s.Answer(answer[:], client, now); !good || again != answer {
			t.Errorf("%x: the answer %x is no good", sent, answer)
		}
	})
}
