// Package auditlog is a file that can only grow: each line carries the SHA-256 of
// the line before it and a signature over itself, so that a line that was changed,
// removed, added or moved is found by anybody who has the public key.
//
// A line is a JSON object, a blank, and the signature in base64url (64 bytes r || s,
// ECDSA P-256 with SHA-256, over the domain name [Domain] and the object). Every
// line is signed, not only heads now and then: there are few lines for a card, each
// costs no more than the card's own certificate, and no end of the file is ever
// without a signature.
//
// What a file alone cannot show is that whole lines are missing at its end; for that
// keep its [Head], number and hash of the last line, elsewhere.
//
// The package trusts the key and the clock of its caller. Start at [Next] for
// writing a line, [Mend] and [Append] for the file, [Verify] for reading.
package auditlog
