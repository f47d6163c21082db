// Package pcsc gives access to cards in readers through PC/SC: on Linux through the daemon pcscd,
// by the binding github.com/ebfe/scard.
//
// The binding needs cgo and libpcsclite, and almost all of this project needs neither: only a
// program built with the tag "pcsc" has it. Without the tag all of this package is there and
// [Establish] returns [ErrUnavailable], which says what to install and how to build.
//
// Start with [Establish], then [System.Connect]: a [Card] is an [apdu.Card] that nobody else can
// use until Close. [System.Watch] reports what is plugged in and inserted.
//
// A card that was taken away, a reader unplugged, a daemon that died, a card in another program's
// use and a mute card are errors of this package, for errors.Is; each says what to do. After one of
// the first three a Card is unusable: what is in the reader now may be another card.
//
// Every Card has its own connection to the daemon, so that exchanges in several readers run side by
// side. Close resets the card: no verified PIN and no secure channel is left behind for the next
// program.
//
// The daemon and the reader are trusted to carry bytes faithfully or to report that
// they did not, and with plaintext PINs; ATR and answers of the card are not trusted.
package pcsc
