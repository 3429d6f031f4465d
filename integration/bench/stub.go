//go:build linux

package main

import (
	"encoding/binary"
	"errors"
	"net"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// stubTTL is the TTL of what the stub answers: nothing expires during a run.
const stubTTL = 3600

// addressSizes are the octets of the RDATA of A and AAAA.
var addressSizes = map[uint16]int{typeA: 4, typeAAAA: 16}

// The second label of names that do not have the one address that all others have.
const (
	ownLabel = "own" // each has one of its own, as good as always
	fewLabel = "few" // each has one of fewAddresses
)

// fewAddresses is how many addresses such names share; a power of two.
const fewAddresses = 64

// stubAddress is the RDATA for A or AAAA of the name that question begins with. It does not
// allocate.
func stubAddress(question []byte, qtype uint16) (data [16]byte, ok bool) {
	first, second := labels(question)
	number := uint32(1)
	switch string(second) {
	case ownLabel:
		number = hash(first) >> 8
	case fewLabel:
		number = 1 + hash(first)%fewAddresses
	}
	switch qtype {
	case typeA:
		binary.BigEndian.PutUint32(data[:], 11<<24|number)
	case typeAAAA:
		binary.BigEndian.PutUint32(data[:], 0x20010db8)
		binary.BigEndian.PutUint32(data[12:], number)
	default:
		return data, false
	}
	return data, true
}

// labels are the first two of a name in wire form that is whole; of a shorter one, what it has.
func labels(name []byte) (first, second []byte) {
	first, rest := name[1:1+name[0]], name[1+name[0]:]
	if len(first) == 0 {
		return nil, nil
	}
	return first, rest[1 : 1+rest[0]]
}

// hash is FNV-1a (RFC 9923), with its bits mixed once more: labels differ in their ends.
func hash(label []byte) uint32 {
	sum := uint32(2166136261)
	for _, c := range label {
		sum = (sum ^ uint32(c)) * 16777619
	}
	sum = (sum ^ sum>>16) * 0x85ebca6b
	return sum ^ sum>>13
}

// A held is a response that the stub holds until it is due.
type held struct {
	packet [packetSize]byte
	length int
	peer   unix.RawSockaddrInet4
	due    time.Time
}

// heldCount is the most responses that the stub holds; a power of two.
const heldCount = 4096

// A stub is the upstream of all servers: it answers any name, after delay. It
// holds responses in a ring; they are due in the order in which they came.
type stub struct {
	fd            int
	delay         time.Duration
	ring          []held
	first, behind int // held are first to behind-1, modulo len(ring)
	batch         *batch
}

// runStub is the role "stub": its arguments are the port and the delay.
func runStub(args []string) error {
	if len(args) != 2 {
		return errors.New("want a port and a delay")
	}
	port, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	delay, err := time.ParseDuration(args[1])
	if err != nil {
		return err
	}
	listener, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port})
	if err != nil {
		return err
	}
	go serveStreams(listener, func(stream []byte) []byte { return respondAll(stream, delay) })
	fd, err := openUDP(port)
	if err != nil {
		return err
	}
	s := &stub{fd: fd, delay: delay, ring: make([]held, heldCount), batch: newBatch()}
	for {
		if err := s.turn(); err != nil {
			return err
		}
	}
}

// turn waits for queries or for a response to be due, takes what has come, and
// sends what is due.
func (s *stub) turn() error {
	take := s.batch.wait
	if s.first != s.behind {
		take = s.batch.receive
		if err := s.wait(); err != nil {
			return err
		}
	}
	if err := s.take(take); err != nil {
		return err
	}
	return s.send()
}

// wait waits until a query has come or the first response held is due.
func (s *stub) wait() error {
	left := time.Until(s.at(s.first).due)
	if left <= 0 {
		return nil
	}
	ready := []unix.PollFd{{Fd: int32(s.fd), Events: unix.POLLIN}}
	timeout := unix.NsecToTimespec(int64(left))
	_, err := unix.Ppoll(ready, &timeout, nil)
	if errors.Is(err, unix.EINTR) {
		return nil
	}
	return err
}

