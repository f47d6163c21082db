// Package vpcd puts a virtual card into a reader of the PC/SC daemon: it is the card's
// end of the protocol between vsmartcard's virtual card and its reader driver vpcd
// (github.com/frankmorgner/vsmartcard, virtualsmartcard/src/vpcd/vpcd.c, and the
// chapter "Virtual Smart Card" of its manual).
//
// The driver listens on a TCP port, 35963 unless configured otherwise, for each of its
// readers one; the card connects to it, and is then in the reader. Every message is two
// bytes of length, the higher first, and as many bytes. One byte from the driver is
// power and reset (0, 1, 2) or asks for the ATR (4); anything longer is a command APDU,
// which is answered by the response.
//
// The driver sends length and content by themselves. So that its second packet does
// not wait for a delayed acknowledgement of the first, 40 ms on Linux, this side
// acknowledges at once.
//
// The protocol has no authentication: whatever is at the other end of the port is
// trusted to be the driver. Start with [Run]; [Serve] is one connection.
package vpcd
