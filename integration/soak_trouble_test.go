package integration_test

import (
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"
)

// What an upstream in trouble does.
const (
	well      = iota
	stalls    // says nothing
	isWrong   // wrong IDs and questions, before the right response or instead of it
	malforms  // damaged responses
	refuses   // SERVFAIL
	isSlow    // late, but in time
	cutsShort // TC over UDP, and the connection is closed early now and then
	isDead    // nothing is at its port
	flaps     // there and not there
	troubles  // how many there are
)

// A trouble is what an upstream does at the moment.
type trouble struct {
	now atomic.Int32

	mu     sync.Mutex // guards chance
	chance *rand.Rand
}

// newTrouble is well.
func newTrouble() *trouble { return &trouble{chance: rand.New(rand.NewPCG(7, 8))} }

// set is what the upstream does from now on.
func (tr *trouble) set(what int32) { tr.now.Store(what) }

// intN is a random number below n.
func (tr *trouble) intN(n int) int {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	return tr.chance.IntN(n)
}

// run goes from one trouble to the next until stop is closed. In the end the upstream
// is there.
func (tr *trouble) run(u *scripted, stop <-chan struct{}) {
	const longest, flap = 3 * time.Second, 50 * time.Millisecond
	each := min(*soakFor/troubles, longest)
	due := time.NewTicker(flap)
	defer due.Stop()
	alive, began := true, time.Now()
	for {
		what := int32(time.Since(began)/each) % troubles
		tr.set(what)
		wanted := what != isDead && (what != flaps || !alive)
		if wanted != alive {
			alive = tr.change(u, wanted)
		}
		select {
		case <-stop:
			for !alive {
				alive = tr.change(u, true)
			}
			return
		case <-due.C:
		}
	}
}

// change lets the upstream die or come back, and says whether it is there.
func (tr *trouble) change(u *scripted, alive bool) bool {
	if !alive {
		u.stop()
		return false
	}
	return u.comeBack() == nil
}

// play is the script of the upstream.
func (tr *trouble) play(q asked) {
	right := addressFor(q.packet)
	if right == nil {
		return
	}
	switch tr.now.Load() {
	case stalls:
	case isWrong:
		tr.lie(q, right)
	case malforms:
		tr.mu.Lock()
		wrong := mutate(tr.chance, right[2:])
		tr.mu.Unlock()
		q.reply(append(right[:2:2], wrong...))
	case refuses:
		q.reply(with(with(right[:len(right)-addressSize], atFlags, 0x8182), atAnswers, 0))
	case isSlow:
		time.AfterFunc(300*time.Millisecond, func() { q.reply(right) })
	case cutsShort:
		tr.cut(q, right)
	default:
		q.reply(right)
	}
}

// lie sends what must not be taken for the response, and mostly the response after it.
func (tr *trouble) lie(q asked, right []byte) {
	forged := append(right[:len(right)-4:len(right)-4], "\xCB\x00\x71\x42"...)
	for _, at := range []int{0, atName + 1, len(right) - addressSize - 4} { // ID, name, type
		wrong := append([]byte(nil), forged...)
		wrong[at] ^= 5
		q.reply(wrong)
	}
	if tr.intN(3) > 0 {
		q.reply(right)
	}
}

// cut sends half of the truth.
func (tr *trouble) cut(q asked, right []byte) {
	if !q.tcp {
		q.reply(with(right, atFlags, 0x8380))
		return
	}
	if tr.intN(2) == 0 {
		q.hangUp()
		return
	}
	q.reply(right)
}

// addressSize is the length of the answer in what addressFor gives.
const addressSize = 16

// addressFor is a response with an address for a day, nil if the query cannot be read.
func addressFor(query []byte) []byte {
	if len(query) < atName {
		return nil
	}
	end, err := nameEnd(query, atName)
	if err != nil || end+4 > len(query) {
		return nil
	}
	packet := append([]byte(nil), query[:end+4]...)
	copy(packet[atFlags:], "\x81\x80\x00\x01\x00\x01\x00\x00\x00\x00")
	return append(packet, "\xC0\x0C\x00\x01\x00\x01\x00\x01\x51\x80\x00\x04\xC0\x00\x02\x01"...)
}

// An abuser does to a server's TCP what no client should, until stop is closed. It
// comes from an address of its own.
type abuser struct {
	addr string
	stop <-chan struct{}
}

// An abuse is what some abusers do with each of their connections. They ask for names
// that are in the cache: it is connections that they take, not the places of queries.
type abuse struct {
	atOnce int
	do     func(a abuser, c *net.TCPConn)
}

// abuses open more connections than the server has places for.
var abuses = map[string]abuse{
	"idle":         {60, func(a abuser, _ *net.TCPConn) { a.pause(3 * time.Second) }},
	"slow writer":  {20, abuser.writeSlowly},
	"never reader": {3, abuser.neverRead},
	"half message": {20, func(a abuser, c *net.TCPConn) {
		_, _ = c.Write([]byte{0, 100, 1, 2, 3})
		a.pause(time.Second)
	}},
	"reset": {2, func(a abuser, c *net.TCPConn) {
		_, _ = c.Write(a.query("hit2.steady.example."))
		_ = c.SetLinger(0) // Close resets
	}},
	"malformed": {2, func(a abuser, c *net.TCPConn) {
		_, _ = c.Write(framed(make([]byte, 12)))
		_, _ = c.Write(framed([]byte("hello")))
		_, _ = c.Write([]byte("GET / HTTP/1.1\r\n\r\n"))
		a.pause(50 * time.Millisecond)
	}},
}

// repeat opens connections, some at a time, and abuses each.
func (a abuser) repeat(what abuse) {
	var all sync.WaitGroup
	for range what.atOnce {
		all.Go(func() {
			for a.pause(20 * time.Millisecond) {
				a.once(what)
			}
		})
	}
	all.Wait()
}

// once abuses one connection.
func (a abuser) once(what abuse) {
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}, Timeout: time.Second}
	c, err := d.Dial("tcp", a.addr)
	if err != nil {
		return // the ports of an address come to an end
	}
	what.do(a, c.(*net.TCPConn))
	_ = c.Close()
}

// pause waits, and reports whether there is time left.
func (a abuser) pause(d time.Duration) bool {
	select {
	case <-a.stop:
		return false
	case <-time.After(d):
		return true
	}
}

// query is a framed query.
func (a abuser) query(name string) []byte {
	return framed(mustPack(new(dns.Msg).SetQuestion(name, dns.TypeA)))
}

// writeSlowly sends a query octet by octet.
func (a abuser) writeSlowly(c *net.TCPConn) {
	for _, b := range a.query("hit3.steady.example.") {
		if _, err := c.Write([]byte{b}); err != nil || !a.pause(100*time.Millisecond) {
			return
		}
	}
}

// neverRead sends queries as long as the server takes them, and then waits.
func (a abuser) neverRead(c *net.TCPConn) {
	q := a.query("hit1.steady.example.")
	_ = c.SetWriteDeadline(time.Now().Add(time.Second))
	for {
		if _, err := c.Write(q); err != nil {
			break
		}
	}
	a.pause(time.Second)
}
