// Package gpc holds the wire facts of GlobalPlatform card content management:
// instructions, tags, life cycles, privileges, what to do about a status word (what it
// means is in package apdu), and the layouts of command and response data of the
// "GlobalPlatform Card Specification 2.3.1" (GPC). The client
// (apdu/globalplatform) writes commands and reads answers with it, the virtual
// card's security domain (emulator/globalplatform) the other way round.
//
// What it parses is not trusted: lengths are checked before use, and what a parser
// accepts encodes back to the same meaning.
//
// Start at the constants in wire.go, then one file for each command with a layout.
package gpc
