package matcher

import "slices"

// Overlaps says whether there is a name that both p and q match. It is exact, but for
// the length of whole names: two patterns that only names over 255 octets could match
// are said to overlap.
func (p Pattern) Overlaps(q Pattern) bool {
	if p.suffix.IsZero() || q.suffix.IsZero() {
		return false
	}
	if p.fixed > q.fixed {
		p, q = q, p
	}
	if p.suffix != q.suffix && !q.suffix.Below(p.suffix) {
		return false
	}
	// q has the longer suffix: what it has more of meets p's tail.
	qTail := append(q.suffix.labelsFromRight(p.fixed), q.tail...)
	if !reaches(p.anchor, len(p.tail), q.anchor, len(qTail)) {
		return false
	}
	for i := range min(len(p.tail), len(qTail)) {
		if !p.tail[i].overlaps(qTail[i]) {
			return false
		}
	}
	return true
}

// reaches says whether two patterns that end after m and n labels can match names of
// the same number of labels.
func reaches(a anchor, m int, b anchor, n int) bool {
	if a == below {
		m++
	}
	if b == below {
		n++
	}
	return m == n || m < n && a != exact || m > n && b != exact
}

// labelsFromRight returns the labels of n from the right to the left, without the first skip.
func (n Name) labelsFromRight(skip int) []label {
	var labels []label
	for rest := n.wire; len(rest) > 1; {
		end := 1 + int(rest[0])
		labels = append(labels, label{{kind: literal, text: rest[1:end]}})
		rest = rest[end:]
	}
	slices.Reverse(labels)
	return labels[skip:]
}

// overlaps says whether there is a label that both l and m stand for.
func (l label) overlaps(m label) bool {
	switch {
	case l.isLiteral():
		return m.matches([]byte(l[0].text), inRange)
	case m.isLiteral():
		return l.matches([]byte(m[0].text), inRange)
	case l.isLoneStar() || m.isLoneStar():
		return true
	}
	return commonText(l, m)
}
