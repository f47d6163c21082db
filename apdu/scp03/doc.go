// Package scp03 is GlobalPlatform's Secure Channel Protocol 03: the channel over
// which a card takes applets and keys. It follows "Card Specification 2.2 -
// Amendment D 1.1.1" (Amd D), and 1.2 for cryptograms and MACs of 16 bytes.
//
// [Open] authenticates host and card to each other and returns a [Channel], which
// is an apdu.Card around the card that it was given: commands go out with C-MAC and
// encrypted, responses are checked and decrypted, as the [Level] says. The card's
// side is [Responder], for the virtual card.
//
// It trusts its caller to keep the static keys and to use a good source of
// randomness. The card is not trusted before its cryptogram is right: with a wrong
// one Open stops before EXTERNAL AUTHENTICATE, which would cost one of the few
// tries that a card gives. Nothing here writes a key into an error or a log.
package scp03
