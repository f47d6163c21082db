package spec

import "ekrona.example/apdu"

// GetChallenge asks the card for the session's next nonce.
var GetChallenge = command(Command{
	Name: "GET CHALLENGE", CLA: apdu.ClassInterindustry, INS: 0x84,
	Class:  "GetChallenge",
	Clause: "ISO/IEC 7816-4:2013 §11.5.3",
	Purpose: "Get the session's next nonce, in place of the one before: for an enciphered PIN or " +
		"a Challenge when the nonce of SELECT has been used up.",
	Effect: "Nothing persistent changes. The nonce is good until the next one, until the end of " +
		"the session, or until an enciphered PIN has used it up, right or wrong.",
	Variants: []Variant{
		{Out: []Field{raw("NONCE", KindRandom, NonceLength, NonceLength,
			"the session's nonce")}}},
})
