// Package session is one synchronisation of a device with its intermediary, the
// same for a card behind a phone and for a terminal: [Run] tells it in order.
//
// It trusts neither side. Whatever it carries is signed by one of them and
// checked by the other, and every step can be repeated: a session that broke off
// anywhere is finished by the next one.
package session
