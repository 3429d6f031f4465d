package listen

// Limiter bounds the queries under way. It may be shared by several listeners, and is safe for
// concurrent use.
type Limiter struct{ slots chan struct{} }

// NewLimiter returns a limiter for n queries at a time. It panics if n is less than 1.
func NewLimiter(n int) *Limiter {
	if n < 1 {
		panic("listen: a limit below 1 lets no query in")
	}
	return &Limiter{slots: make(chan struct{}, n)}
}

// UnderWay is the number of queries under way now.
func (l *Limiter) UnderWay() int { return len(l.slots) }

// try takes a place if one is free.
func (l *Limiter) try() bool {
	select {
	case l.slots <- struct{}{}:
		return true
	default:
		return false
	}
}

// wait takes a place when one is free; false if stopping was closed before. Those who wait go before
// those who try, so a flood over UDP does not starve TCP.
func (l *Limiter) wait(stopping <-chan struct{}) bool {
	select {
	case l.slots <- struct{}{}:
		return true
	case <-stopping:
		return false
	}
}

// release gives a place back.
func (l *Limiter) release() { <-l.slots }
