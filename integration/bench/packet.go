//go:build linux

package main

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"splitdns/matcher"
)

// Sizes and codes of DNS messages (RFC 1035, section 4.1; RFC 6891, section 6.1).
const (
	headerSize = 12
	typeA      = 1
	typeAAAA   = 28
	nxdomain   = 3
	bitQR      = 0x80 // of octet 2
	bitRD      = 0x01 // of octet 2
	bitRA      = 0x80 // of octet 3
	udpSize    = 1232 // what our OPT records advertise
)

// optRecord is an OPT record without options.
var optRecord = []byte{0, 0, 41, udpSize >> 8, udpSize & 0xff, 0, 0, 0, 0, 0, 0}

// newQuery is a query with EDNS for name, its ID 0.
func newQuery(name string, qtype uint16) ([]byte, error) {
	n, err := matcher.ParseName(name)
	if err != nil {
		return nil, fmt.Errorf("making a query: %w", err)
	}
	q := []byte{0, 0, bitRD, 0, 0, 1, 0, 0, 0, 0, 0, 1}
	q = n.AppendWire(q)
	q = binary.BigEndian.AppendUint16(q, qtype)
	q = append(q, 0, 1)
	return append(q, optRecord...), nil
}

// questionEnd is where the question of a packet ends, or 0 if it has none that
// is whole and uncompressed.
func questionEnd(packet []byte) int {
	for at := headerSize; at < len(packet); at += int(packet[at]) + 1 {
		if packet[at] == 0 && at+5 <= len(packet) {
			return at + 5
		}
		if packet[at] == 0 || packet[at] > 63 {
			return 0
		}
	}
	return 0
}

// An expectation is how the response to a query must look.
type expectation struct {
	Rcode  byte `json:"rcode"`
	Answer bool `json:"answer"` // it has records in the answer section
}

// met says whether response answers query as expected: the header, and the
// question octet by octet. The ID is the caller's to compare.
func (e expectation) met(query, response []byte) bool {
	end := len(query) - len(optRecord)
	if len(response) < end || response[2]&bitQR == 0 || response[3]&0x0f != e.Rcode {
		return false
	}
	answers := response[6] != 0 || response[7] != 0
	return answers == e.Answer && bytes.Equal(response[headerSize:end], query[headerSize:end])
}
