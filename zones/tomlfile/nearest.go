package tomlfile

import (
	"slices"
	"strings"
)

// maxWord is the longest word that Nearest looks at; longer ones are not typing mistakes.
const maxWord = 64

// maxCandidates is how many candidates Nearest looks at.
const maxCandidates = 1000

// Nearest gives the word that was most likely meant by a mistyped one: the
// candidate with the fewest letters wrong, in whatever case, if no more than a
// third of them are. It gives "" where none is near. Words in except are left out,
// and of very many candidates the last.
func Nearest(word string, candidates []string, except ...string) string {
	if len(word) > maxWord {
		return ""
	}
	best, fewest := "", 0
	for _, c := range candidates[:min(len(candidates), maxCandidates)] {
		if len(c) > maxWord || slices.Contains(except, c) {
			continue
		}
		d := distance(strings.ToLower(word), strings.ToLower(c))
		if d <= max(1, (max(len(word), len(c))+1)/3) && (best == "" || d < fewest) {
			best, fewest = c, d
		}
	}
	return best
}

// distance counts the letters to insert, delete, replace or swap with their
// neighbour to make b of a (optimal string alignment).
func distance(a, b string) int {
	var beforeLast []int
	last := make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range len(a) {
		row := make([]int, len(b)+1)
		row[0] = i + 1
		for j := range len(b) {
			changed := last[j]
			if a[i] != b[j] {
				changed++
			}
			row[j+1] = min(changed, last[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], beforeLast[j-1]+1)
			}
		}
		beforeLast, last = last, row
	}
	return last[len(b)]
}
