// Package session is one synchronisation of a device with its intermediary, the same for a card
// behind a phone and for a terminal: [Run] has the steps in order.
//
// It trusts neither side. Whatever it carries is signed by one of them and checked by the other,
// and every step can be repeated: the next session finishes one that broke off anywhere.
package session