// at is the i-th response since the start.
func (s *stub) at(i int) *held { return &s.ring[i&(len(s.ring)-1)] }

// take reads queries by means of read and turns them into the responses to hold.
func (s *stub) take(read func(fd, n int) (int, error)) error {
	room := min(batchSize, len(s.ring)-(s.behind-s.first))
	if room == 0 {
		return nil
	}
	for i := range room {
		h := s.at(s.behind + i)
		s.batch.set(i, h.packet[:])
		s.batch.setName(i, &h.peer)
	}
	n, err := read(s.fd, room)
	if err != nil {
		return err
	}
	due := time.Now().Add(s.delay)
	for i := range n {
		h := s.at(s.behind)
		h.length, h.due = respond(&h.packet, int(s.batch.messages[i].length)), due
		s.behind++
	}
	return nil
}

// send sends the responses that are due.
func (s *stub) send() error {
	now := time.Now()
	n := 0
	for ; n < batchSize && s.first+n != s.behind; n++ {
		h := s.at(s.first + n)
		if h.due.After(now) {
			break
		}
		s.batch.set(n, h.packet[:h.length])
		s.batch.setName(n, &h.peer)
	}
	if n == 0 {
		return nil
	}
	sent, err := s.batch.send(s.fd, n)
	s.first += max(sent, 1) // skip the one that cannot be sent
	return err
}

// respond turns the query in the first n octets of packet into its response, and
// returns how long that is: an address for A and AAAA, for other types the SOA
// that says there is no such record (RFC 2308, section 2.2). A query that cannot be
// read becomes the shortest response.
func respond(packet *[packetSize]byte, n int) int {
	end := questionEnd(packet[:n])
	if end == 0 || end > packetSize-100 {
		packet[2] |= bitQR
		return headerSize
	}
	edns := packet[11] != 0
	packet[2] |= bitQR
	packet[3] = bitRA
	copy(packet[6:headerSize], []byte{0, 0, 0, 0, 0, 0})
	out := packet[:end]
	qtype := binary.BigEndian.Uint16(packet[end-4:])
	if data, ok := stubAddress(packet[headerSize:end], qtype); ok {
		packet[7] = 1
		out = appendRecord(out, qtype, data[:addressSizes[qtype]])
	} else {
		packet[9] = 1
		out = appendRecord(out, 6, soaData)
	}
	if edns {
		packet[11] = 1
		out = append(out, optRecord...)
	}
	return len(out)
}

// respondAll responds to the framed queries in stream, all of them after delay. dnsdist
// asks over TCP what it was asked over TCP.
func respondAll(stream []byte, delay time.Duration) []byte {
	var out []byte
	for len(stream) > 0 {
		end := 2 + int(binary.BigEndian.Uint16(stream))
		var packet [packetSize]byte
		n := copy(packet[:], stream[2:end])
		if n >= headerSize {
			n = respond(&packet, n)
		}
		out = binary.BigEndian.AppendUint16(out, uint16(n))
		out = append(out, packet[:n]...)
		stream = stream[end:]
	}
	time.Sleep(delay)
	return out
}

// soaData is the RDATA of an SOA record: MNAME and RNAME the root, then its five
// numbers.
var soaData = []byte{0, 0, 0, 0, 0, 1, 0, 0, 14, 16, 0, 0, 2, 88, 0, 1, 81, 128, 0, 0, 0, 60}

// appendRecord appends a record whose owner is the name of the question.
func appendRecord(out []byte, rtype uint16, data []byte) []byte {
	out = append(out, 0xc0, headerSize)
	out = binary.BigEndian.AppendUint16(out, rtype)
	out = append(out, 0, 1)
	out = binary.BigEndian.AppendUint32(out, stubTTL)
	out = binary.BigEndian.AppendUint16(out, uint16(len(data)))
	return append(out, data...)
}
