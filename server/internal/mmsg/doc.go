// Package mmsg reads and sends many packets of a UDP socket with one system call,
// recvmmsg and sendmmsg, where there are these: on Linux. Only [Await] waits, and nothing allocates.
//
// A system call for each packet costs more than all that we do with a query, and wakes whoever waits for
// the packets once for each. What golang.org/x/net has for it was turned down: it allocates an address
// for each packet, and was slower than one packet a call.
package mmsg
