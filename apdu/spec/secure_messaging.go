package spec

import "ekrona.example/apdu"

// ClassSecured are the bits of a class byte whose command is under secure messaging with
// an authenticated header (ISO/IEC 7816-4:2013 §5.4.1): 0C and 8C here.
const ClassSecured = apdu.ClassSecured

// SecureMessaging of commands and answers between card and paired phone, after BSI TR-03110-3
// appendix F with AES-128: SecuredCommand takes the place of a command's data and
// SecuredAnswer that of its answer and status word.
var (
	SecuredCommand = []Field{
		optional(Field{Name: "CRYPTOGRAM", Tag: TagCryptogram, Min: 1 + IVLength,
			Max: securedLength(maxSecured), Meaning: "01, then the command's data, enciphered"}),
		optional(field("LE", TagLe, "")),
		{Name: "MAC", Tag: TagMAC, Min: PINMACLength, Max: PINMACLength,
			Meaning: "over counter, header and what is before"},
	}
	SecuredAnswer = []Field{
		optional(Field{Name: "CRYPTOGRAM", Tag: TagCryptogram, Min: 1 + IVLength,
			Max: securedLength(maxSecured), Meaning: "01, then the answer, enciphered"}),
		field("STATUS", TagProcessingStatus, ""),
		{Name: "MAC", Tag: TagMAC, Min: PINMACLength, Max: PINMACLength,
			Meaning: "over counter and what is before"},
	}
)

// maxSecured is the longest ACCEPT, and longer than any answer but PAY's.
const maxSecured = 486

// securedLength is the length of the cryptogram of n bytes: padded with 80 and zeros, behind
// the byte 01.
func securedLength(n int) int { return 1 + (n/IVLength+1)*IVLength }

// IsSecured reports whether a command may come under secure messaging: all but those that
// begin and end it, and PAY, which enciphers for itself.
func (c *Command) IsSecured() bool {
	switch c {
	case Select, GetResponse, MutualAuthenticate, Pair, Pay:
		return false
	}
	return true
}
