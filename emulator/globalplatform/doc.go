// Package globalplatform is the card manager of the virtual card: the issuer
// security domain that is selected when the card gets power, and that loads,
// installs, lists and deletes applets and takes keys over a secure channel. It
// follows "GlobalPlatform Card Specification 2.3.1" (GPC) with SCP03 (package
// ekrona.example/apdu/scp03), as far as a card for one issuer needs it:
//
//   - one security domain, the issuer's; extradition, delegated management, tokens
//     and signatures over load files (DAP) are refused;
//   - logical channels, as the card below has them; AES keys;
//   - applets use it through org.globalplatform: their life cycle states, registry
//     entries, global services, and its secure channel (applets.go). INSTALL [for
//     personalization] has STORE DATA go to an applet that takes it. Service parameters
//     are not recorded, and the historical bytes of the answer to reset stay.
//
// A blank card has the published test keys as key set FF, which is gone once
// another complete set is put, as on cards of the P71 family. After
// maxTries wrong keys in a row a key set is blocked for good.
//
// Its state (keys, life cycles, privileges, data objects) is one record in the card's
// persistent memory: it is in the card's file, and a change of it happens whole or not
// at all when power fails. For an installation the record is written before the applet
// is there, so that no cut leaves an applet more rights than the command gave; the
// record of an applet that was not installed is dropped.
//
// It trusts the program that uses it, and no command. A Card is used by one
// goroutine at a time. Start with [New]; one file for each command.
package globalplatform
