//go:build linux

package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"time"
)

// Limits of warming a server up.
const (
	warmBatch    = 64                     // questions under way
	warmPatience = 200 * time.Millisecond // until those that are left are asked again
	warmTries    = 50                     // until the server counts as broken
	warmMost     = 5 * time.Second        // for all of it, over TCP
)

// warm asks each hot question once, so that the server has the answer.
func (j job) warm(hot [][]byte) error {
	c, err := net.DialUDP("udp4", nil, &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: j.Port})
	if err != nil {
		return err
	}
	defer c.Close()
	for questions := range slices.Chunk(hot, warmBatch) {
		if err := j.learn(c, questions); err != nil {
			return fmt.Errorf("asking each hot name once: %w", err)
		}
	}
	return nil
}

// learn asks questions until each was answered as expected. The ID of a query is its
// index.
func (j job) learn(c *net.UDPConn, questions [][]byte) error {
	var left []int
	for i := range questions {
		left = append(left, i)
	}
	var wrong error
	for range warmTries {
		for _, i := range left {
			questions[i][1] = byte(i)
			if _, err := c.Write(questions[i]); err != nil {
				return err
			}
		}
		if err := c.SetReadDeadline(time.Now().Add(warmPatience)); err != nil {
			return err
		}
		if left, wrong = j.collect(c, questions, left); len(left) == 0 {
			return nil
		}
	}
	return fmt.Errorf("%d of %d have no right answer: %w", len(left), len(questions), wrong)
}

// collect takes responses until none is left to come or the deadline passes, and
// returns the questions that are left, and what was wrong with one.
func (j job) collect(c *net.UDPConn, questions [][]byte, left []int) ([]int, error) {
	response := make([]byte, packetSize)
	wrong := errors.New("no answer at all")
	for len(left) > 0 {
		n, err := c.Read(response)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			break
		}
		if err != nil {
			return left, err
		}
		at := -1
		if n >= headerSize {
			at = slices.Index(left, int(response[1]))
		}
		switch {
		case at < 0: // late, for a question that was asked twice
		case j.Expect.met(questions[left[at]], response[:n]):
			left = slices.Delete(left, at, at+1)
		default:
			wrong = fmt.Errorf("% x", response[:n])
		}
	}
	return left, wrong
}
