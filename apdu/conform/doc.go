// Package conform checks any smart card against ISO/IEC 7816: more than a hundred checks that are
// values, each with the clause that it comes from, the commands that it sends and what is accepted
// of the answers ([Checks]). Start at [Run].
//
// What the standards leave to a card is accepted: a card without logical channels, extended length
// or an FCI keeps them too, and the checks that need such a thing are left out with the reason.
// What they leave to the application is none of the card's faults either: on a Java Card most
// commands reach the applet, which answers as it likes. Such an answer is [Allowed], with the
// clause.
// Checks send SELECT, MANAGE CHANNEL, GET RESPONSE, GET DATA, GET CHALLENGE and READ BINARY, their
// malformed forms, and instructions and classes that the standard has no command for. None of them
// changes what is stored on a card; nothing that could cost a try, such as VERIFY, is sent.
//
// The card is trusted in nothing: its answers are parsed with their lengths checked, and every loop
// has an end.
package conform
