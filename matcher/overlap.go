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
	pTail, qTail := p.odd.labels(), q.odd.labels()
	if q.fixed > p.fixed { // what q's suffix has more of meets p's tail
		qTail = append(q.suffix.labelsFromRight(int(p.fixed)), qTail...)
	}
	if !reaches(p.anchor, len(pTail), q.anchor, len(qTail)) {
		return false
	}
	for i := range min(len(pTail), len(qTail)) {
		if !pTail[i].overlaps(qTail[i]) {
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
	case l.partsWith(m):
		return false
	}
	return commonText(l, m)
}

// partsWith says whether l and m differ in a literal that both begin or both end with.
// That is quickly seen, and tells most labels of long lists apart.
func (l label) partsWith(m label) bool {
	a, b := l[0].text, m[0].text
	both := min(len(a), len(b))
	if a[:both] != b[:both] {
		return true
	}
	a, b = l[len(l)-1].text, m[len(m)-1].text
	both = min(len(a), len(b))
	return a[len(a)-both:] != b[len(b)-both:]
}

// Form returns what p has in common with every pattern of equal rank that it overlaps.
// So only patterns of one form, all of them of equal rank, need be held against each
// other. It is empty where there is none but p itself: without ranges and without stars
// inside labels. The form is for comparison, and means nothing else.
func (p Pattern) Form() string {
	if p.odd == nil {
		return ""
	}
	form := append([]byte(p.suffix.wire), byte(p.anchor))
	for _, l := range p.odd.tail {
		begin := len(form)
		form = l.appendForm(append(form, l.rank(), 0))
		form[begin+1] = byte(len(form) - begin)
	}
	return string(form)
}

// appendForm appends the label's own share of [Pattern.Form]. All that a label without a
// star stands for is the same text but for the digits in it; where there is a star, only
// the rank is sure.
func (l label) appendForm(form []byte) []byte {
	if l.hasStar() {
		return form
	}
	if l.isLiteral() {
		return append(form, l[0].text...)
	}
	var text []byte
	for _, p := range l {
		if p.kind == numbers {
			text = append(text, '0')
		}
		text = append(text, p.text...)
	}
	for i, c := range text {
		if !isDigit(c) {
			form = append(form, c)
		} else if i == 0 || !isDigit(text[i-1]) {
			form = append(form, '0')
		}
	}
	return form
}
