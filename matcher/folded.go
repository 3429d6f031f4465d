package matcher

// folded is a name prepared for a comparison: its wire form in lower case, and where
// each label begins. It is meant to live on the stack.
type folded struct {
	octets [maxName]byte
	size   int // octets in use
	starts [maxName/2 + 1]uint8
	labels int // without the root; starts[labels] is where the root label stands
}

// read fills f with the name that wire begins with. It keeps nothing of wire.
func (f *folded) read(wire []byte) error {
	at := 0
	for {
		if at >= len(wire) {
			return errRunOff
		}
		if at >= maxName {
			return errLongName
		}
		f.starts[f.labels] = uint8(at)
		size := int(wire[at])
		if size == 0 {
			break
		}
		if size > maxLabel {
			return badLabel(wire[at])
		}
		f.labels++
		at += 1 + size
	}
	f.size = at + 1
	// Length octets are at most 63, below 'A': the whole name can be folded at once.
	for i, c := range wire[:f.size] {
		f.octets[i] = lower(c)
	}
	return nil
}

// badLabel tells the kinds of octets apart that do not begin a label (RFC 1035, section 4.1.4).
func badLabel(c byte) error {
	if c >= 0xc0 {
		return errPointer
	}
	return errLabelType
}

// wire returns the folded name. It is f's own memory.
func (f *folded) wire() []byte { return f.octets[:f.size] }

// from returns the name from its label i on, the root for i = f.labels.
func (f *folded) from(i int) []byte { return f.octets[f.starts[i]:f.size] }

// label returns the octets of label i, counted from the left.
func (f *folded) label(i int) []byte { return f.octets[f.starts[i]+1 : f.starts[i+1]] }
